"""Deduplication: a key under which a job is remembered, longer than the job lives."""

from typing import Any

import pytest

from sharq_plug.model import MAX_KEY_TIME, Deduplicate, EnqueueOutcome, EnqueueResult, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import counts_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    clear,
    counted,
    enqueue,
    enqueue_one,
    fail_job,
    finish_job,
    listed,
    new_job,
    next_ready_at,
    offer,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)

QUEUED, DUPLICATE = EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE
KEPT = 1000
A_DUPLICATE_OF_FIRST = EnqueueResult(DUPLICATE, None, "first")


def keyed(job_id: str, key: str = "key", *, queue_id: str = "q", **fields: Any) -> NewJob:
    """Return a job that is to be remembered under a key for a second."""
    return new_job(queue_id, job_id, deduplicate=Deduplicate(key, KEPT), **fields)


class DeduplicationConformance(Conformance):
    """Another job with a key that is remembered is a duplicate of the first."""

    async def test_another_job_with_the_key_is_a_duplicate_of_the_first(
        self, store: QueueStore
    ) -> None:
        assert await offer(store, keyed("first")) == EnqueueResult(QUEUED)
        for _ in range(2):
            assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        assert await by_state(store, "q") == (1, 0, 0, 0)
        assert await counted(store, "q") == (1, 0)
        assert sum((await counts_of(store, TYPE)).enqueues.values()) == 1

    async def test_within_one_batch_the_first_is_remembered_too(self, store: QueueStore) -> None:
        results = await store.enqueue(TYPE, [keyed("first"), keyed("second")])
        assert results == [EnqueueResult(QUEUED), A_DUPLICATE_OF_FIRST]

    async def test_the_id_is_looked_for_before_the_key(self, store: QueueStore) -> None:
        await enqueue(store, "q", "lives")
        await offer(store, keyed("first"))
        assert await offer(store, keyed("lives")) == EnqueueResult(DUPLICATE)
        assert await offer(store, keyed("first")) == EnqueueResult(DUPLICATE)

    async def test_a_job_without_the_key_or_with_another_is_no_duplicate(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        await enqueue(store, "q", "plain")
        assert await offer(store, keyed("other", "another")) == EnqueueResult(QUEUED)
        assert await offer(store, keyed("case", "KEY")) == EnqueueResult(QUEUED)

    async def test_a_key_counts_in_its_own_queue_and_type(self, store: QueueStore) -> None:
        await offer(store, keyed("first"))
        assert await offer(store, keyed("j", queue_id="other")) == EnqueueResult(QUEUED)
        assert await offer(store, keyed("j"), queue_type="other") == EnqueueResult(QUEUED)

    async def test_a_key_that_is_called_like_a_job_is_another_thing(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "key")
        assert await offer(store, keyed("first")) == EnqueueResult(QUEUED)
        assert await offer(store, keyed("j", "first")) == EnqueueResult(QUEUED)

    async def test_a_duplicate_says_the_length_where_a_most_is_named_and_is_not_refused(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        result = await offer(store, keyed("second", max_queued_length=1))
        assert result == EnqueueResult(DUPLICATE, 1, "first")

    async def test_a_duplicate_brings_its_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await offer(store, keyed("first"))
        await enqueue(store, "q", "left")
        await take(store)
        assert await offer(store, keyed("second", interval=500)) == A_DUPLICATE_OF_FIRST
        await take_exactly_at(store, clock, clock.now() + 500)

    async def test_a_duplicate_for_a_queue_without_jobs_brings_none_into_being(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        await finish_job(store, await take(store))
        assert await offer(store, keyed("second", interval=500)) == A_DUPLICATE_OF_FIRST
        assert await listed(store) == set()
        assert await listed(store, None) == set()
        assert await next_ready_at(store) is None
        await enqueue(store, "q", "third")
        await take(store)

    async def test_a_refused_enqueue_leaves_no_entry(self, store: QueueStore) -> None:
        await enqueue(store, "q", "waits")
        refused = keyed("first", max_queued_length=1)
        assert await enqueue_one(store, refused) is EnqueueOutcome.QUEUE_FULL
        assert await offer(store, keyed("second")) == EnqueueResult(QUEUED)

    async def test_a_duplicate_by_its_id_leaves_no_entry(self, store: QueueStore) -> None:
        await offer(store, keyed("first"))
        assert await offer(store, keyed("first", "another")) == EnqueueResult(DUPLICATE)
        assert await offer(store, keyed("second", "another")) == EnqueueResult(QUEUED)

    async def test_a_duplicate_by_its_key_does_not_hold_its_id(self, store: QueueStore) -> None:
        await offer(store, keyed("first"))
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        await enqueue(store, "q", "second")


class RememberedKeyConformance(Conformance):
    """A key is remembered for its time, whatever becomes of its job, unless that is cleared."""

    async def test_a_key_is_free_exactly_when_its_time_has_passed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await offer(store, keyed("first"))
        clock.advance(KEPT - 1)
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        clock.advance(1)
        assert await offer(store, keyed("second")) == EnqueueResult(QUEUED)
        assert await offer(store, keyed("third")) == EnqueueResult(DUPLICATE, None, "second")

    async def test_a_key_is_kept_as_long_as_the_first_job_says(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        long = new_job("q", "second", deduplicate=Deduplicate("key", MAX_KEY_TIME))
        await offer(store, keyed("first"))
        assert await offer(store, long) == A_DUPLICATE_OF_FIRST
        clock.advance(KEPT)
        assert await offer(store, long) == EnqueueResult(QUEUED)
        clock.advance(MAX_KEY_TIME - 1)
        await tend_all(store)
        assert (await offer(store, keyed("third"))).job_id == "second"
        clock.advance(1)
        assert await offer(store, keyed("third")) == EnqueueResult(QUEUED)

    async def test_a_delayed_job_is_remembered_from_its_enqueue_on(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        delayed = new_job("q", "first", delay=10**6, deduplicate=Deduplicate("key", KEPT))
        await offer(store, delayed)
        clock.advance(KEPT - 1)
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        clock.advance(1)
        assert await offer(store, keyed("second")) == EnqueueResult(QUEUED)

    async def test_a_job_is_remembered_while_it_is_leased_and_when_it_came_back(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        job = await take(store)
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        await release_job(store, job, delay=100)
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST

    async def test_a_job_is_remembered_when_it_has_finished(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await offer(store, keyed("first"))
        await finish_job(store, await take(store))
        clock.advance(KEPT - 1)
        await tend_all(store)
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        assert await offer(store, keyed("first")) == A_DUPLICATE_OF_FIRST
        clock.advance(1)
        assert await offer(store, keyed("first")) == EnqueueResult(QUEUED)

    async def test_a_job_is_remembered_when_it_has_died(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id, ttl in (("failed", None), ("expired", 10), ("exhausted", None)):
            await offer(store, keyed("first", queue_id=queue_id, requeue_limit=0, ttl=ttl))
        for job in await take_in_turn(store, 3, lease_time=20):
            if job.queue_id == "failed":
                await fail_job(store, job, dead=True)
            elif job.queue_id == "expired":
                await release_job(store, job)
        clock.advance(20)
        await tend_all(store)
        for queue_id in ("failed", "expired", "exhausted"):
            assert await by_state(store, queue_id) == (0, 0, 0, 1)
            result = await offer(store, keyed("second", queue_id=queue_id))
            assert result == A_DUPLICATE_OF_FIRST

    async def test_a_key_outlives_what_is_kept_of_its_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await offer(store, new_job("q", "first", deduplicate=Deduplicate("key", MAX_KEY_TIME)))
        await finish_job(store, await take(store))
        clock.advance(MAX_KEY_TIME - 1)
        await tend_all(store)
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST
        clock.advance(1)
        await tend_all(store)
        assert await offer(store, keyed("second")) == EnqueueResult(QUEUED)

    @pytest.mark.parametrize("purge", [False, True])
    async def test_clearing_frees_the_keys_of_the_jobs_that_it_removes(
        self, store: QueueStore, *, purge: bool
    ) -> None:
        await store.enqueue(TYPE, [keyed(state, state) for state in ("leased", "waiting")])
        await take(store)
        delayed = new_job("q", "delayed", delay=100, deduplicate=Deduplicate("delayed", KEPT))
        await offer(store, delayed)
        await clear(store, "q", purge=purge)
        for state in ("waiting", "delayed", "leased"):
            assert await offer(store, keyed("second-" + state, state)) == EnqueueResult(QUEUED)

    async def test_clearing_does_not_free_the_keys_of_finished_jobs(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        await finish_job(store, await take(store))
        await enqueue(store, "q", "waits")
        await clear(store, "q")
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST

    async def test_clearing_does_not_free_the_key_of_a_job_that_finished_when_its_id_came_back(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        await finish_job(store, await take(store))
        await enqueue(store, "q", "first")
        await clear(store, "q")
        assert await offer(store, keyed("second")) == A_DUPLICATE_OF_FIRST

    async def test_a_cleared_key_stays_free_when_the_id_comes_back_without_it(
        self, store: QueueStore
    ) -> None:
        await offer(store, keyed("first"))
        await clear(store, "q")
        await enqueue(store, "q", "first")
        assert await offer(store, keyed("second")) == EnqueueResult(QUEUED)
        await finish_job(store, await take(store))
        third = await offer(store, keyed("third"))
        assert third == EnqueueResult(DUPLICATE, None, "second")

    async def test_a_job_that_outlived_its_key_ends_without_taking_that_of_the_next(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await offer(store, keyed("first"))
        old = await take(store, lease_time=10**6)
        clock.advance(KEPT)
        await offer(store, keyed("second"))
        await finish_job(store, old)
        assert (await offer(store, keyed("third"))).job_id == "second"
        await clear(store, "q")
        assert await offer(store, keyed("third")) == EnqueueResult(QUEUED)

    async def test_many_keys_are_forgotten_in_steps(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await store.enqueue(TYPE, [keyed(f"j{n}", f"k{n}") for n in range(50)])
        clock.advance(KEPT)
        await tend_all(store, limit=7)
        results = await store.enqueue(TYPE, [keyed(f"again{n}", f"k{n}") for n in range(50)])
        assert results == [EnqueueResult(QUEUED)] * 50
