"""A type and a shared limit, and those who wait: what wakes them."""

import pytest

from sharq_plug.model import HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import every_gate_hold, every_timed_gate_hold
from sharq_plug.testing.conformance.held_queues import every_event, hold
from sharq_plug.testing.conformance.held_wakes import heard_after
from sharq_plug.testing.conformance.lease_ends import Tending, every_way_to_tend
from sharq_plug.testing.conformance.limiter_leases import every_end
from sharq_plug.testing.conformance.limiters import Limiter, every_limiter
from sharq_plug.testing.conformance.operating import DAY
from sharq_plug.testing.conformance.setting import finish_with, patch
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    Ending,
    finish_job,
    next_ready_at,
    release_job,
    take,
    take_batch,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


class LimiterWakeConformance(Conformance):
    """An event that opens a type or a shared limit wakes; a place behind it wakes for its end."""

    @every_limiter
    @every_gate_hold
    async def test_an_event_that_opens_it_wakes_at_once(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.open(store, kind)
            await wakes.hear(0)
            await limiter.patch(store, paused=True)
            wakes.queues.clear()
            await limiter.patch(store, paused=False)
            await wakes.hear_of("q")

    @every_limiter
    @every_timed_gate_hold
    async def test_what_opens_earlier_than_before_wakes_for_then(
        self, store: QueueStore, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind, duration=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.close(store, kind, duration=400)
            assert 0 not in await wakes.hear(400)

    @every_limiter
    @every_timed_gate_hold
    async def test_an_event_that_leaves_it_closed_for_a_while_wakes_for_then(
        self, store: QueueStore, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind, duration=400)
        await limiter.close(store, HoldKind.PAUSED)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.open(store, HoldKind.PAUSED)
            assert 0 not in await wakes.hear(400)

    @every_limiter
    @pytest.mark.parametrize("paused_before", [False, True])
    async def test_an_event_that_opens_it_wakes_for_the_first_place(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, *, paused_before: bool
    ) -> None:
        await limiter.patch(store, paused=paused_before)
        await limiter.stock(store, ["late"], jobs=1, delay=900)
        await limiter.stock(store, ["early"], jobs=1, delay=500)
        await limiter.patch(store, paused=True)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.patch(store, paused=False)
            assert 0 not in await wakes.hear(400)

    @every_limiter
    @every_end
    async def test_the_end_of_a_lease_wakes_where_no_more_may_stand(
        self, store: QueueStore, limiter: Limiter, end: Ending
    ) -> None:
        await limiter.patch(store, concurrency=1)
        await limiter.stock(store, "ab", jobs=1)
        job = await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await end(store, job)
            await wakes.hear(0)
            await wakes.hear_of("b")

    @every_limiter
    @every_way_to_tend
    async def test_so_does_a_lease_that_expired_where_no_more_may_stand(
        self,
        store: QueueStore,
        clock: ManualClock,
        limiter: Limiter,
        tends: Tending,
    ) -> None:
        await limiter.patch(store, concurrency=1)
        await limiter.stock(store, "ab", jobs=1, requeue_limit=0)
        await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(LEASE_TIME)
            await tends(store)
            await wakes.hear(0)
            await wakes.hear_of("b")

    @every_limiter
    async def test_a_correction_that_opens_it_earlier_wakes_for_then(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store, limits=(Limit(1, 100),))
        await limiter.stock(store, "a", jobs=1, cost={"job": 9})
        await limiter.stock(store, "b", jobs=1)
        job = await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await finish_with(store, job, job=3)
            assert 0 not in await wakes.hear(300)

    @every_limiter
    @every_timed_gate_hold
    async def test_a_place_behind_what_is_closed_wakes_for_the_later_of_both(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind, duration=500)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.stock(store, "p", jobs=1)
            assert 0 not in await wakes.hear(400)
            await limiter.stock(store, ["later"], jobs=1, delay=600)
            assert 0 not in await wakes.hear(600)

    @every_limiter
    @every_event
    async def test_behind_what_an_event_closes_nobody_is_woken(
        self, store: QueueStore, limiter: Limiter, event: HoldKind
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "q", jobs=4)
        released, other, _ = await take_in_turn(store, 3)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.close(store, event)
            await limiter.stock(store, "p", jobs=1)
            await limiter.stock(store, ["later"], jobs=1, delay=50)
            await release_job(store, released)
            await finish_job(store, other)
            await patch(store, "p", freeze=10)
            await patch(store, "p", freeze=0)
            await limiter.open(store, event)
            assert await heard_after(store, wakes) == [0]

    @every_limiter
    @every_event
    async def test_what_opens_wakes_nobody_where_only_events_can_free_the_queues(
        self, store: QueueStore, limiter: Limiter, event: HoldKind
    ) -> None:
        await limiter.begin(store)
        await hold(store, event)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for paused in (True, False):
                await limiter.patch(store, paused=paused)
            assert await heard_after(store, wakes) == []

    @every_limiter
    async def test_what_opens_wakes_nobody_where_nothing_lives(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for paused in (True, False):
                await limiter.patch(store, paused=paused)
            assert await heard_after(store, wakes) == []

    @every_limiter
    async def test_who_watches_then_comes_when_told_misses_nothing_of_what_was_full(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store, concurrency=2)
        await limiter.stock(store, "abc", jobs=2)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            leased = await take_batch(store, 9)
            for _ in range(4):
                await finish_job(store, leased.pop())
                await wakes.hear(0)
                leased += await take_batch(store, 9)
                assert len(leased) == 2
            assert await next_ready_at(store) == clock.now() + LEASE_TIME

    @every_limiter
    async def test_what_has_opened_by_itself_wakes_as_before(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, HoldKind.FROZEN, duration=100)
        clock.advance(DAY)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await limiter.stock(store, "p", jobs=1)
            await wakes.hear(0)
