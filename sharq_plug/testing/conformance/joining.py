"""Joining: due jobs join those that wait in bounded steps and in an order of their own."""

import pytest

from sharq_plug.model import MAX_JOINS, Cleared, EnqueueOutcome, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, tend_all, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    clear,
    enqueue,
    enqueue_one,
    job_order,
    new_job,
    offer,
    release_job,
    take,
    take_batch,
)

DELAY = 1000


def ids(count: int, prefix: str = "j") -> list[str]:
    """Return so many job ids."""
    return [f"{prefix}{n}" for n in range(count)]


async def let_fall_due(store: QueueStore, clock: ManualClock, count: int) -> list[str]:
    """Let so many jobs of queue "q" fall due at once; return their ids in order."""
    job_ids = ids(count)
    await enqueue(store, "q", *job_ids, delay=DELAY)
    clock.advance(DELAY)
    return job_ids


class JoinConformance(Conformance):
    """A dequeue lets a bounded number of due jobs join, and ends early at that bound."""

    async def test_below_the_bound_all_join_and_the_dequeue_gets_what_it_asks_for(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        jobs = await let_fall_due(store, clock, MAX_JOINS - 1)
        taken = await take_batch(store, MAX_JOINS)
        assert [job.job_id for job in taken] == jobs

    @pytest.mark.parametrize("count", [MAX_JOINS, MAX_JOINS + 1])
    async def test_a_call_that_reaches_the_bound_serves_its_queue_once_and_ends(
        self, store: QueueStore, clock: ManualClock, count: int
    ) -> None:
        jobs = await let_fall_due(store, clock, count)
        answer = await dequeue_for_one(store, TYPE, count=5, lease_time=LEASE_TIME)
        assert [job.job_id for job in answer.jobs] == jobs[:1]
        assert answer.next_ready_at == clock.now()
        answer = await dequeue_for_one(store, TYPE, count=5, lease_time=LEASE_TIME)
        assert [job.job_id for job in answer.jobs] == jobs[1:6]

    async def test_a_call_that_reaches_the_bound_serves_no_other_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_fall_due(store, clock, MAX_JOINS)
        await enqueue(store, "other", "j")
        answer = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME)
        assert [job.queue_id for job in answer.jobs] == ["q"]
        assert answer.next_ready_at == clock.now()
        answer = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME)
        assert [job.queue_id for job in answer.jobs] == ["other", "q"]

    async def test_a_take_that_gets_all_it_asked_for_at_the_bound_is_told_of_no_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_fall_due(store, clock, MAX_JOINS)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert (len(answer.jobs), answer.next_ready_at) == (1, None)

    async def test_the_queues_of_a_call_share_its_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, *ids(MAX_JOINS // 2), delay=DELAY)
        clock.advance(DELAY)
        answer = await dequeue_for_one(store, TYPE, count=5, lease_time=LEASE_TIME)
        assert [job.queue_id for job in answer.jobs] == ["a", "b"]
        assert answer.next_ready_at == clock.now()
        answer = await dequeue_for_one(store, TYPE, count=3, lease_time=LEASE_TIME)
        assert [job.queue_id for job in answer.jobs] == ["c", "a", "b"]

    async def test_takes_after_the_bound_get_nothing_and_change_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "other", "j")
        [again] = (
            await dequeue_for_one(store, TYPE, count=1, lease_time=10**6, attempt_id="a")
        ).jobs
        await let_fall_due(store, clock, MAX_JOINS)
        one, two, three = await store.dequeue(
            TYPE, [Take(1, LEASE_TIME), Take(1, LEASE_TIME, "b"), Take(1, 10**6, "a")]
        )
        assert len(one.jobs) == 1
        for late in (two, three):
            assert (late.jobs, late.next_ready_at) == ((), clock.now())
        repeated = await dequeue_for_one(store, TYPE, count=1, lease_time=10**6, attempt_id="a")
        assert [job.token for job in repeated.jobs] == [again.token]
        assert repeated.is_repeated

    async def test_repeated_calls_serve_all_in_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        jobs = await let_fall_due(store, clock, 3 * MAX_JOINS // 2)
        found: list[str] = []
        while batch := await take_batch(store, 500):
            found += [job.job_id for job in batch]
        assert found == jobs


class JoinOrderConformance(Conformance):
    """Due jobs join in the order (at, highest priority, number)."""

    async def test_the_earlier_due_joins_first_whatever_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "late", delay=DELAY)
        await enqueue(store, "q", *ids(MAX_JOINS), delay=DELAY - 1)
        clock.advance(DELAY)
        assert await job_order(store, 2) == ["j0", "late"]

    async def test_of_those_due_together_the_highest_priority_joins_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *ids(MAX_JOINS), delay=DELAY)
        await enqueue(store, "q", "urgent", delay=DELAY, priority=1)
        clock.advance(DELAY)
        assert await job_order(store, 2) == ["urgent", "j0"]

    async def test_the_time_goes_before_the_priority(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "urgent", delay=DELAY, priority=9)
        await enqueue(store, "q", *ids(MAX_JOINS), delay=DELAY - 1)
        clock.advance(DELAY)
        assert await job_order(store, 2) == ["j0", "urgent"]

    async def test_a_returned_job_joins_by_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *ids(MAX_JOINS), delay=DELAY)
        await enqueue(store, "q", "returned")
        await release_job(store, await take(store), delay=DELAY)
        clock.advance(DELAY)
        assert await job_order(store, 2) == ["j0", "returned"]

    async def test_a_due_job_joins_before_its_queue_is_served(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "low")
        await enqueue(store, "q", "high", delay=DELAY, priority=5)
        clock.advance(DELAY)
        assert await job_order(store, 2) == ["high", "low"]


