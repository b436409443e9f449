"""Gates and those who wait: what wakes them."""

from sharq_plug.model import HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import (
    begin_type,
    close_gate,
    every_gate_hold,
    every_timed_gate_hold,
    open_gate,
)
from sharq_plug.testing.conformance.gate_leases import every_end
from sharq_plug.testing.conformance.held_queues import every_event, hold
from sharq_plug.testing.conformance.held_wakes import MARK
from sharq_plug.testing.conformance.lease_ends import Tending, every_way_to_tend
from sharq_plug.testing.conformance.operating import DAY
from sharq_plug.testing.conformance.setting import finish_with, patch, patch_type
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    Ending,
    enqueue,
    finish_job,
    next_ready_at,
    release_job,
    take,
    take_batch,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


async def heard_after(store: QueueStore, wakes: Wakes) -> list[int]:
    """Return the delays of all wake-ups that earlier calls have caused; no gate may be closed."""
    await enqueue(store, "marker", "j", delay=MARK)
    return [delay for delay in await wakes.hear(MARK) if delay != MARK]


class GateWakeConformance(Conformance):
    """An event that opens the gate wakes; what stands behind a closed gate wakes for its end."""

    @every_gate_hold
    async def test_an_event_that_opens_it_wakes_at_once(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await open_gate(store, kind)
            await wakes.hear(0)
            await patch_type(store, paused=True)
            wakes.queues.clear()
            await patch_type(store, paused=False)
            await wakes.hear_of("q")

    @every_timed_gate_hold
    async def test_a_gate_that_opens_earlier_than_before_wakes_for_then(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind, duration=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await close_gate(store, kind, duration=400)
            assert 0 not in await wakes.hear(400)

    @every_timed_gate_hold
    async def test_an_event_that_leaves_it_closed_for_a_while_wakes_for_then(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind, duration=400)
        await close_gate(store, HoldKind.PAUSED)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await open_gate(store, HoldKind.PAUSED)
            assert 0 not in await wakes.hear(400)

    async def test_an_event_that_opens_it_wakes_for_the_first_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "late", "j", delay=900)
        await enqueue(store, "early", "j", delay=500)
        await patch_type(store, paused=True)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await patch_type(store, paused=False)
            assert 0 not in await wakes.hear(400)

    @every_end
    async def test_the_end_of_a_lease_of_a_full_type_wakes(
        self, store: QueueStore, end: Ending
    ) -> None:
        await patch_type(store, concurrency=1)
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        job = await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await end(store, job)
            await wakes.hear(0)
            await wakes.hear_of("b")

    @every_way_to_tend
    async def test_so_does_a_lease_of_a_full_type_that_expired(
        self,
        store: QueueStore,
        clock: ManualClock,
        tends: Tending,
    ) -> None:
        await patch_type(store, concurrency=1)
        await enqueue(store, "a", "j", requeue_limit=0)
        await enqueue(store, "b", "j")
        await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(LEASE_TIME)
            await tends(store)
            await wakes.hear(0)
            await wakes.hear_of("b")

    async def test_a_correction_that_opens_it_earlier_wakes_for_then(
        self, store: QueueStore
    ) -> None:
        await patch_type(store, limits=(Limit(1, 100),))
        await enqueue(store, "a", "j", cost={"job": 9})
        await enqueue(store, "b", "j")
        job = await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await finish_with(store, job, job=3)
            assert 0 not in await wakes.hear(300)

    @every_timed_gate_hold
    async def test_a_place_behind_a_closed_gate_wakes_for_the_later_of_both(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind, duration=500)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "p", "j")
            assert 0 not in await wakes.hear(400)
            await enqueue(store, "later", "j", delay=600)
            assert 0 not in await wakes.hear(600)

    @every_event
    async def test_behind_a_gate_that_an_event_closes_nobody_is_woken(
        self, store: QueueStore, event: HoldKind
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        released, other, _ = await take_in_turn(store, 3)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await close_gate(store, event)
            await enqueue(store, "p", "j")
            await enqueue(store, "later", "j", delay=50)
            await release_job(store, released)
            await finish_job(store, other)
            await patch(store, "p", freeze=10)
            await patch(store, "p", freeze=0)
            await open_gate(store, event)
            assert await heard_after(store, wakes) == [0]

    @every_event
    async def test_an_open_gate_wakes_nobody_where_only_events_can_free_the_queues(
        self, store: QueueStore, event: HoldKind
    ) -> None:
        await begin_type(store)
        await hold(store, event)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for paused in (True, False):
                await patch_type(store, paused=paused)
            assert await heard_after(store, wakes) == []

    async def test_an_open_gate_wakes_nobody_where_nothing_lives(self, store: QueueStore) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for paused in (True, False):
                await patch_type(store, paused=paused)
            assert await heard_after(store, wakes) == []

    async def test_who_watches_then_comes_when_told_misses_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_type(store, concurrency=2)
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            leased = await take_batch(store, 9)
            for _ in range(4):
                await finish_job(store, leased.pop())
                await wakes.hear(0)
                leased += await take_batch(store, 9)
                assert len(leased) == 2
            assert await next_ready_at(store) == clock.now() + LEASE_TIME

    async def test_a_gate_that_has_opened_by_itself_wakes_as_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await begin_type(store)
        await close_gate(store, HoldKind.FROZEN, duration=100)
        clock.advance(DAY)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "p", "j")
            await wakes.hear(0)
