"""Ended jobs: when a dequeue or a tending meets jobs whose ttl has passed."""

import pytest

from sharq_plug.model import MAX_JOINS, EnqueueOutcome, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, tend_all, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    claim,
    enqueue,
    enqueue_one,
    finish,
    job_order,
    listed,
    look,
    new_job,
    next_ready_at,
    queue_order,
    release_job,
    take,
    take_batch,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


class MeetingEndedConformance(Conformance):
    """Ended jobs count until a dequeue or a tending meets them."""

    async def test_a_dequeue_goes_on_with_the_next_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "e1", "e2", ttl=100)
        await enqueue(store, "q", "lives")
        await enqueue(store, "q", "e3", ttl=100)
        clock.advance(100)
        assert await by_state(store, "q") == (4, 0, 0, 0)
        job = await take(store)
        assert (job.job_id, job.queue_length) == ("lives", 1)
        assert await by_state(store, "q") == (1, 0, 1, 2)

    async def test_a_dequeue_goes_on_with_the_next_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "ended", "j", ttl=100)
        await enqueue(store, "lives", "j")
        clock.advance(100)
        assert await queue_order(store, 1) == ["lives"]
        assert await listed(store) == {"lives"}

    async def test_a_queue_whose_ended_jobs_are_met_pays_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100, interval=1000)
        clock.advance(100)
        assert await next_ready_at(store) is None
        await enqueue(store, "q", "other", interval=1000)
        await take(store)

    async def test_a_queue_of_ended_and_delayed_jobs_stands_by_the_delayed_ones(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "ended", ttl=100)
        await enqueue(store, "q", "delayed", delay=500)
        await enqueue(store, "other", "j")
        clock.advance(100)
        assert await queue_order(store, 1) == ["other"]
        assert await next_ready_at(store) == clock.now() + 400
        clock.advance(400)
        assert await job_order(store, 1) == ["delayed"]

    async def test_tending_lets_ended_jobs_die_wherever_they_stand(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "lives")
        await enqueue(store, "q", "waiting", ttl=100)
        await enqueue(store, "q", "delayed", ttl=100)
        await enqueue(store, "q", "high", ttl=100, priority=9)
        high, first = await take_in_turn(store, 2)
        await release_job(store, high, delay=5000)
        await release_job(store, first)
        clock.advance(100)
        assert await by_state(store, "q") == (3, 1, 0, 0)
        await tend_all(store)
        assert await by_state(store, "q") == (1, 0, 0, 3)
        assert await job_order(store, 1) == ["lives"]

    async def test_tending_lets_no_more_die_than_its_limit_and_says_more(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(10)), ttl=100)
        clock.advance(100)
        steps = []
        for _ in range(3):
            more = (await tend_type(store, TYPE, limit=4)).more
            steps.append((more, (await look(store, "q")).dead))
        assert steps == [(True, 4), (True, 8), (False, 10)]

    async def test_tending_lets_them_die_in_the_order_of_their_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j", ttl=300)
        await enqueue(store, "b", "j", ttl=100)
        await enqueue(store, "c", "j", ttl=200)
        clock.advance(300)
        for expected in ({"a", "c"}, {"a"}, set[str]()):
            await store.tend(limit=1)
            assert await listed(store) == expected

    async def test_tending_lets_nothing_die_before_its_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        clock.advance(99)
        await tend_all(store)
        assert await by_state(store, "q") == (1, 0, 0, 0)

    @pytest.mark.parametrize("count", [MAX_JOINS, MAX_JOINS + 1])
    async def test_a_dequeue_lets_no_more_die_than_its_bound_and_ends(
        self, store: QueueStore, clock: ManualClock, count: int
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(count)), ttl=100)
        await enqueue(store, "other", "j")
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert (answer.jobs, answer.next_ready_at) == ((), clock.now())
        assert await by_state(store, "q") == (count - MAX_JOINS, 0, 0, MAX_JOINS)
        assert await queue_order(store, 1) == ["other"]

    async def test_a_dequeue_that_ends_at_its_bound_wakes_whoever_waits(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(MAX_JOINS)), ttl=100)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await take_batch(store, 1) == []
            await wakes.hear(0)
            assert None in wakes.queues

    async def test_jobs_that_die_and_jobs_that_join_count_to_one_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(MAX_JOINS // 2)), ttl=100)
        await enqueue(store, "q", *(f"d{n}" for n in range(MAX_JOINS // 2)), delay=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=5, lease_time=LEASE_TIME)
        assert [job.job_id for job in answer.jobs] == ["d0"]
        assert answer.next_ready_at == clock.now()
        assert await by_state(store, "q") == (MAX_JOINS // 2 - 1, 0, 1, MAX_JOINS // 2)

    async def test_the_id_of_an_ended_job_is_taken_until_it_is_met(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        clock.advance(100)
        assert await enqueue_one(store, new_job("q", "j")) is EnqueueOutcome.DUPLICATE
        full = new_job("q", "other", max_queued_length=1)
        assert await enqueue_one(store, full) is EnqueueOutcome.QUEUE_FULL
        await tend_all(store)
        await enqueue(store, "q", "j")
        assert await by_state(store, "q") == (1, 0, 0, 1)

    async def test_an_old_token_of_an_ended_job_is_stale(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        job = await take(store)
        await release_job(store, job)
        clock.advance(100)
        await tend_all(store)
        assert await finish(store, claim(job)) is LeaseOutcome.STALE
