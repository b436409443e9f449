"""Defaults of queues without jobs: what they owe, and what they show."""

import pytest

from sharq_plug.model import Limit, Settings
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.forgetting_debts import (
    rest,
    was_dequeued_at_0,
    was_never_dequeued,
    with_sweeps,
)
from sharq_plug.testing.conformance.limiting import (
    BEGINNING,
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    spend,
)
from sharq_plug.testing.conformance.setting import (
    patch,
    rules,
    set_defaults,
)
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue

SLOW = Limit(1, 60_000)


class EmptyQueueDefaultsConformance(Conformance):
    """A queue without jobs goes by the defaults that it took up, until it comes back."""

    @with_sweeps
    async def test_its_debts_by_defaults_are_kept_until_they_are_paid(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await spend(store, 1)
        await rest(store, clock, 999, sweeps=sweeps)
        await was_dequeued_at_0(store, clock)

    @with_sweeps
    async def test_its_debts_by_defaults_are_forgotten_when_they_are_paid(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await spend(store, 3)
        await rest(store, clock, 3000, sweeps=sweeps)
        await was_never_dequeued(store, clock, 3000)

    @with_sweeps
    async def test_defaults_that_tighten_hold_for_what_it_still_owes(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await spend(store, 3)
        move_to(clock, 500)
        await set_defaults(store, limits=(Limit(1, 5000),))
        await rest(store, clock, 2999, sweeps=sweeps)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 15_000)

    @with_sweeps
    async def test_defaults_that_tighten_do_not_bring_back_what_was_paid(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await spend(store, 3)
        move_to(clock, 500)
        await set_defaults(store, limits=(Limit(1, 5000),))
        await rest(store, clock, 3000, sweeps=sweeps)
        await enqueue(store, "q", "1", "2")
        await goes_at(store, clock, 3000, 8000)

    @with_sweeps
    async def test_defaults_that_loosen_free_it_when_it_comes_back(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await set_defaults(store, limits=(SLOW,))
        await spend(store, 3)
        await set_defaults(store, limits=(EACH_SECOND,))
        await rest(store, clock, 2000, sweeps=sweeps)
        await enqueue(store, "q", "1", "2")
        await goes_at(store, clock, 3000, 4000)

    @with_sweeps
    async def test_a_look_shows_what_would_be_in_effect(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,), weight=2)
        await spend(store, 3)
        await set_defaults(store, limits=(Limit(1, 5000),), weight=None)
        await rest(store, clock, 2999, sweeps=sweeps)
        found = await rules(store)
        assert (found.pending, found.in_effect) == (False, Settings((Limit(1, 5000),)))
        assert [hold.until for hold in found.held_by] == [BEGINNING + 15_000]
        await rest(store, clock, 3000, sweeps=sweeps)
        assert (await rules(store)).held_by == ()

    @pytest.mark.parametrize("elapsed", [0, 999, 1000, 4999, 5000])
    async def test_a_look_shows_the_same_once_it_is_swept(
        self, store: QueueStore, clock: ManualClock, elapsed: int
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,), concurrency=2)
        await patch(store, "p", weight=3)
        await patch(store, "r", limits=(Limit(1, 5000),))
        for queue_id in ("q", "p", "r"):
            await enqueue(store, queue_id, "gone", interval=7)
        await goes_freely(store, 3)
        await set_defaults(store, limits=(Limit(1, 3000),))
        move_to(clock, elapsed)
        before = [await store.look(TYPE, queue_id) for queue_id in ("q", "p", "r")]
        await tend_all(store)
        assert [await store.look(TYPE, queue_id) for queue_id in ("q", "p", "r")] == before

    async def test_a_patch_lets_it_take_them_up(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await spend(store, 3)
        await set_defaults(store, limits=(Limit(1, 5000),))
        await patch(store, weight=2)
        move_to(clock, 14_999)
        await tend_all(store)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 15_000)
