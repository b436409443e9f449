"""Enqueue: jobs arrive, ids that live are not queued twice, a full queue refuses."""

import pytest

from sharq_plug.model import MAX_BATCH, MAX_INTEGER, EnqueueOutcome, EnqueueResult
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    counted,
    enqueue,
    enqueue_one,
    finish_job,
    lengths,
    let_expire,
    listed,
    new_job,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)

QUEUED = EnqueueOutcome.QUEUED
DUPLICATE = EnqueueOutcome.DUPLICATE
QUEUE_FULL = EnqueueOutcome.QUEUE_FULL


class EnqueueConformance(Conformance):
    """A job goes in, and comes out as it went in."""

    async def test_each_job_of_a_batch_has_its_result_in_order(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1")
        jobs = [
            new_job("q", "j2"),
            new_job("q", "j1"),
            new_job("other", "j1"),
            new_job("q", "j3", max_queued_length=2),
        ]
        results = await store.enqueue(TYPE, jobs)
        assert [result.outcome for result in results] == [QUEUED, DUPLICATE, QUEUED, QUEUE_FULL]

    async def test_an_empty_batch_is_answered_by_nothing(self, store: QueueStore) -> None:
        assert await store.enqueue(TYPE, []) == []
        assert await listed(store, None) == set()

    async def test_the_largest_batch_is_queued_whole_and_in_order(self, store: QueueStore) -> None:
        job_ids = [f"j{n}" for n in range(MAX_BATCH)]
        await enqueue(store, "q", *job_ids)
        assert [job.job_id for job in await take_batch(store, MAX_BATCH)] == job_ids

    @pytest.mark.parametrize(
        "payload",
        [b"", b"\0", b"a\0b", b"\xff\xfe", b'{"n": 1.50, "n": 12345678901234567890}', b" \r\n "],
    )
    async def test_a_payload_is_opaque(self, store: QueueStore, payload: bytes) -> None:
        await store.enqueue(TYPE, [new_job("q", "j", payload=payload)])
        assert (await take(store)).payload == payload

    @pytest.mark.parametrize("size", [256, 1024 * 1024])
    async def test_a_payload_may_hold_any_byte_at_any_length(
        self, store: QueueStore, size: int
    ) -> None:
        payload = bytes(range(256)) * (size // 256)
        await store.enqueue(TYPE, [new_job("q", "j", payload=payload)])
        job = await take(store)
        await release_job(store, job)
        assert job.payload == payload == (await take(store)).payload

    @pytest.mark.parametrize("limit", [-1, 0, 1, 10**15, MAX_INTEGER])
    async def test_the_requeue_limit_is_what_remains_at_first(
        self, store: QueueStore, limit: int
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=limit)
        assert (await take(store)).requeues_remaining == limit

    async def test_a_job_id_is_unique_in_its_queue_only(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await enqueue(store, "a", "j", queue_type="other")
        assert [job.queue_id for job in await take_in_turn(store, 2)] == ["a", "b"]


class DuplicateConformance(Conformance):
    """A job id that waits or is leased in its queue is not queued twice."""

    async def test_a_waiting_id_is_a_duplicate(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        assert await enqueue_one(store, new_job("q", "j")) is DUPLICATE
        assert await lengths(store, "q") == (1, 0, 0)

    async def test_a_leased_id_is_a_duplicate(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await take(store)
        assert await enqueue_one(store, new_job("q", "j")) is DUPLICATE
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_an_expired_lease_that_nobody_reclaimed_still_holds_the_id(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(1000)
        assert await enqueue_one(store, new_job("q", "j")) is DUPLICATE

    async def test_a_returned_id_is_a_duplicate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await release_job(store, await take(store, lease_time=100))
        assert await enqueue_one(store, new_job("q", "j1")) is DUPLICATE
        await let_expire(store, clock)
        assert await enqueue_one(store, new_job("q", "j1")) is DUPLICATE

    async def test_the_same_id_twice_in_a_batch_is_queued_once(self, store: QueueStore) -> None:
        results = await store.enqueue(
            TYPE, [new_job("q", "j", payload=b"1"), new_job("q", "j", payload=b"2")]
        )
        assert results == [EnqueueResult(QUEUED), EnqueueResult(DUPLICATE)]
        assert (await take(store)).payload == b"1"
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_a_duplicate_leaves_the_waiting_job_as_it_is(self, store: QueueStore) -> None:
        await store.enqueue(TYPE, [new_job("q", "j", payload=b"first", requeue_limit=3)])
        await enqueue(store, "q", "later")
        await store.enqueue(TYPE, [new_job("q", "j", payload=b"second", requeue_limit=9)])
        job = await take(store)
        assert (job.job_id, job.payload, job.requeues_remaining) == ("j", b"first", 3)

    async def test_a_duplicate_leaves_the_leased_job_as_it_is(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await store.enqueue(TYPE, [new_job("q", "j", payload=b"first", requeue_limit=3)])
        first = await take(store, lease_time=100)
        await store.enqueue(TYPE, [new_job("q", "j", payload=b"second", requeue_limit=9)])
        clock.advance(100)
        assert (await reclaim(store)).requeued == 1
        job = await take(store)
        assert (job.payload, job.requeues_remaining, job.attempt) == (b"first", 2, 2)
        assert job.token != first.token

    async def test_a_duplicate_of_a_leased_job_leaves_nothing_behind_its_finish(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        assert await enqueue_one(store, new_job("q", "j")) is DUPLICATE
        await finish_job(store, job)
        assert await lengths(store, "q") == (0, 0, 0)
        assert await next_ready_at(store) is None

    async def test_a_duplicate_is_not_counted(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await store.enqueue(TYPE, [new_job("q", "j"), new_job("q", "j")])
        assert await counted(store, "q") == (1, 0)

    async def test_a_finished_id_is_free(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        await enqueue(store, "q", "j")
        assert (await take(store)).attempt == 1

    async def test_a_cleared_id_is_free(self, store: QueueStore) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await take(store)
        await clear(store, "q")
        await enqueue(store, "q", "leased", "waiting")
        assert [job.attempt for job in await take_in_turn(store, 2)] == [1, 1]

    async def test_a_dead_id_is_free(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        await let_expire(store, clock, dies=True)
        await enqueue(store, "q", "j", requeue_limit=7)
        job = await take(store)
        assert (job.attempt, job.requeues_remaining) == (1, 7)
        assert await lengths(store, "q") == (0, 1, 1)


class DepthLimitConformance(Conformance):
    """`max_queued_length` is held in the step that enqueues."""

    async def test_the_length_before_the_job_is_told_to_those_who_set_a_limit(
        self, store: QueueStore
    ) -> None:
        jobs = [new_job("q", f"j{n}", max_queued_length=10) for n in range(3)]
        results = await store.enqueue(TYPE, [*jobs, new_job("q", "j3")])
        assert [result.queue_length for result in results] == [0, 1, 2, None]

    async def test_a_full_queue_refuses(self, store: QueueStore) -> None:
        jobs = [new_job("q", f"j{n}", max_queued_length=2) for n in range(4)]
        assert await store.enqueue(TYPE, jobs) == [
            EnqueueResult(QUEUED, 0),
            EnqueueResult(QUEUED, 1),
            EnqueueResult(QUEUE_FULL, 2),
            EnqueueResult(QUEUE_FULL, 2),
        ]
        assert await lengths(store, "q") == (2, 0, 0)

    async def test_a_queue_that_holds_more_than_the_limit_refuses(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        result = await store.enqueue(TYPE, [new_job("q", "j4", max_queued_length=2)])
        assert result == [EnqueueResult(QUEUE_FULL, 3)]

    async def test_a_limit_of_0_refuses_always_and_brings_no_queue_into_being(
        self, store: QueueStore
    ) -> None:
        result = await store.enqueue(TYPE, [new_job("q", "j", max_queued_length=0)])
        assert result == [EnqueueResult(QUEUE_FULL, 0)]
        assert await listed(store, None) == set()
        assert not await change_interval(store, TYPE, "q", 1)
        assert await next_ready_at(store) is None

    async def test_only_the_waiting_count_towards_the_limit(self, store: QueueStore) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await enqueue(store, "other", "waiting")
        leased = await take(store)
        job = new_job("q", "j", max_queued_length=2)
        assert await store.enqueue(TYPE, [job]) == [EnqueueResult(QUEUED, 1)]
        await release_job(store, leased)
        another = new_job("q", "another", max_queued_length=3)
        assert await store.enqueue(TYPE, [another]) == [EnqueueResult(QUEUE_FULL, 3)]

    async def test_the_duplicate_is_looked_for_before_the_limit(self, store: QueueStore) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await take(store)
        jobs = [
            new_job("q", "waiting", max_queued_length=1),
            new_job("q", "leased", max_queued_length=0),
            new_job("q", "waiting"),
        ]
        assert await store.enqueue(TYPE, jobs) == [
            EnqueueResult(DUPLICATE, 1),
            EnqueueResult(DUPLICATE, 1),
            EnqueueResult(DUPLICATE),
        ]

    async def test_a_refused_enqueue_changes_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store)
        refused = [
            new_job("q", "refused", max_queued_length=1),
            new_job("q", "refused", interval=9000, max_queued_length=1),
        ]
        results = await store.enqueue(TYPE, refused)
        assert results == [EnqueueResult(QUEUE_FULL, 1)] * 2
        assert await lengths(store, "q") == (1, 1, 0)
        assert await counted(store, "q") == (2, 1)
        assert (await take_exactly_at(store, clock, start + 1000)).job_id == "j2"

    async def test_a_refused_id_is_free(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1")
        assert await enqueue_one(store, new_job("q", "j2", max_queued_length=1)) is QUEUE_FULL
        assert await enqueue_one(store, new_job("q", "j2", max_queued_length=2)) is QUEUED

    async def test_a_place_that_comes_free_can_be_taken(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1")
        await take(store)
        assert await enqueue_one(store, new_job("q", "j2", max_queued_length=1)) is QUEUED
