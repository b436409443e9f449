"""Batches: many items in one call are answered as one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sharq_plug.model import (
    Deduplicate,
    Delivery,
    EnqueueResult,
    Extend,
    Fail,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Release,
    RequeueDelay,
    Settled,
    Settlement,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all, release_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    RECEIPT_TIME,
    claim,
    claim_without_token,
    lengths,
    new_job,
    reclaim_of_each,
    take_batch,
    take_in_turn,
)

BATCHED, SINGLE = "batched", "single"
"""Two queue types of one store that are fed alike."""

QUEUES = {"free": 0, "fast": 10, "slow": 1000, "a": 0, "fast-too": 10}

EXTRAS: tuple[dict[str, Any], ...] = (
    *({"deduplicate": Deduplicate("key", 1000)}, {}, {"delay": 20, "ttl": 15}, {"priority": 3}),
    *({"deduplicate": Deduplicate("key", 50)}, {"requeue_delay": RequeueDelay(10, 2)}, {}, {}, {}),
)


def mixed_jobs() -> list[NewJob]:
    """Return jobs of several queues and rates.

    Of each queue the fifth is a duplicate by its key, the last one by its id. The seventh is
    refused, and the eighth, which is queued, shows that a batch goes on.
    """
    return [
        new_job(
            queue_id,
            f"j{n % 8}",
            interval=interval + n % 2,
            requeue_limit=n % 3 - 1,
            max_queued_length=None if n % 2 else 4,
            **EXTRAS[n],
        )
        for n in range(len(EXTRAS))
        for queue_id, interval in QUEUES.items()
    ]


def seen(jobs: Sequence[Delivery]) -> list[tuple[object, ...]]:
    """Return all that a lease says but its token."""
    return [
        (
            *(job.queue_id, job.job_id, job.payload, job.attempt, job.expires_at),
            *(job.requeues_remaining, job.queue_length),
        )
        for job in jobs
    ]


async def feed(store: QueueStore) -> None:
    """Feed the two types alike."""
    for queue_type in (BATCHED, SINGLE):
        await store.enqueue(queue_type, mixed_jobs())


async def assert_alike(store: QueueStore, clock: ManualClock) -> None:
    """Drain both types one by one, for a while, and compare what comes."""
    for _ in range(12):
        batched = await dequeue_for_one(store, BATCHED, count=1, lease_time=LEASE_TIME)
        single = await dequeue_for_one(store, SINGLE, count=1, lease_time=LEASE_TIME)
        assert seen(batched.jobs) == seen(single.jobs)
        assert batched.next_ready_at == single.next_ready_at
        clock.advance(3)
    for queue_id in QUEUES:
        batched_lengths = await lengths(store, queue_id, queue_type=BATCHED)
        assert batched_lengths == await lengths(store, queue_id, queue_type=SINGLE)


class BatchConformance(Conformance):
    """Two types are fed alike; what one does in batches the other does one by one."""

    async def test_enqueues(self, store: QueueStore, clock: ManualClock) -> None:
        jobs = mixed_jobs()
        singles: list[EnqueueResult] = []
        for job in jobs:
            singles += await store.enqueue(SINGLE, [job])
        assert await store.enqueue(BATCHED, jobs) == singles
        await assert_alike(store, clock)

    async def test_dequeues(self, store: QueueStore, clock: ManualClock) -> None:
        await feed(store)
        for count in (1, 4, 2, 7):
            batch = await take_batch(store, count, queue_type=BATCHED)
            singles: list[Delivery] = []
            for _ in range(count):
                singles += await take_batch(store, 1, queue_type=SINGLE)
            assert seen(batch) == seen(singles)
            clock.advance(10)
        await assert_alike(store, clock)

    async def test_finishes(self, store: QueueStore, clock: ManualClock) -> None:
        await feed(store)
        batch = await self._mixed_claims(store, BATCHED)
        singles: list[Settled] = []
        for lease in await self._mixed_claims(store, SINGLE):
            singles += await finish_all(store, SINGLE, [lease], receipt_time=RECEIPT_TIME)
        assert await finish_all(store, BATCHED, batch, receipt_time=RECEIPT_TIME) == singles
        assert set(singles) == {LeaseOutcome.ENDED, LeaseOutcome.STALE, LeaseOutcome.UNKNOWN}
        await assert_alike(store, clock)

    async def test_releases(self, store: QueueStore, clock: ManualClock) -> None:
        await feed(store)
        batch = await self._mixed_claims(store, BATCHED)
        singles: list[Settled] = []
        for lease in await self._mixed_claims(store, SINGLE):
            singles += await release_all(store, SINGLE, [lease])
        assert await release_all(store, BATCHED, batch) == singles
        assert set(singles) == {LeaseOutcome.ENDED, LeaseOutcome.STALE, LeaseOutcome.UNKNOWN}
        await assert_alike(store, clock)

    @pytest.mark.parametrize(
        "say",
        [
            lambda lease: Release(lease, 5),
            lambda lease: Fail(lease, "why"),
            lambda lease: Fail(lease, delay=5),
            lambda lease: Fail(lease, dead=True),
            lambda lease: Extend(lease, 20),
        ],
    )
    async def test_what_else_a_worker_may_say(
        self, store: QueueStore, clock: ManualClock, say: Callable[[LeaseRef], Settlement]
    ) -> None:
        await feed(store)
        batch = [say(lease) for lease in await self._mixed_claims(store, BATCHED)]
        singles: list[Settled] = []
        for lease in await self._mixed_claims(store, SINGLE):
            singles += await store.settle(SINGLE, [say(lease)])
        assert await store.settle(BATCHED, batch) == singles
        assert {LeaseOutcome.STALE, LeaseOutcome.UNKNOWN} < set(singles)
        await assert_alike(store, clock)

    async def test_reclaims(self, store: QueueStore, clock: ManualClock) -> None:
        await feed(store)
        for queue_type in (BATCHED, SINGLE):
            for lease_time in (50, 20, 50, 30):
                await take_batch(store, 3, queue_type=queue_type, lease_time=lease_time)
        clock.advance(50)
        single, batched = await reclaim_of_each(store, SINGLE, BATCHED, limit=1)
        assert single == batched
        assert single.requeued > 0
        assert single.dead > 0
        await assert_alike(store, clock)

    @staticmethod
    async def _mixed_claims(store: QueueStore, queue_type: str) -> list[LeaseRef]:
        """Return claims that hold and claims that do not, some of them twice."""
        jobs = await take_in_turn(store, 8, queue_type=queue_type)
        return [
            *(claim(job) for job in reversed(jobs[:4])),
            claim(jobs[0]),
            *(claim_without_token(job) for job in jobs[2:6]),
            LeaseRef(jobs[6].queue_id, jobs[6].job_id, jobs[7].token),
            LeaseRef("free", "never"),
            claim(jobs[5]),
            LeaseRef("never", "never", jobs[7].token),
        ]
