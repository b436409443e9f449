"""Holds and those who wait: when they are to come back, and what wakes them."""

from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.model import Hold, HoldKind, Limit, Release
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_queues import (
    begin,
    every_event,
    every_hold,
    every_timed_hold,
    free,
    hold,
)
from sharq_plug.testing.conformance.lease_ends import ENDS, Tending, every_way_to_tend
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.setting import patch, rules
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    Ending,
    claim,
    enqueue,
    extend_lease,
    fail_job,
    finish_job,
    next_ready_at,
    reclaim,
    release_job,
    settle,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes

Deed = Callable[[QueueStore, ManualClock], Awaitable[object]]
MARK = 777
"""The delay of a wake-up that shows that an earlier call has woken nobody."""


async def heard_after(store: QueueStore, wakes: Wakes) -> list[int]:
    """Return the delays of all wake-ups that earlier calls have caused."""
    await enqueue(store, "marker", "j", delay=MARK)
    return [delay for delay in await wakes.hear(MARK) if delay != MARK]


class HeldNextReadyConformance(Conformance):
    """A dequeue that comes short says when the first hold ends by itself."""

    @every_timed_hold
    async def test_a_timed_hold_tells_its_end(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        end = clock.now() + 100
        await begin(store, "q")
        await hold(store, kind, duration=100)
        assert await next_ready_at(store) == end
        assert (await take_from(store, "q")).next_ready_at == end
        await take_exactly_at(store, clock, end)

    async def test_a_full_queue_tells_when_its_first_lease_expires(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await patch(store, concurrency=2)
        await enqueue(store, "q", "j1", "j2", "j3")
        late = await take(store, lease_time=900)
        early = await take(store, lease_time=500)
        assert await next_ready_at(store) == start + 500
        assert (await take_from(store, "q")).next_ready_at == start + 500
        await extend_lease(store, early, 1000)
        assert await next_ready_at(store) == start + 900
        await extend_lease(store, late, 2000)
        clock.advance(999)
        assert await next_ready_at(store) == start + 1000
        clock.advance(1)
        assert (await take(store)).job_id == "j2"

    async def test_nothing_is_foreseen_of_paused_queues(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1")
        await enqueue(store, "q", "j2", delay=100)
        await enqueue(store, "p", "j", delay=100)
        await patch(store, paused=True)
        await patch(store, "p", paused=True, freeze=50)
        assert await next_ready_at(store) is None
        assert (await take_from(store, "q", "p", "no")).next_ready_at is None
        clock.advance(200)
        assert await next_ready_at(store) is None

    async def test_other_queues_are_foreseen_beside_paused_ones(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await patch(store, paused=True)
        await enqueue(store, "later", "j", delay=100)
        assert await next_ready_at(store) == clock.now() + 100
        assert (await take_from(store, "q")).next_ready_at is None

    @every_hold
    async def test_a_queue_that_was_freed_is_ready_now(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind)
        clock.advance(10)
        await free(store, kind)
        assert (await take(store)).job_id == "j"


class HeldWakeConformance(Conformance):
    """Who waits hears of a queue that an event frees, and of none that only an event can free."""

    @every_hold
    async def test_a_queue_that_an_event_frees_wakes_at_once(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await free(store, kind)
            await wakes.hear(0)
            await wakes.hear_of("q")

    @every_timed_hold
    async def test_a_hold_that_ends_earlier_than_before_wakes_for_then(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind, duration=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await hold(store, kind, duration=400)
            assert 0 not in await wakes.hear(400)
            await wakes.hear_of("q")

    @every_event
    @every_timed_hold
    async def test_an_event_that_leaves_it_held_for_a_while_wakes_for_then(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind, event: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind, duration=500)
        await hold(store, event)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await free(store, event)
            assert 0 not in await wakes.hear(490)

    @pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
    async def test_room_for_a_lease_wakes(self, store: QueueStore, end: Ending) -> None:
        await patch(store, concurrency=1)
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await end(store, job)
            await wakes.hear(0)
            await wakes.hear_of("q")

    @every_way_to_tend
    async def test_a_lease_that_expired_makes_room_and_wakes(
        self,
        store: QueueStore,
        clock: ManualClock,
        tends: Tending,
    ) -> None:
        await patch(store, concurrency=1)
        await enqueue(store, "q", "j1", "j2")
        await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(LEASE_TIME)
            await tends(store)
            await wakes.hear(0)
            await wakes.hear_of("q")

    async def test_room_in_a_queue_that_its_limit_holds_wakes_for_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, concurrency=1, limits=(Limit(1, 1000),))
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await finish_job(store, job)
            assert 0 not in await wakes.hear(900)

    async def test_a_job_that_comes_into_a_frozen_queue_wakes_for_the_end_of_its_freeze(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, freeze=1000)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "q", "j")
            assert 0 not in await wakes.hear(900)

    async def test_a_release_that_freezes_its_queue_wakes_for_the_end_of_the_freeze(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await settle(store, Release(claim(job), freeze=600))
            assert 0 not in await wakes.hear(600)

    @every_event
    async def test_what_only_an_event_can_free_wakes_nobody(
        self, store: QueueStore, event: HoldKind
    ) -> None:
        await begin(store, "q")
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await hold(store, event)
            await enqueue(store, "q", "more")
            await enqueue(store, "q", "later", delay=50)
            await patch(store, weight=3)
            await patch(store, freeze=100)
            await patch(store, freeze=0)
            assert await heard_after(store, wakes) == []
        assert (await rules(store)).held_by == (Hold(event),)

    async def test_jobs_that_come_back_to_a_paused_queue_wake_nobody(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        released, failed, _ = await take_in_turn(store, 3, lease_time=100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await patch(store, paused=True)
            await release_job(store, released)
            await fail_job(store, failed, delay=50)
            clock.advance(100)
            await reclaim(store)
            assert await heard_after(store, wakes) == []

    async def test_an_end_that_leaves_a_queue_full_wakes_nobody(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        first, _ = await take_batch(store, 2)
        await patch(store, concurrency=1)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await finish_job(store, first)
            assert await heard_after(store, wakes) == []

    async def test_who_watches_then_comes_when_told_never_misses_a_freed_queue(
        self, store: QueueStore
    ) -> None:
        await patch(store, concurrency=1)
        await enqueue(store, "q", *(f"j{n}" for n in range(6)))
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for _ in range(5):
                [job] = await take_batch(store, 5)
                await finish_job(store, job)
                await wakes.hear(0)
