"""Corrections: a finish that says what its job took, where that is not its cost."""

import pytest

from sharq_plug.model import (
    Limit,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    move_to,
    stock,
)
from sharq_plug.testing.conformance.setting import finish_with, set_limits
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    finish_job,
    next_ready_at,
    queue_order,
    release_job,
    take,
)

TOKENS = Limit(1, 100, 10, "token")


class CorrectionConformance(Conformance):
    """A correction adds the difference between what a job took and what it paid."""

    @pytest.mark.parametrize(
        ("actual", "instant"), [(2, 2000), (1, 1000), (3, 3000), (4, 4000), (100, 100_000)]
    )
    async def test_a_job_that_took_more_or_less_is_held_for_what_it_took(
        self, store: QueueStore, clock: ManualClock, actual: int, instant: int
    ) -> None:
        await stock(store, EACH_SECOND, cost={"job": 3})
        job = await take(store)
        move_to(clock, 700)
        await finish_with(store, job, job=actual)
        await goes_at(store, clock, instant, instant + 3000)

    async def test_what_is_corrected_has_a_burst_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(3, 1000, 2))
        job = await take(store)
        move_to(clock, 100)
        await finish_with(store, job, job=3)
        await goes_at(store, clock, 667, 1000, 1334)

    async def test_a_debt_does_not_fall_below_0(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, cost={"job": 5})
        job = await take(store)
        move_to(clock, 4500)
        await finish_with(store, job, job=1)
        await goes_at(store, clock, 4500, 9500)

    async def test_more_than_the_cost_is_owed_from_the_finish_on(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store)
        move_to(clock, 5000)
        await finish_with(store, job, job=3)
        await goes_at(store, clock, 7000)

    async def test_each_unit_is_corrected_by_itself(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, TOKENS, cost={"job": 2, "token": 5})
        job = await take(store)
        await finish_with(store, job, job=1, token=25)
        await goes_at(store, clock, 1600)

    async def test_a_unit_that_is_not_named_stays_as_it_was_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, TOKENS, cost={"job": 5, "token": 30})
        await finish_with(store, await take(store), token=10)
        await goes_at(store, clock, 5000)
        await stock(store, EACH_SECOND, TOKENS, queue_id="p", cost={"job": 2, "token": 50})
        await finish_with(store, await take(store), job=1)
        move_to(clock, 9000)
        assert await next_ready_at(store) == clock.now() + 100

    async def test_a_unit_that_the_cost_did_not_name_is_paid_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, TOKENS)
        await finish_with(store, await take(store), token=14)
        await goes_at(store, clock, *[500] * 9)

    @pytest.mark.parametrize("first", [0, 1])
    async def test_all_limits_of_a_unit_are_corrected(
        self, store: QueueStore, clock: ManualClock, first: int
    ) -> None:
        limits = [EACH_SECOND, Limit(1, 1500, 2)]
        await stock(store, limits[first], limits[1 - first])
        await finish_with(store, await take(store), job=9)
        await goes_at(store, clock, 12_000)

    @pytest.mark.parametrize("actual", [{}, {"job": 1}, {"byte": 5}])
    async def test_a_correction_of_nothing_brings_the_debts_to_now(
        self, store: QueueStore, clock: ManualClock, actual: dict[str, int]
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store)
        move_to(clock, 400)
        await finish_with(store, job, **actual)
        await set_limits(store, Limit(1, 2000))
        await goes_at(store, clock, 2400)

    async def test_a_finish_without_it_leaves_the_debts_where_they_were(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store)
        move_to(clock, 400)
        await finish_job(store, job)
        await set_limits(store, Limit(1, 2000))
        await goes_at(store, clock, 2000)

    async def test_without_limits_it_does_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        job = await take(store)
        move_to(clock, 400)
        await finish_with(store, job, job=9)
        await set_limits(store, EACH_SECOND)
        await goes_at(store, clock, 1000)

    async def test_it_goes_by_the_limits_of_the_finish(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, cost={"job": 5})
        job = await take(store)
        await set_limits(store, EACH_SECOND)
        move_to(clock, 100)
        await finish_with(store, job, job=7)
        await goes_at(store, clock, 3000)

    async def test_it_corrects_a_brought_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=1000)
        job = await take(store)
        move_to(clock, 300)
        await finish_with(store, job, job=4)
        await goes_at(store, clock, 4000)

    async def test_a_lowered_brought_interval_frees_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", "3", interval=1000, cost={"job": 4})
        job = await take(store)
        move_to(clock, 1300)
        await finish_with(store, job, job=1)
        assert await change_interval(store, TYPE, "q", 500)
        await goes_at(store, clock, 1300, 3300)

    async def test_a_queue_that_it_frees_goes_to_the_end_of_the_line(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, cost={"job": 9})
        job = await take(store)
        move_to(clock, 1000)
        await stock(store, queue_id="p", jobs=1)
        await finish_with(store, job, job=1)
        assert await queue_order(store, 2) == ["p", "q"]

    async def test_a_queue_that_it_holds_longer_goes_later(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 2), jobs=3)
        await finish_with(store, await take(store), job=3)
        await stock(store, EACH_SECOND, queue_id="p", jobs=2)
        jobs = await goes_at(store, clock, 0, 1000, 2000)
        assert [job.queue_id for job in jobs] == ["p", "p", "q"]

    async def test_only_what_the_last_lease_paid_is_corrected(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 5), jobs=2, cost={"job": 3})
        await release_job(store, await take(store))
        await finish_with(store, await take(store), job=1)
        await goes_at(store, clock, 0)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 3000)