class JoinTendConformance(Conformance):
    """Tending lets due jobs join, so many of each type a call."""

    async def test_after_tending_no_job_is_left_to_join(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        jobs = await let_fall_due(store, clock, MAX_JOINS + 200)
        await tend_all(store, limit=1000)
        assert [job.job_id for job in await take_batch(store, 1000)] == jobs[:1000]

    async def test_tending_says_more_until_all_have_joined(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_fall_due(store, clock, 10)
        assert [(await tend_type(store, TYPE, limit=4)).more for _ in range(3)] == [
            True,
            True,
            False,
        ]

    async def test_tending_lets_no_more_join_than_its_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        jobs = await let_fall_due(store, clock, MAX_JOINS + 50)
        await store.tend(limit=50)
        assert [job.job_id for job in await take_batch(store, 5)] == jobs[:1]

    async def test_tending_lets_nothing_join_before_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=DELAY)
        clock.advance(DELAY - 1)
        await tend_all(store)
        assert await by_state(store, "q") == (0, 1, 0, 0)
        assert await take_batch(store, 1) == []

    async def test_what_joined_at_a_tending_keeps_the_place_of_its_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j", delay=DELAY)
        await enqueue(store, "b", "j", delay=DELAY)
        clock.advance(DELAY + 1)
        await enqueue(store, "c", "j")
        await tend_all(store)
        taken = await take_batch(store, 3)
        assert [job.queue_id for job in taken] == ["a", "b", "c"]


class UnjoinedConformance(Conformance):
    """Nothing but the order tells whether a due job has joined."""

    async def test_due_jobs_count_as_waiting_joined_or_not(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_fall_due(store, clock, MAX_JOINS + 10)
        assert (await take(store)).queue_length == MAX_JOINS + 9
        assert await by_state(store, "q") == (MAX_JOINS + 9, 0, 1, 0)
        assert await clear(store, "q", purge=False) == Cleared(MAX_JOINS + 9, 1, 0, 0)

    async def test_the_id_of_a_due_job_that_has_not_joined_is_taken(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        jobs = await let_fall_due(store, clock, MAX_JOINS + 1)
        await take(store)
        assert await enqueue_one(store, new_job("q", jobs[-1])) is EnqueueOutcome.DUPLICATE

    async def test_due_jobs_that_have_not_joined_count_for_the_most_that_may_be_queued(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_fall_due(store, clock, MAX_JOINS + 1)
        await take(store)
        refused = new_job("q", "more", max_queued_length=MAX_JOINS)
        result = await offer(store, refused)
        assert (result.outcome, result.queue_length) == (EnqueueOutcome.QUEUE_FULL, MAX_JOINS)
