"""What must not be forgotten: the unpaid rate of a queue that is gone, receipts of any length."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sharq_plug.model import MAX_BATCH, EnqueueOutcome, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, finish_all, release_all, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    clear,
    counted,
    enqueue,
    enqueue_one,
    finish,
    finish_job,
    lengths,
    listed,
    new_job,
    reclaim,
    take,
    take_batch,
    take_exactly_at,
)

SHORT = 1000
Call = Callable[[QueueStore], Coroutine[Any, Any, None]]


async def a_clearing(store: QueueStore) -> None:
    """Clear the queue that is gone."""
    assert (await clear(store, "gone")).waiting == 0


async def a_purge(store: QueueStore) -> None:
    """Purge the queue that is gone."""
    assert (await clear(store, "gone", purge=True)).waiting == 0


async def a_refused_enqueue(store: QueueStore) -> None:
    """Offer the queue a job that it has no room for."""
    outcome = await enqueue_one(store, new_job("gone", "no", max_queued_length=0))
    assert outcome is EnqueueOutcome.QUEUE_FULL


async def a_change_of_its_interval(store: QueueStore) -> None:
    """Change the interval of the queue, which it does not have any more."""
    assert not await change_interval(store, TYPE, "gone", 0)


async def a_reclaim(store: QueueStore) -> None:
    """Reclaim all that has expired."""
    assert (await tend_type(store, TYPE, limit=1000)).requeued == 3


async def a_reclaim_that_reaches_its_limit(store: QueueStore) -> None:
    """Reclaim as many leases as may be; some that have expired are left."""
    assert (await tend_type(store, TYPE, limit=2)).requeued == 2


async def a_finish_and_a_release_of_nothing(store: QueueStore) -> None:
    """Claim leases of jobs that are gone."""
    ref = claim(await take(store))
    await finish_all(store, TYPE, [ref, ref], receipt_time=RECEIPT_TIME)
    await release_all(store, TYPE, [ref])


async def a_look(store: QueueStore) -> None:
    """Look at the queue, and for it."""
    assert await lengths(store, "gone") == (0, 0, 0)
    assert await counted(store, "gone") == (1, 1)
    assert "sms" in await listed(store, None)


every_call = pytest.mark.parametrize(
    "call",
    [
        a_clearing,
        a_purge,
        a_refused_enqueue,
        a_change_of_its_interval,
        a_reclaim,
        a_reclaim_that_reaches_its_limit,
        a_finish_and_a_release_of_nothing,
        a_look,
    ],
    ids=lambda call: call.__name__,
)


async def leave_a_rate(store: QueueStore, clock: ManualClock, *, interval: int) -> int:
    """Let queue "gone" be dequeued and go, and leases of another expire; return when it was."""
    await enqueue(store, "expiring", "j1", "j2", "j3", "j4")
    await take_batch(store, 3, lease_time=1)
    await enqueue(store, "gone", "gone", interval=interval)
    jobs = await take_batch(store, 2)
    dequeued_at = clock.now()
    await finish_job(store, next(job for job in jobs if job.queue_id == "gone"))
    await enqueue(store, "other", "j")
    clock.advance(1)
    return dequeued_at


class ForgettingConformance(Conformance):
    """No call makes a store forget what is still to be paid of the rate of a queue that is gone."""

    @every_call
    async def test_the_unpaid_rate_of_a_queue_that_is_gone_outlives(
        self, store: QueueStore, clock: ManualClock, call: Call
    ) -> None:
        dequeued_at = await leave_a_rate(store, clock, interval=1000)
        await call(store)
        for queue_id in ("expiring", "other"):
            await clear(store, queue_id)
        await enqueue(store, "gone", "j", interval=1000)
        await take_exactly_at(store, clock, dequeued_at + 1000)

    @every_call
    async def test_a_paid_off_rate_is_not_brought_back_by(
        self, store: QueueStore, clock: ManualClock, call: Call
    ) -> None:
        await leave_a_rate(store, clock, interval=1000)
        await call(store)
        clock.advance(999)
        for queue_id in ("expiring", "other"):
            await clear(store, queue_id)
        await enqueue(store, "gone", "j", interval=5000)
        await take(store)

    async def test_deaths_that_reach_the_limit_of_a_reclaim_leave_their_queues_rates(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j", interval=1000, requeue_limit=0)
        await take_batch(store, 3, lease_time=1)
        clock.advance(1)
        assert (await tend_type(store, TYPE, limit=2)).dead == 2
        assert (await tend_type(store, TYPE, limit=1)).dead == 1
        await enqueue(store, "a", "again", interval=1000)
        await take_exactly_at(store, clock, start + 1000)


class MixedReceiptConformance(Conformance):
    """Finishes with different receipt times leave each other's receipts alone."""

    async def test_a_shorter_receipt_time_cuts_no_longer_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(MAX_BATCH)))
        first, *others = [claim(job) for job in await take_batch(store, MAX_BATCH)]
        assert await finish(store, first, receipt_time=RECEIPT_TIME) is LeaseOutcome.ENDED
        await finish_all(store, TYPE, others, receipt_time=SHORT)
        clock.advance(SHORT)
        assert await finish(store, others[-1]) is LeaseOutcome.ENDED
        clock.advance(1)
        await reclaim(store)
        assert await finish(store, others[-1]) is LeaseOutcome.UNKNOWN
        clock.advance(RECEIPT_TIME - SHORT - 1)
        assert await finish(store, first) is LeaseOutcome.ENDED
        clock.advance(1)
        assert await finish(store, first) is LeaseOutcome.UNKNOWN

    async def test_a_longer_receipt_time_lengthens_no_shorter_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(MAX_BATCH)))
        first, *others = [claim(job) for job in await take_batch(store, MAX_BATCH)]
        assert await finish(store, first, receipt_time=SHORT) is LeaseOutcome.ENDED
        await finish_all(store, TYPE, others, receipt_time=RECEIPT_TIME)
        clock.advance(SHORT)
        assert await finish(store, first) is LeaseOutcome.ENDED
        clock.advance(1)
        assert await finish(store, first) is LeaseOutcome.UNKNOWN
        assert await finish(store, others[0]) is LeaseOutcome.ENDED
