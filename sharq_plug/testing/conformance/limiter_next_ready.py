"""A type or a shared limit, and those who come back: when a job can go, with it open."""

from sharq_plug.model import HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import every_gate_hold, every_timed_gate_hold
from sharq_plug.testing.conformance.held_queues import hold
from sharq_plug.testing.conformance.limiters import Limiter, every_limiter
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import look_at_type
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.vocabulary import (
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


class LimiterNextReadyConformance(Conformance):
    """What is foreseen is when both the place in line and the limiter allow a job to go."""

    @every_limiter
    @every_timed_gate_hold
    async def test_the_later_of_the_place_and_the_limiter_is_foreseen(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        start = clock.now()
        await limiter.begin(store)
        await limiter.close(store, kind, duration=500)
        assert await foreseen(store) == {start + 500}
        await hold(store, HoldKind.FROZEN, duration=900)
        assert await foreseen(store) == {start + 900}
        await hold(store, HoldKind.FROZEN, duration=300)
        clock.advance(400)
        assert await foreseen(store) == {start + 500}

    @every_limiter
    async def test_a_full_limiter_foresees_the_first_end_of_a_lease(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.patch(store)
        await limiter.stock(store, ["other"], jobs=2)
        await take(store, lease_time=700)
        await take(store, lease_time=800)
        await limiter.stock(store, "q", jobs=1)
        await limiter.patch(store, concurrency=2)
        assert await foreseen(store) == {start + 700}
        await patch(store, freeze=750)
        assert (await take_from(store, "q")).next_ready_at == start + 750
        await limiter.patch(store, freeze=900)
        assert (await take_from(store, "q")).next_ready_at == start + 900
        assert (await look(store, "q")).next_ready_at == start + 900

    @every_limiter
    async def test_a_paused_limiter_foresees_nothing(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store, paused=True, freeze=100)
        await limiter.stock(store, "q", jobs=2)
        assert await foreseen(store) == {None}
        clock.advance(200)
        assert await foreseen(store) == {None}
        await limiter.patch(store, paused=False)
        assert (await look(store, "q")).next_ready_at == clock.now()

    @every_limiter
    @every_gate_hold
    async def test_a_limiter_whose_queues_are_empty_foresees_nothing(
        self, store: QueueStore, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.close(store, kind)
        await limiter.use(store, "q")
        assert await foreseen(store) == {None}

    @every_limiter
    async def test_a_limiter_foresees_no_paused_queue(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "q", jobs=1)
        await limiter.patch(store, freeze=100)
        await patch(store, paused=True)
        assert await foreseen(store) == {None}

    @every_limiter
    async def test_a_take_that_closes_the_limiter_says_when_it_opens(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store, limits=(Limit(1, 300, 2),))
        await limiter.stock(store, "q", jobs=3)
        answer = await take_from(store, "q", count=3)
        assert (len(answer.jobs), answer.next_ready_at) == (2, clock.now() + 300)

    @every_limiter
    async def test_a_take_that_fills_the_limiter_says_when_its_first_lease_expires(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store, concurrency=2)
        await limiter.stock(store, "q", jobs=3)
        answer = await take_from(store, "q", count=3, lease_time=400)
        assert (len(answer.jobs), answer.next_ready_at) == (2, clock.now() + 400)

    @every_limiter
    async def test_who_comes_back_when_told_is_let_in_by_the_limiter(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.patch(store, limits=(Limit(1, 70),))
        await limiter.stock(store, "a", jobs=2, interval=200)
        await limiter.stock(store, "b", jobs=2, interval=10)
        instants = []
        for _ in range(4):
            answer = await take_from(store, "a", "b", count=2)
            assert len(answer.jobs) == 1
            instants.append((clock.now() - start, answer.jobs[0].queue_id))
            assert answer.next_ready_at is not None
            clock.advance(answer.next_ready_at - clock.now())
        assert instants == [(0, "a"), (70, "b"), (140, "b"), (210, "a")]
