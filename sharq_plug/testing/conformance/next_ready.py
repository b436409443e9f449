"""When to come back: what a dequeue that got fewer jobs than it asked for says of the next."""

from sharq_plug.model import MAX_DEQUEUE_BYTES, Dequeued
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    clear,
    enqueue,
    finish_job,
    new_job,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)


class NextReadyConformance(Conformance):
    """An empty dequeue says when a job of its type could be ready."""

    async def test_there_is_nothing_to_wait_for_in_a_type_without_jobs(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", queue_type="other")
        assert await next_ready_at(store) is None

    async def test_an_unpaid_rate_is_nothing_to_wait_for(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", interval=1000)
        await finish_job(store, await take(store))
        assert await next_ready_at(store) is None

    async def test_a_cleared_queue_is_nothing_to_wait_for(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store)
        await clear(store, "q")
        assert await next_ready_at(store) is None

    async def test_a_dead_letter_is_nothing_to_wait_for(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", interval=1000, requeue_limit=0)
        await take(store, lease_time=100)
        clock.advance(100)
        await reclaim(store)
        assert await next_ready_at(store) is None

    async def test_the_first_of_the_waiting_queues_tells_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for queue_id, interval in (("a", 3000), ("b", 1000), ("c", 2000)):
            await enqueue(store, queue_id, "j1", "j2", interval=interval)
        await take_in_turn(store, 3)
        assert await next_ready_at(store) == start + 1000
        clock.advance(999)
        assert await next_ready_at(store) == start + 1000

    async def test_the_first_lease_to_expire_tells_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", "j3")
        leased = [await take(store, lease_time=lease_time) for lease_time in (300, 100, 200)]
        assert await next_ready_at(store) == start + 100
        await finish_job(store, leased[1])
        assert await next_ready_at(store) == start + 200

    async def test_the_earlier_of_a_rate_and_a_lease_tells_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=500)
        await take(store, lease_time=400)
        assert await next_ready_at(store) == start + 400
        assert await change_interval(store, TYPE, "q", 300)
        assert await next_ready_at(store) == start + 300

    async def test_a_lease_that_has_expired_hides_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=10**9)
        await take(store, lease_time=100)
        for _ in range(3):
            clock.advance(100)
            assert await next_ready_at(store) == start + 10**9

    async def test_a_released_job_comes_back_when_its_rate_allows(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        job = await take(store)
        clock.advance(10)
        await release_job(store, job)
        assert await next_ready_at(store) == start + 1000

    async def test_who_comes_back_when_told_misses_nothing_and_comes_in_vain_never(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "a", "j1", "j2", "j3", interval=70)
        await enqueue(store, "b", "j1", "j2", "j3", interval=110)
        served = []
        for _ in range(5):
            batch = await take_batch(store, 9)
            served.append((clock.now() - start, [job.queue_id for job in batch]))
            instant = await next_ready_at(store)
            assert instant is not None
            clock.advance(instant - clock.now())
        assert served == [(0, ["a", "b"]), (70, ["a"]), (110, ["b"]), (140, ["a"]), (220, ["b"])]


async def partial_batch(store: QueueStore, jobs: int, *, lease_time: int = LEASE_TIME) -> Dequeued:
    """Dequeue more jobs than come; `jobs` must come."""
    answer = await dequeue_for_one(store, TYPE, count=jobs + 1, lease_time=lease_time)
    assert len(answer.jobs) == jobs
    return answer


class PartialBatchConformance(Conformance):
    """So does a dequeue that got some jobs, but fewer than it asked for: as things are after it."""

    async def test_a_full_batch_says_nothing_about_later(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", interval=1000)
        await enqueue(store, "p", "j", interval=1000)
        answer = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME)
        assert len(answer.jobs) == 2
        assert answer.next_ready_at is None

    async def test_the_rate_of_the_queues_it_served_tells_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "a", "j1", "j2", interval=3000)
        await enqueue(store, "b", "j1", "j2", interval=2000)
        assert (await partial_batch(store, 2)).next_ready_at == start + 2000

    async def test_a_queue_that_still_waits_for_its_rate_tells_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "a", "j1", "j2", interval=3000)
        await take(store)
        clock.advance(1000)
        await enqueue(store, "b", "j1", "j2", interval=5000)
        assert (await partial_batch(store, 1)).next_ready_at == start + 3000

    async def test_the_leases_it_gave_tell_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await take(store, lease_time=500)
        answer = await partial_batch(store, 2, lease_time=400)
        assert answer.next_ready_at == clock.now() + 400

    async def test_a_lease_that_was_there_before_tells_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2")
        await take(store, lease_time=500)
        clock.advance(200)
        assert (await partial_batch(store, 1, lease_time=400)).next_ready_at == start + 500

    async def test_a_lease_that_has_expired_is_ended_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await take(store, lease_time=100)
        clock.advance(300)
        assert (await partial_batch(store, 2, lease_time=400)).next_ready_at == clock.now() + 400

    async def test_a_batch_that_its_bytes_have_ended_may_go_on_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await store.enqueue(TYPE, [new_job("a", "j", payload=bytes(MAX_DEQUEUE_BYTES))])
        await store.enqueue(TYPE, [new_job("b", "j", payload=b"x")])
        clock.advance(10)
        assert (await partial_batch(store, 1)).next_ready_at == clock.now()

    async def test_who_comes_back_when_told_is_served_each_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "a", "j1", "j2", "j3", interval=70)
        await enqueue(store, "b", "j1", "j2", "j3", interval=110)
        served = []
        for jobs in (2, 1, 1, 1, 1):
            answer = await partial_batch(store, jobs)
            served.append((clock.now() - start, [job.queue_id for job in answer.jobs]))
            assert answer.next_ready_at is not None
            clock.advance(answer.next_ready_at - clock.now())
        assert served == [(0, ["a", "b"]), (70, ["a"]), (110, ["b"]), (140, ["a"]), (220, ["b"])]
