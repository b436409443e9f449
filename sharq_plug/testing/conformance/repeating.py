"""Repeated dequeues: who lost the answer and asks again under the same id gets the same jobs."""

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from sharq_plug.model import MAX_BATCH, Delivery, Dequeued, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.isolating import NAMES
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    clear,
    counted,
    enqueue,
    finish_job,
    lengths,
    new_job,
    next_ready_at,
    reclaim,
    release_job,
    take,
)

MIB = 1024 * 1024


async def attempt(
    store: QueueStore,
    attempt_id: str | None = "try",
    *,
    count: int = 1,
    lease_time: int = LEASE_TIME,
    queue_type: str = TYPE,
) -> list[Delivery]:
    """Dequeue in a call that may be repeated."""
    answer = await dequeue_for_one(
        store, queue_type, count=count, lease_time=lease_time, attempt_id=attempt_id
    )
    return list(answer.jobs)


def tokens(jobs: Iterable[Delivery]) -> list[str]:
    """Return the tokens of deliveries."""
    return [job.token for job in jobs]


class RepeatedDequeueConformance(Conformance):
    """A repeated dequeue is answered by the leases that it got and that still stand."""

    async def test_a_repeated_dequeue_gets_the_same_leases(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", requeue_limit=3)
        await enqueue(store, "b", "j1", "j2", interval=1000)
        first = await attempt(store, count=3)
        assert [job.queue_id for job in first] == ["a", "b", "a"]
        clock.advance(LEASE_TIME - 1)
        again = await attempt(store, count=3)
        assert again == [replace(first[0], queue_length=0), *first[1:]]

    async def test_a_repetition_changes_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await attempt(store)
        clock.advance(10)
        for _ in range(5):
            await attempt(store)
        assert await counted(store, "q") == (2, 1)
        assert await lengths(store, "q") == (1, 1, 0)
        assert await next_ready_at(store) == start + 1000

    async def test_a_repetition_tells_the_present_time_and_not_when_to_come_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        first = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME, attempt_id="try")
        assert (first.now, first.next_ready_at) == (start, start + 1000)
        clock.advance(10)
        again = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME, attempt_id="try")
        assert again.jobs == first.jobs
        assert (again.now, again.next_ready_at) == (start + 10, None)

    async def test_a_dequeue_without_an_id_is_always_a_new_one(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await attempt(store)
        assert [job.job_id for job in await attempt(store, None)] == ["j2"]
        assert [job.job_id for job in await attempt(store, None)] == ["j3"]

    async def test_each_id_has_an_answer_of_its_own(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        assert [job.job_id for job in await attempt(store, "one")] == ["j1"]
        assert [job.job_id for job in await attempt(store, "two")] == ["j2"]
        assert [job.job_id for job in await attempt(store, "one")] == ["j1"]

    async def test_any_name_can_be_the_id(self, store: QueueStore) -> None:
        await enqueue(store, "q", *NAMES)
        for _ in range(2):
            assert [(await attempt(store, name))[0].job_id for name in NAMES] == NAMES

    async def test_an_id_is_one_of_its_type(self, store: QueueStore) -> None:
        await enqueue(store, "q", "mine")
        await enqueue(store, "q", "theirs", queue_type="other")
        await attempt(store)
        [job] = await attempt(store, queue_type="other")
        assert job.job_id == "theirs"

    async def test_a_repetition_gets_what_the_first_call_got_whatever_it_asks_for(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        first = await attempt(store, count=2, lease_time=100)
        clock.advance(10)
        expected = [replace(job, queue_length=1) for job in first]
        assert await attempt(store, count=1, lease_time=5000) == expected
        assert await attempt(store, count=9, lease_time=5000) == expected

    async def test_the_largest_batch_can_be_repeated(self, store: QueueStore) -> None:
        job_ids = [f"{n:0100}" for n in range(MAX_BATCH)]
        await enqueue(store, "q", *job_ids)
        await attempt(store, count=MAX_BATCH)
        again = await attempt(store, count=MAX_BATCH)
        assert [job.job_id for job in again] == job_ids
        assert len({job.token for job in again}) == MAX_BATCH

    async def test_an_empty_answer_is_not_repeated(self, store: QueueStore) -> None:
        assert await attempt(store) == []
        await enqueue(store, "q", "j")
        assert [job.job_id for job in await attempt(store)] == ["j"]

    async def test_a_call_that_came_too_early_is_not_repeated(self, store: QueueStore) -> None:
        await enqueue(store, "slow", "j1", "j2", interval=1000)
        await take(store)
        assert await attempt(store) == []
        await enqueue(store, "q", "j")
        assert [job.queue_id for job in await attempt(store)] == ["q"]

    async def test_a_lease_that_has_expired_is_not_given_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await attempt(store, lease_time=100)
        clock.advance(99)
        await reclaim(store)
        assert [job.job_id for job in await attempt(store)] == ["j1"]
        clock.advance(1)
        assert [job.job_id for job in await attempt(store)] == ["j2"]
        assert [job.job_id for job in await attempt(store)] == ["j2"]

    async def test_only_the_leases_that_still_stand_are_given_again(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4", "j5")
        finished, released, stands, _ = await attempt(store, count=4)
        await finish_job(store, finished)
        await release_job(store, released)
        again = await attempt(store, count=4)
        assert [job.job_id for job in again] == ["j3", "j4"]
        assert again[0].token == stands.token

    async def test_a_lease_that_ended_after_a_repetition_is_not_given_by_the_next(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        first = await attempt(store, count=3)
        assert await attempt(store, count=3) == [replace(job, queue_length=0) for job in first]
        await finish_job(store, first[0])
        assert [job.job_id for job in await attempt(store, count=3)] == ["j2", "j3"]
        await release_job(store, first[1])
        assert [job.job_id for job in await attempt(store, count=3)] == ["j3"]

    async def test_the_next_lease_of_a_job_is_not_the_one_that_was_given(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        released, _ = await attempt(store, count=2)
        await release_job(store, released)
        assert (await take(store)).job_id == "j1"
        assert [job.job_id for job in await attempt(store, count=2)] == ["j2"]

    async def test_a_call_is_a_new_one_once_no_lease_of_the_first_stands(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await finish_job(store, (await attempt(store))[0])
        [second] = await attempt(store)
        assert second.job_id == "j2"
        assert await attempt(store) == [second]
        await release_job(store, second)
        assert [(job.job_id, job.attempt) for job in await attempt(store)] == [("j2", 2)]

    async def test_a_cleared_or_reclaimed_lease_is_not_given_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1")
        await attempt(store, "cleared")
        await clear(store, "q")
        await enqueue(store, "q", "j1")
        [job] = await attempt(store, "cleared", lease_time=100)
        assert job.attempt == 1
        clock.advance(100)
        await reclaim(store)
        [job] = await attempt(store, "cleared")
        assert job.attempt == 2

    async def test_repeated_jobs_count_towards_the_bytes_of_a_call(self, store: QueueStore) -> None:
        sizes = {"first": 5 * MIB, "fits": 2 * MIB, "waits": 2 * MIB}
        jobs = [new_job("q", job_id, payload=bytes(size)) for job_id, size in sizes.items()]
        await store.enqueue(TYPE, jobs)
        given = tokens(await attempt(store))
        again, fresh, late = await store.dequeue(
            TYPE, [Take(1, LEASE_TIME, "try"), Take(2, LEASE_TIME), Take(1, LEASE_TIME)]
        )
        assert tokens(again.jobs) == given
        assert [job.job_id for job in fresh.jobs] == ["fits"]
        assert (fresh.next_ready_at, late) == (late.now, Dequeued((), late.now, late.now))

    async def test_a_repetition_comes_whole_and_the_next_one_comes_in_another_call(
        self, store: QueueStore
    ) -> None:
        names = ["one", "two", "three"]
        jobs = [new_job(name, f"j{n}", payload=bytes(3 * MIB)) for name in names for n in range(2)]
        await store.enqueue(TYPE, jobs)
        given = [tokens(await attempt(store, name, count=2)) for name in names]
        takes = [Take(2, LEASE_TIME, name) for name in names]
        one, two, three = await store.dequeue(TYPE, takes)
        assert [tokens(one.jobs), tokens(two.jobs)] == given[:2]
        assert three == Dequeued((), three.now, three.now)
        [three] = await store.dequeue(TYPE, takes[2:])
        assert tokens(three.jobs) == given[2]

    async def test_a_call_that_one_large_job_fills_repeats_nothing(self, store: QueueStore) -> None:
        large = new_job("q", "large", payload=bytes(9 * MIB))
        await store.enqueue(TYPE, [new_job("q", "small"), large])
        given = tokens(await attempt(store))
        takes = [Take(1, LEASE_TIME), Take(1, LEASE_TIME, "try")]
        served, late = await store.dequeue(TYPE, takes)
        assert [job.job_id for job in served.jobs] == ["large"]
        assert late == Dequeued((), late.now, late.now)
        assert tokens(await attempt(store)) == given

    async def test_an_attempt_is_nothing_to_wait_for(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await finish_job(store, (await attempt(store))[0])
        answer = await dequeue_for_one(
            store, TYPE, count=1, lease_time=LEASE_TIME, attempt_id="try"
        )
        assert (answer.jobs, answer.next_ready_at) == ((), None)

    async def test_many_calls_under_one_id_get_one_job(self, store: QueueStore) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(20)))
        answers = await asyncio.gather(*(attempt(store) for _ in range(20)))
        assert len({answer[0].token for answer in answers}) == 1
        assert await lengths(store, "q") == (19, 1, 0)
