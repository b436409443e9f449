"""Gates and those who come back: when a job can go, with the gate open."""

from sharq_plug.model import HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import (
    begin_type,
    close_gate,
    every_gate_hold,
    every_timed_gate_hold,
)
from sharq_plug.testing.conformance.held_queues import hold
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import look_at_type
from sharq_plug.testing.conformance.setting import patch, patch_type
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    look,
    next_ready_at,
    take,
)


async def foreseen(store: QueueStore, queue_id: str = "q") -> set[int | None]:
    """Return when a dequeue, one of the queue alone, and looks at both say that a job can go."""
    return {
        await next_ready_at(store),
        (await take_from(store, queue_id)).next_ready_at,
        (await look(store, queue_id)).next_ready_at,
        (await look_at_type(store)).next_ready_at,
    }


class GateNextReadyConformance(Conformance):
    """What is foreseen is when both the line and the gate allow a job to go."""

    @every_timed_gate_hold
    async def test_the_later_of_the_place_and_the_gate_is_foreseen(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_type(store)
        await close_gate(store, kind, duration=500)
        assert await foreseen(store) == {start + 500}
        await hold(store, HoldKind.FROZEN, duration=900)
        assert await foreseen(store) == {start + 900}
        await hold(store, HoldKind.FROZEN, duration=300)
        clock.advance(400)
        assert await foreseen(store) == {start + 500}

    async def test_a_full_type_foresees_the_first_end_of_a_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "other", "early", "late")
        await take(store, lease_time=700)
        await take(store, lease_time=800)
        await enqueue(store, "q", "j")
        await patch_type(store, concurrency=2)
        assert await foreseen(store) == {start + 700}
        await patch(store, freeze=750)
        assert (await take_from(store, "q")).next_ready_at == start + 750
        await patch_type(store, freeze=900)
        assert await foreseen(store) == {start + 900}

    async def test_a_paused_type_foresees_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await take(store, lease_time=50)
        await patch_type(store, paused=True, freeze=100)
        assert await foreseen(store) == {None}
        clock.advance(20)
        assert await foreseen(store) == {None}

    @every_gate_hold
    async def test_a_type_without_jobs_foresees_nothing(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await close_gate(store, kind)
        assert await foreseen(store) == {None}

    async def test_a_gate_foresees_no_paused_queue(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await patch_type(store, freeze=100)
        await patch(store, paused=True)
        assert await foreseen(store) == {None}

    async def test_a_take_that_closes_the_gate_says_when_it_opens(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_type(store, limits=(Limit(1, 300, 2),))
        await enqueue(store, "q", "j1", "j2", "j3")
        answer = await take_from(store, "q", count=3)
        assert (len(answer.jobs), answer.next_ready_at) == (2, clock.now() + 300)

    async def test_a_take_that_fills_the_type_says_when_its_first_lease_expires(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_type(store, concurrency=2)
        await enqueue(store, "q", "j1", "j2", "j3")
        answer = await take_from(store, "q", count=3, lease_time=400)
        assert (len(answer.jobs), answer.next_ready_at) == (2, clock.now() + 400)

    async def test_who_comes_back_when_told_is_let_in_each_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await patch_type(store, limits=(Limit(1, 70),))
        await enqueue(store, "a", "j1", "j2", interval=200)
        await enqueue(store, "b", "j1", "j2", interval=10)
        instants = []
        for _ in range(4):
            answer = await take_from(store, "a", "b", count=2)
            assert len(answer.jobs) == 1
            instants.append((clock.now() - start, answer.jobs[0].queue_id))
            assert answer.next_ready_at is not None
            clock.advance(answer.next_ready_at - clock.now())
        assert instants == [(0, "a"), (70, "b"), (140, "b"), (210, "a")]
