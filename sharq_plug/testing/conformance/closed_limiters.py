"""What holds all queues of a type or of a shared limit together, and how this is shown."""

import pytest

from sharq_plug.model import HoldKind, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import every_gate_hold, every_timed_gate_hold
from sharq_plug.testing.conformance.held_queues import OWN, hold
from sharq_plug.testing.conformance.limiters import Limiter, every_limiter
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.setting import rules, view_of
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    claim,
    enqueue,
    extend_lease,
    fail_job,
    finish_job,
    next_ready_at,
    release_job,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)


class ClosedLimiterConformance(Conformance):
    """While a type or a shared limit is closed, no job of a queue that uses it goes."""

    @every_limiter
    @every_gate_hold
    async def test_what_is_closed_gives_nothing_however_it_is_asked(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind)
        await limiter.use(store, "p")
        await enqueue(store, "p", "j")
        takes = [
            Take(2, LEASE_TIME),
            Take(2, LEASE_TIME, queues=("p", "q")),
            Take(2, LEASE_TIME, together=True),
        ]
        answers = await store.dequeue(TYPE, takes)
        assert [answer.jobs for answer in answers] == [()] * 3
        clock.advance(10)
        await limiter.open(store, kind)
        job = await take(store)
        assert (job.queue_id, job.job_id) == ("q", "j")

    @every_limiter
    @every_timed_gate_hold
    async def test_a_timed_hold_ends_to_the_ms(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        end = clock.now() + 100
        await limiter.begin(store)
        await limiter.close(store, kind, duration=100)
        assert await next_ready_at(store) == end
        await take_exactly_at(store, clock, end)

    @every_limiter
    @every_gate_hold
    @pytest.mark.parametrize("own", OWN, ids=lambda kind: kind.value)
    async def test_what_opens_leaves_the_holds_of_the_queue(
        self, store: QueueStore, limiter: Limiter, kind: HoldKind, own: HoldKind
    ) -> None:
        await limiter.begin(store)
        await hold(store, own)
        await limiter.close(store, kind)
        await limiter.open(store, kind)
        assert await take_batch(store, 1) == []
        held_by = (await rules(store)).held_by
        assert [(held.kind, held.of_type) for held in held_by] == [(own, False)]

    @every_limiter
    async def test_all_else_goes_on_while_it_is_paused(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store)
        await limiter.use(store, "q")
        await enqueue(store, "q", "finished", "released", "failed", "expires")
        finished, released, failed, expires = await take_in_turn(store, 4)
        await limiter.patch(store, paused=True)
        await enqueue(store, "q", "new")
        await finish_job(store, finished)
        await release_job(store, released)
        await fail_job(store, failed, dead=True)
        await extend_lease(store, expires, 10)
        clock.advance(10)
        [answer] = await store.dequeue(TYPE, [Take(9, LEASE_TIME)])
        assert (answer.jobs, len(answer.ended)) == ((), 1)
        assert (await take_from(store, "q")).jobs == ()
        assert await by_state(store, "q") == (3, 0, 0, 1)
        await limiter.patch(store, paused=None)
        assert len(await take_batch(store, 9)) == 3

    @every_limiter
    @every_gate_hold
    @pytest.mark.parametrize("tends", [True, False])
    async def test_nothing_joins_or_dies_behind_what_is_closed_but_by_tending(
        self,
        store: QueueStore,
        clock: ManualClock,
        limiter: Limiter,
        kind: HoldKind,
        *,
        tends: bool,
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind)
        await limiter.use(store, "p")
        await enqueue(store, "p", "ends", ttl=100)
        clock.advance(100)
        assert await take_batch(store, 9) == []
        assert await by_state(store, "p") == (1, 0, 0, 0)
        if tends:
            await store.tend(limit=10)
            assert await by_state(store, "p") == (0, 0, 0, 1)
        await limiter.open(store, kind)
        await limiter.patch(store, concurrency=None)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["q"]
        assert await by_state(store, "p") == (0, 0, 0, 1)

    @every_limiter
    @pytest.mark.parametrize("queues", [None, ("q",)], ids=str)
    async def test_a_repeated_take_gets_its_leases_through_what_is_closed(
        self, store: QueueStore, limiter: Limiter, queues: tuple[str, ...] | None
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "q", jobs=2)
        take_one = Take(1, LEASE_TIME, "attempt", queues=queues)
        [first] = await store.dequeue(TYPE, [take_one])
        assert len(first.jobs) == 1
        await limiter.patch(store, concurrency=1, paused=True)
        [again] = await store.dequeue(TYPE, [take_one])
        assert list(map(claim, again.jobs)) == list(map(claim, first.jobs))


class LimiterHeldByConformance(Conformance):
    """What closes it is shown with itself, with its queues and their jobs that wait."""

    @every_limiter
    @every_gate_hold
    async def test_what_closes_it_is_shown_while_it_stands(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        until = clock.now() + 100
        await limiter.begin(store)
        assert await limiter.held_by(store) == ()
        await limiter.close(store, kind, duration=100)
        assert await limiter.held_by(store) == (limiter.own_hold(kind, until),)
        held = (limiter.hold_of_queue(kind, until),)
        assert (await rules(store)).held_by == held
        assert (await view_of(store, "j")).held_by == held
        assert (await view_of(store, "leased")).held_by == ()
        await limiter.open(store, kind)
        assert await limiter.held_by(store) == (await rules(store)).held_by == ()

    @every_limiter
    @every_timed_gate_hold
    async def test_a_timed_hold_is_shown_until_it_ends(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        until = clock.now() + 100
        await limiter.begin(store)
        await limiter.close(store, kind, duration=100)
        clock.advance(99)
        assert await limiter.held_by(store) == (limiter.own_hold(kind, until),)
        assert (await rules(store)).held_by == (limiter.hold_of_queue(kind, until),)
        clock.advance(1)
        assert await limiter.held_by(store) == (await rules(store)).held_by == ()

    @every_limiter
    @every_gate_hold
    async def test_earliest_at_does_not_know_what_closes_it(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, kind: HoldKind
    ) -> None:
        await limiter.begin(store)
        await limiter.close(store, kind)
        clock.advance(10)
        assert (await view_of(store, "j")).earliest_at == clock.now()
