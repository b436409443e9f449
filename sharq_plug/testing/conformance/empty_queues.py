"""What an empty queue shows does not depend on whether it was swept."""

import pytest

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.forgetting_debts import TOKENS, rest, with_sweeps
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_freely,
    stock,
)
from sharq_plug.testing.conformance.precedence import in_effect
from sharq_plug.testing.conformance.setting import patch, set_limits
from sharq_plug.testing.conformance.vocabulary import TYPE, clear, enqueue, new_job


class EmptyQueueLookConformance(Conformance):
    """An empty queue that owes nothing shows no more than its settings."""

    @pytest.mark.parametrize("elapsed", [0, 1, 999, 1000, 2999, 3000, 4999, 5000, 10**6])
    async def test_a_look_shows_the_same_before_and_after_a_sweep(
        self, store: QueueStore, clock: ManualClock, elapsed: int
    ) -> None:
        names = ("plain", "dear", "limited", "settings", "frozen", "bare", "paused")
        await set_limits(store, EACH_SECOND, TOKENS, queue_id="limited")
        await patch(store, "settings", concurrency=3, weight=2)
        await patch(store, "paused", concurrency=3)
        for name in names:
            cost = {"job": 3, "token": 5} if name == "dear" else {"token": 5}
            await enqueue(store, name, "j", interval=0 if name == "bare" else 1000, cost=cost)
        await goes_freely(store, len(names))
        await patch(store, "frozen", freeze=5000)
        await patch(store, "paused", paused=True)
        clock.advance(elapsed)
        before = [await store.look(TYPE, name) for name in names]
        await tend_all(store)
        assert [await store.look(TYPE, name) for name in names] == before

    @with_sweeps
    async def test_a_brought_interval_is_forgotten_when_it_is_paid(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await patch(store, concurrency=3)
        await enqueue(store, "q", "gone", interval=1000, cost={"job": 2})
        await goes_freely(store, 1)
        await rest(store, clock, 1999, sweeps=sweeps)
        assert await in_effect(store) == (EACH_SECOND,)
        await rest(store, clock, 2000, sweeps=sweeps)
        assert await in_effect(store) == ()

    @with_sweeps
    async def test_a_brought_interval_is_kept_while_a_limit_is_owed(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, Limit(1, 5000), jobs=0)
        await enqueue(store, "q", "gone", interval=6000)
        await goes_freely(store, 1)
        await rest(store, clock, 4999, sweeps=sweeps)
        await patch(store, limits=None)
        assert await in_effect(store) == (Limit(1, 6000),)
        await rest(store, clock, 6000, sweeps=sweeps)
        assert await in_effect(store) == ()

    @with_sweeps
    async def test_a_brought_interval_is_forgotten_with_limits_that_are_paid(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await stock(store, Limit(1, 5000), jobs=0)
        await enqueue(store, "q", "gone", interval=6000)
        await goes_freely(store, 1)
        await rest(store, clock, 5000, sweeps=sweeps)
        await patch(store, limits=None)
        assert await in_effect(store) == ()

    @with_sweeps
    async def test_a_brought_interval_goes_with_a_queue_that_was_never_dequeued(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await patch(store, weight=2)
        await enqueue(store, "q", "cleared", interval=1000)
        assert await in_effect(store) == (EACH_SECOND,)
        await clear(store, "q")
        await rest(store, clock, 1, sweeps=sweeps)
        assert await in_effect(store) == ()

    @with_sweeps
    async def test_a_frozen_queue_keeps_its_brought_interval(
        self, store: QueueStore, clock: ManualClock, *, sweeps: bool
    ) -> None:
        await enqueue(store, "q", "gone", interval=1000)
        await goes_freely(store, 1)
        await patch(store, freeze=5000)
        await rest(store, clock, 4999, sweeps=sweeps)
        assert await in_effect(store) == (EACH_SECOND,)
        await rest(store, clock, 5000, sweeps=sweeps)
        assert await in_effect(store) == ()

    async def test_a_refused_enqueue_keeps_nothing_of_what_it_brought(
        self, store: QueueStore
    ) -> None:
        await patch(store, weight=2)
        await store.enqueue(TYPE, [new_job("q", "no", interval=9000, max_queued_length=0)])
        assert await in_effect(store) == ()
