"""The `max_length` of a queue: the most jobs that may wait or be delayed."""

import pytest

from sharq_plug.model import Deduplicate, EnqueueOutcome, EnqueueResult
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import goes_at, goes_freely
from sharq_plug.testing.conformance.operating import let_each_die, redrive_job, totals
from sharq_plug.testing.conformance.setting import patch, rules
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    counted,
    enqueue,
    enqueue_one,
    listed,
    new_job,
    offer,
    reclaim,
    release_job,
    take,
)

QUEUED, DUPLICATE = EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE
FULL = EnqueueOutcome.QUEUE_FULL


class MaxLengthConformance(Conformance):
    """No enqueue brings the unleased jobs of a queue above its `max_length`."""

    @pytest.mark.parametrize("max_length", [0, 1, 3])
    async def test_a_queue_is_full_at_its_max_length(
        self, store: QueueStore, max_length: int
    ) -> None:
        await patch(store, max_length=max_length)
        jobs = [new_job("q", str(n)) for n in range(max_length + 2)]
        results = await store.enqueue(TYPE, jobs)
        assert (
            results == [EnqueueResult(QUEUED)] * max_length + [EnqueueResult(FULL, max_length)] * 2
        )

    async def test_delayed_jobs_count(self, store: QueueStore) -> None:
        await patch(store, max_length=2)
        await enqueue(store, "q", "1")
        await enqueue(store, "q", "2", delay=1000)
        assert await enqueue_one(store, new_job("q", "3")) is FULL
        assert await enqueue_one(store, new_job("q", "3", delay=1)) is FULL

    async def test_leased_and_dead_jobs_do_not(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await patch(store, max_length=1)
        await enqueue(store, "q", "leased")
        await take(store)
        await enqueue(store, "q", "1")
        assert await enqueue_one(store, new_job("q", "2")) is FULL

    @pytest.mark.parametrize(
        ("own", "of_queue", "fits"), [(2, 1, 1), (1, 2, 1), (0, 5, 0), (5, 0, 0), (3, 3, 3)]
    )
    async def test_the_smaller_one_of_both_bounds_counts(
        self, store: QueueStore, own: int, of_queue: int, fits: int
    ) -> None:
        await patch(store, max_length=of_queue)
        for n in range(fits):
            await enqueue(store, "q", str(n), max_queued_length=own)
        job = new_job("q", "more", max_queued_length=own)
        assert await offer(store, job) == EnqueueResult(FULL, fits)

    async def test_only_a_refusal_tells_the_length_unasked(self, store: QueueStore) -> None:
        await patch(store, max_length=2)
        await enqueue(store, "q", "0", delay=1000)
        assert await offer(store, new_job("q", "1")) == EnqueueResult(QUEUED)
        assert await offer(store, new_job("q", "2")) == EnqueueResult(FULL, 2)
        assert await offer(store, new_job("q", "1")) == EnqueueResult(DUPLICATE)

    async def test_duplicates_are_looked_for_first(self, store: QueueStore) -> None:
        await enqueue(store, "q", "1", deduplicate=Deduplicate("k", 1000))
        await patch(store, max_length=1)
        assert await enqueue_one(store, new_job("q", "1")) is DUPLICATE
        job = new_job("q", "2", deduplicate=Deduplicate("k", 1000))
        assert await offer(store, job) == EnqueueResult(DUPLICATE, job_id="1")

    async def test_a_refusal_changes_nothing(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "1", "2", interval=1000)
        await patch(store, max_length=1)
        job = new_job("q", "no", interval=9000, deduplicate=Deduplicate("k", 1000))
        assert await enqueue_one(store, job) is FULL
        assert await counted(store, "q") == (2, 0)
        assert (await totals(store)).enqueued == 2
        await goes_at(store, clock, 0, 1000)
        job = new_job("q", "other", deduplicate=Deduplicate("k", 1000))
        assert await enqueue_one(store, job) is QUEUED

    async def test_a_refusal_leaves_no_queue(self, store: QueueStore) -> None:
        await patch(store, max_length=0)
        assert await enqueue_one(store, new_job("q", "no", interval=5)) is FULL
        assert await listed(store, None) == set()
        assert (await rules(store)).in_effect.limits == ()

    async def test_a_changed_bound_holds_from_then_on(self, store: QueueStore) -> None:
        await enqueue(store, "q", *"123")
        await patch(store, max_length=2)
        assert await enqueue_one(store, new_job("q", "4")) is FULL
        await goes_freely(store, 1)
        assert await enqueue_one(store, new_job("q", "4")) is FULL
        await goes_freely(store, 1)
        await enqueue(store, "q", "4")
        await patch(store, max_length=3)
        await enqueue(store, "q", "5")
        assert await enqueue_one(store, new_job("q", "6")) is FULL
        await patch(store, max_length=None)
        await enqueue(store, "q", "6", "7")

    async def test_what_comes_back_is_not_refused(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "released", "expired")
        job = await take(store)
        await take(store, lease_time=1)
        await patch(store, max_length=1)
        await enqueue(store, "q", "1")
        clock.advance(1)
        await release_job(store, job)
        assert (await reclaim(store)).requeued == 1
        assert await by_state(store, "q") == (3, 0, 0, 0)

    async def test_a_redriven_job_is_not_refused(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await patch(store, max_length=0)
        await redrive_job(store, "q", "dead")
        assert await by_state(store, "q") == (1, 0, 0, 0)

    async def test_it_bounds_one_queue(self, store: QueueStore) -> None:
        await patch(store, max_length=0)
        await enqueue(store, "p", "1")
        await enqueue(store, "q", "1", queue_type="other")
