"""Priorities: which job of a queue goes first."""

from sharq_plug.model import MAX_PRIORITY, EnqueueOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    enqueue_one,
    fail_job,
    job_order,
    let_expire,
    new_job,
    queue_order,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)


class PriorityConformance(Conformance):
    """Within a queue the highest priority goes first, then what came back, then the number."""

    async def test_the_higher_priority_goes_first(self, store: QueueStore) -> None:
        for priority in (3, 9, 0, 7, 1, 8, 2, 6, 4, 5):
            await enqueue(store, "q", f"p{priority}", priority=priority)
        assert await job_order(store, 10) == [f"p{priority}" for priority in range(9, -1, -1)]

    async def test_a_batch_is_served_by_priority_too(self, store: QueueStore) -> None:
        for job_id, priority in (("j1", 0), ("j2", 2), ("j3", 1)):
            await enqueue(store, "q", job_id, priority=priority)
        assert [job.priority for job in await take_batch(store, 3)] == [2, 1, 0]

    async def test_jobs_without_a_priority_have_the_lowest(self, store: QueueStore) -> None:
        await enqueue(store, "q", "none")
        await enqueue(store, "q", "lowest", priority=0)
        await enqueue(store, "q", "one", priority=1)
        assert await job_order(store, 3) == ["one", "none", "lowest"]

    async def test_jobs_of_one_priority_go_by_their_numbers(self, store: QueueStore) -> None:
        for job_id, priority in (("b", 5), ("x", 1), ("a", 5), ("y", 1)):
            await enqueue(store, "q", job_id, priority=priority)
        assert await job_order(store, 4) == ["b", "a", "x", "y"]

    async def test_the_priority_is_shown_at_each_delivery(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "high", priority=MAX_PRIORITY)
        await enqueue(store, "q", "low")
        assert [job.priority for job in await take_in_turn(store, 2)] == [MAX_PRIORITY, 0]
        clock.advance(10**6)
        await reclaim(store)
        assert [job.priority for job in await take_in_turn(store, 2)] == [MAX_PRIORITY, 0]

    async def test_a_returned_job_goes_before_others_of_its_priority(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "never", delay=0, priority=4)
        await enqueue(store, "q", "urgent", priority=5)
        urgent = await take(store)
        await enqueue(store, "q", "urgent-too", priority=5)
        await release_job(store, urgent)
        assert await job_order(store, 3) == ["urgent", "urgent-too", "never"]

    async def test_a_returned_job_goes_before_an_older_one_of_its_priority(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "older", priority=5, delay=100)
        await enqueue(store, "q", "returned", priority=5)
        job = await take(store)
        clock.advance(100)
        await release_job(store, job)
        assert await job_order(store, 2) == ["returned", "older"]

    async def test_a_returned_job_passes_no_higher_priority(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "released", "failed", "expired", priority=3)
        released, failed = await take_in_turn(store, 2)
        await let_expire(store, clock)
        await fail_job(store, failed)
        await release_job(store, released)
        await enqueue(store, "q", "higher", priority=4)
        assert await job_order(store, 4) == ["higher", "released", "failed", "expired"]

    async def test_a_returned_job_of_no_priority_passes_none_that_has_one(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "plain")
        await release_job(store, await take(store))
        await enqueue(store, "q", "higher", priority=1)
        assert await job_order(store, 2) == ["higher", "plain"]

    async def test_returned_jobs_go_by_priority_then_by_number(self, store: QueueStore) -> None:
        for job_id, priority in (("a", 1), ("b", 2), ("c", 1), ("d", 2)):
            await enqueue(store, "q", job_id, priority=priority)
        for job in reversed(await take_in_turn(store, 4)):
            await release_job(store, job)
        assert await job_order(store, 4) == ["b", "d", "a", "c"]

    async def test_a_due_job_goes_by_its_priority_and_not_by_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "waiting", priority=5)
        await enqueue(store, "q", "low", priority=4, delay=10)
        await enqueue(store, "q", "high", priority=6, delay=20)
        clock.advance(20)
        await tend_all(store)
        assert await job_order(store, 3) == ["high", "waiting", "low"]

    async def test_a_job_of_high_priority_that_is_delayed_holds_up_nobody(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "high", priority=9, delay=1000)
        await enqueue(store, "q", "low")
        assert await job_order(store, 1) == ["low"]

    async def test_priorities_of_other_queues_count_for_nothing(self, store: QueueStore) -> None:
        for queue_id, priority in (("a", 0), ("b", 9), ("c", 5)):
            await enqueue(store, queue_id, "j1", "j2", priority=priority)
        assert await queue_order(store, 6) == ["a", "b", "c", "a", "b", "c"]

    async def test_a_job_of_high_priority_moves_its_queue_nowhere(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await enqueue(store, "b", "urgent", priority=9)
        await enqueue(store, "a", "urgent", priority=9)
        served = [(job.queue_id, job.job_id) for job in await take_in_turn(store, 2)]
        assert served == [("a", "urgent"), ("b", "urgent")]

    async def test_a_duplicate_changes_no_priority(self, store: QueueStore) -> None:
        await enqueue(store, "q", "first")
        await enqueue(store, "q", "second")
        again = new_job("q", "second", priority=9)
        assert await enqueue_one(store, again) is EnqueueOutcome.DUPLICATE
        assert await job_order(store, 2) == ["first", "second"]

    async def test_many_jobs_of_each_priority_keep_their_order(self, store: QueueStore) -> None:
        for n in range(300):
            await enqueue(store, "q", f"{9 - n % 10}-{n:03}", priority=n % 10)
        served = [job.job_id for job in await take_batch(store, 300)]
        assert served == sorted(served)
        assert len(served) == 300
