"""Debts of a queue in which no job lives: kept until all are paid, and not 1 ms longer."""

import pytest

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.kept_settings import Emptying, every_emptying
from sharq_plug.testing.conformance.limiting import (
    BEGINNING,
    EACH_SECOND,
    goes_at,
    move_to,
    spend,
    stock,
)
from sharq_plug.testing.conformance.setting import patch, set_limits
from sharq_plug.testing.conformance.vocabulary import enqueue, look, take

SLOW = Limit(1, 60_000)
TOKENS = Limit(1, 1000, 5, "token")

with_sweeps = pytest.mark.parametrize("sweeps", [False, True])


async def rest(store: QueueStore, clock: ManualClock, instant: int, *, sweeps: bool) -> None:
    """Let time pass until an instant, and sweep then and before, or not at all."""
    if sweeps:
        move_to(clock, instant - 1)
        await tend_all(store)
    move_to(clock, instant)
    if sweeps:
        await tend_all(store)


async def was_dequeued_at_0(store: QueueStore, clock: ManualClock) -> None:
    """Show that queue "q" still keeps that it was dequeued at 0."""
    await set_limits(store, SLOW)
    await enqueue(store, "q", "1", "2")
    await goes_at(store, clock, 60_000)


async def was_never_dequeued(store: QueueStore, clock: ManualClock, instant: int) -> None:
    """Show, at an instant, that queue "q" is as if it had never been dequeued."""
    await set_limits(store, SLOW)
    await enqueue(store, "q", "1", "2")
    await goes_at(store, clock, instant, instant + 60_000)


class DebtForgettingConformance(Conformance):
    """An empty queue keeps its debts until all are 0; from then on it was never dequeued."""

    @with_sweeps
    @pytest.mark.parametrize(
        ("limit", "cost", "paid_at"),
        [
            (EACH_SECOND, 1, 1000),
            (EACH_SECOND, 7, 7000),
            (Limit(1, 1000, 5), 1, 1000),
            (Limit(1, 1000, 5), 3, 3000),
            (Limit(3, 1000), 1, 334),
            (Limit(7, 10), 9, 13),
        ],
    )
    async def test_a_debt_is_forgotten_at_the_instant_it_is_paid(
        self,
        store: QueueStore,
        clock: ManualClock,
        *,
        limit: Limit,
        cost: int,
        paid_at: int,
        sweeps: bool,
    ) -> None:
        await stock(store, limit, jobs=0)
        await spend(store, cost)
        await rest(store, clock, paid_at, sweeps=sweeps)
        await was_never_dequeued(store, clock, paid_at)

    @with_sweeps
    @pytest.mark.parametrize(
        ("limit", "cost", "paid_at"),
        [
            (EACH_SECOND, 1, 1000),
            (Limit(1, 1000, 5), 1, 1000),
            (Limit(3, 1000), 1, 334),
            (Limit(1, 7000, 2), 1, 7000),
        ],
    )
    async def test_a_debt_is_kept_until_then(
        self,
        store: QueueStore,
        clock: ManualClock,
        *,
        limit: Limit,
        cost: int,
        paid_at: int,
        sweeps: bool,
    ) -> None:
        await stock(store, limit, jobs=0)
        await spend(store, cost)
        await rest(store, clock, paid_at - 1, sweeps=sweeps)
        await was_dequeued_at_0(store, clock)

    @with_sweeps
    @pytest.mark.parametrize("limits", [(EACH_SECOND, TOKENS), (TOKENS, EACH_SECOND)])
    async def test_nothing_is_forgotten_until_every_debt_is_paid(
        self, store: QueueStore, clock: ManualClock, limits: tuple[Limit, ...], *, sweeps: bool
    ) -> None:
        await stock(store, *limits, jobs=0)
        await spend(store, 3, unit="token")
        await rest(store, clock, 2999, sweeps=sweeps)
        await was_dequeued_at_0(store, clock)

    @with_sweeps
    async def test_when_every_debt_is_paid_all_is_forgotten(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, EACH_SECOND, TOKENS, jobs=0)
        await spend(store, 3, unit="token")
        await rest(store, clock, 3000, sweeps=sweeps)
        await was_never_dequeued(store, clock, 3000)

    @with_sweeps
    async def test_without_limits_nothing_is_owed(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, jobs=0)
        await spend(store, 9)
        await rest(store, clock, 1, sweeps=sweeps)
        await was_never_dequeued(store, clock, 1)

    @with_sweeps
    @pytest.mark.parametrize("state", ["waiting", "delayed", "leased"])
    async def test_a_queue_with_a_job_forgets_nothing(
        self, store: QueueStore, clock: ManualClock, state: str, *, sweeps: bool
    ) -> None:
        await stock(store, jobs=0)
        if state == "leased":
            await enqueue(store, "q", "leased")
            await take(store, lease_time=10**9)
        else:
            await enqueue(store, "q", "kept", delay=10**9 if state == "delayed" else None)
            await spend(store, 1)
        await rest(store, clock, 5000, sweeps=sweeps)
        await was_dequeued_at_0(store, clock)

    @every_emptying
    async def test_a_debt_outlives(
        self, store: QueueStore, clock: ManualClock, emptying: Emptying
    ) -> None:
        await stock(store, Limit(1, 1000, 9), jobs=0)
        await spend(store, 5)
        await enqueue(store, "q", "j", requeue_limit=0)
        await emptying(store, clock)
        await tend_all(store)
        await set_limits(store, EACH_SECOND)
        await enqueue(store, "q", "1")
        ready_at = (await look(store, "q")).next_ready_at
        assert ready_at in {BEGINNING + 5000, BEGINNING + 6000}

    @with_sweeps
    async def test_a_queue_without_jobs_can_be_loosened_until_it_owes_nothing(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, Limit(1, 5000), jobs=0)
        await spend(store, 1)
        await rest(store, clock, 2000, sweeps=sweeps)
        await set_limits(store, EACH_SECOND)
        await rest(store, clock, 2000, sweeps=sweeps)
        await was_never_dequeued(store, clock, 2000)

    @with_sweeps
    async def test_a_queue_without_jobs_can_be_tightened_while_it_owes(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, EACH_SECOND, jobs=0)
        await spend(store, 1)
        await rest(store, clock, 999, sweeps=sweeps)
        await set_limits(store, Limit(1, 40_000))
        await rest(store, clock, 39_999, sweeps=sweeps)
        await was_dequeued_at_0(store, clock)

    @with_sweeps
    async def test_a_queue_without_jobs_that_loses_its_limits_owes_nothing(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, SLOW, jobs=0)
        await spend(store, 5)
        await set_limits(store)
        await rest(store, clock, 1, sweeps=sweeps)
        await was_never_dequeued(store, clock, 1)

    @with_sweeps
    async def test_a_freeze_keeps_what_was_paid(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, EACH_SECOND, jobs=0)
        await spend(store, 1)
        await patch(store, freeze=10_000)
        await rest(store, clock, 9999, sweeps=sweeps)
        await was_dequeued_at_0(store, clock)

    @with_sweeps
    async def test_a_freeze_that_is_over_keeps_nothing(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, EACH_SECOND, jobs=0)
        await spend(store, 1)
        await patch(store, freeze=10_000)
        await rest(store, clock, 10_000, sweeps=sweeps)
        await was_never_dequeued(store, clock, 10_000)
