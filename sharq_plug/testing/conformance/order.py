"""Order: which job of a queue goes first, and which queue of a type."""

from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    clear,
    enqueue,
    finish_job,
    job_order,
    next_ready_at,
    queue_order,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)


class JobOrderConformance(Conformance):
    """Within a queue: what came back before what was never delivered, then by number."""

    async def test_jobs_are_served_as_they_came(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "c", "a")
        clock.advance(1)
        await enqueue(store, "q", "b")
        assert await job_order(store, 3) == ["c", "a", "b"]

    async def test_more_than_ten_jobs_are_served_as_they_came(self, store: QueueStore) -> None:
        job_ids = [f"j{n}" for n in range(120)]
        await enqueue(store, "q", *job_ids)
        assert await job_order(store, 120) == job_ids

    async def test_a_released_job_stands_before_those_never_delivered(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await release_job(store, await take(store))
        assert await job_order(store, 3) == ["j1", "j2", "j3"]

    async def test_a_reclaimed_job_stands_before_those_never_delivered(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await take_in_turn(store, 2, lease_time=100)
        clock.advance(100)
        await reclaim(store)
        assert await job_order(store, 3) == ["j1", "j2", "j3"]

    async def test_jobs_that_came_back_stand_by_their_numbers(self, store: QueueStore) -> None:
        job_ids = [f"j{n}" for n in range(15)]
        await enqueue(store, "q", *job_ids)
        leased = {job.job_id: job for job in await take_batch(store, 12)}
        for job_id in ("j11", "j2", "j10", "j9", "j0"):
            await release_job(store, leased[job_id])
        served = await job_order(store, 8)
        assert served == ["j0", "j2", "j9", "j10", "j11", "j12", "j13", "j14"]

    async def test_how_a_job_came_back_makes_no_difference(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4", "fresh")
        released = {job.job_id: job for job in await take_in_turn(store, 2)}
        await take_in_turn(store, 2, lease_time=100)
        clock.advance(100)
        await release_job(store, released["j2"])
        await reclaim(store)
        await release_job(store, released["j1"])
        assert await job_order(store, 5) == ["j1", "j2", "j3", "j4", "fresh"]

    async def test_a_job_keeps_its_number_however_often_it_comes_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        for _ in range(3):
            first, second = await take_in_turn(store, 2, lease_time=100)
            await release_job(store, second)
            clock.advance(100)
            await reclaim(store)
            assert (first.job_id, second.job_id) == ("j1", "j2")
        assert await job_order(store, 2) == ["j1", "j2"]

    async def test_an_id_that_is_enqueued_anew_is_a_new_job(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await finish_job(store, await take(store))
        await enqueue(store, "q", "j1")
        assert await job_order(store, 3) == ["j2", "j3", "j1"]

    async def test_a_queue_that_was_cleared_starts_anew(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await release_job(store, await take(store))
        await clear(store, "q")
        await enqueue(store, "q", "j3", "j2", "j1")
        assert await job_order(store, 3) == ["j3", "j2", "j1"]


class QueueOrderConformance(Conformance):
    """Between queues: by (ready since, place number); nobody starves."""

    async def test_queues_take_turns_within_one_ms(self, store: QueueStore) -> None:
        for queue_id in ("z", "a", "m"):
            await enqueue(store, queue_id, "j1", "j2", "j3")
        assert await queue_order(store, 9) == ["z", "a", "m"] * 3

    async def test_more_than_ten_queues_take_turns_under_a_frozen_clock(
        self, store: QueueStore
    ) -> None:
        queue_ids = [f"q{n}" for n in range(25)]
        for queue_id in queue_ids:
            await enqueue(store, queue_id, *(f"j{n}" for n in range(5)))
        assert await queue_order(store, 125) == queue_ids * 5

    async def test_the_longer_ready_queue_goes_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id, interval in (("slow", 300), ("middle", 200), ("fast", 100)):
            await enqueue(store, queue_id, "j1", "j2", interval=interval)
        assert await queue_order(store, 3) == ["slow", "middle", "fast"]
        clock.advance(1000)
        assert await queue_order(store, 3) == ["fast", "middle", "slow"]

    async def test_ready_since_counts_from_the_arrival_in_an_idle_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "idle", "j1", interval=10)
        await finish_job(store, await take(store))
        clock.advance(50)
        await enqueue(store, "early", "j1")
        clock.advance(1)
        await enqueue(store, "idle", "j2", interval=10)
        assert await queue_order(store, 2) == ["early", "idle"]

    async def test_a_queue_that_was_served_late_waits_behind_those_that_wait_already(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "flood", *(f"j{n}" for n in range(50)))
        clock.advance(10)
        await enqueue(store, "b", "j1", "j2")
        await enqueue(store, "c", "j1")
        assert await queue_order(store, 5) == ["flood", "b", "c", "flood", "b"]

    async def test_an_interval_of_0_is_no_licence(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "greedy", *(f"j{n}" for n in range(40)), interval=0)
        await enqueue(store, "limited", *(f"j{n}" for n in range(4)), interval=10)
        for _ in range(4):
            assert "limited" in await queue_order(store, 2)
            clock.advance(10)

    async def test_a_throttled_queue_holds_up_nobody(self, store: QueueStore) -> None:
        await enqueue(store, "throttled", *(f"j{n}" for n in range(9)), interval=10**12)
        await enqueue(store, "free", "j1", "j2", "j3")
        assert await queue_order(store, 4) == ["throttled", "free", "free", "free"]

    async def test_more_jobs_leave_a_ready_queue_in_its_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1")
        await enqueue(store, "b", "j1")
        clock.advance(5)
        await enqueue(store, "b", "j2")
        await enqueue(store, "a", "j2")
        assert await queue_order(store, 4) == ["a", "b", "a", "b"]

    async def test_a_job_that_comes_back_leaves_a_ready_queue_in_its_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j1")
        first = await take(store)
        expiring = [await take(store), await take(store, lease_time=5)]
        await enqueue(store, "c", "j1")
        clock.advance(5)
        await release_job(store, first)
        assert (await reclaim(store)).requeued == 1
        assert [job.queue_id for job in expiring] == ["b", "a"]
        assert await queue_order(store, 4) == ["a", "c", "a", "a"]

    async def test_a_job_that_comes_back_into_an_idle_queue_takes_the_last_place(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "j")
        job = await take(store)
        await enqueue(store, "b", "j")
        await release_job(store, job)
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_equals_that_become_ready_together_go_by_their_place_numbers(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("b", "a", "c"):
            await enqueue(store, queue_id, "j1", "j2", "j3", interval=100)
        await take_in_turn(store, 3)
        clock.advance(100)
        assert await queue_order(store, 3) == ["b", "a", "c"]
        clock.advance(100)
        assert await queue_order(store, 3) == ["b", "a", "c"]

    async def test_a_batch_is_as_fair_as_single_dequeues(self, store: QueueStore) -> None:
        await enqueue(store, "flood", *(f"j{n}" for n in range(20)))
        await enqueue(store, "limited", "j1", "j2", interval=1000)
        await enqueue(store, "small", "j1", "j2")
        batch = [job.queue_id for job in await take_batch(store, 7)]
        assert batch == ["flood", "limited", "small", "flood", "small", "flood", "flood"]

    async def test_the_line_of_one_type_is_not_that_of_another(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2", queue_type="other")
        await enqueue(store, "b", "j1")
        assert await queue_order(store, 1) == ["b"]
        await next_ready_at(store)
        assert len(await take_batch(store, 9, queue_type="other")) == 2
