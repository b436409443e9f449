"""Ttl: a job is not delivered once its time has passed, and becomes a dead letter."""

from typing import Any

import pytest

from sharq_plug.model import JobState, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import Reclaimed, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.coming_back import GiveBack, both_ways
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    claim,
    enqueue,
    extend_lease,
    finish_job,
    next_ready_at,
    reclaim,
    release,
    release_job,
    take,
    take_batch,
)


class TtlConformance(Conformance):
    """A ttl counts from the enqueue, or from the first time, and ends at its very ms."""

    async def test_a_job_is_delivered_until_1_ms_before_its_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=1000)
        clock.advance(999)
        await take(store)

    @pytest.mark.parametrize("late", [0, 1, 10**6])
    async def test_a_job_is_not_delivered_at_its_end_and_after(
        self, store: QueueStore, clock: ManualClock, late: int
    ) -> None:
        await enqueue(store, "q", "j", ttl=1000)
        clock.advance(1000 + late)
        assert await next_ready_at(store) is None
        assert await by_state(store, "q") == (0, 0, 0, 1)

    @pytest.mark.parametrize("is_at", [False, True])
    async def test_the_ttl_of_a_delayed_job_counts_from_its_time(
        self, store: QueueStore, clock: ManualClock, *, is_at: bool
    ) -> None:
        when: dict[str, Any] = {"at": clock.now() + 5000} if is_at else {"delay": 5000}
        await enqueue(store, "q", "taken", "left", ttl=1000, **when)
        clock.advance(5999)
        assert (await take(store)).job_id == "taken"
        clock.advance(1)
        assert await take_batch(store, 1) == []
        assert await by_state(store, "q") == (0, 0, 1, 1)

    async def test_the_ttl_of_a_job_whose_at_has_passed_counts_from_the_enqueue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "taken", "left", at=0, ttl=1000)
        clock.advance(999)
        assert (await take(store)).job_id == "taken"
        clock.advance(1)
        assert await take_batch(store, 1) == []

    async def test_a_step_back_of_the_clock_moves_no_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "taken", "left", ttl=1000)
        clock.step_back(10_000)
        await reclaim(store)
        clock.advance(10_999)
        assert (await take(store)).job_id == "taken"
        clock.advance(1)
        assert await take_batch(store, 1) == []


class LeasedTtlConformance(Conformance):
    """A lease outlasts the ttl of its job; what would come back after it dies."""

    async def test_a_lease_that_stands_may_finish(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        job = await take(store)
        clock.advance(5000)
        await tend_all(store)
        assert await by_state(store, "q") == (0, 0, 1, 0)
        await finish_job(store, job)
        assert await by_state(store, "q") == (0, 0, 0, 0)

    async def test_a_lease_may_be_extended_beyond_the_ttl(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        job = await take(store, lease_time=90)
        await extend_lease(store, job, 5000)
        clock.advance(4999)
        assert await reclaim(store) == Reclaimed(requeued=0, dead=0, more=False)
        await finish_job(store, job)

    @both_ways
    @pytest.mark.parametrize("delay", [0, 1000])
    async def test_a_job_that_is_given_back_at_its_end_dies(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack, delay: int
    ) -> None:
        await enqueue(store, "q", "j", ttl=100, requeue_limit=5)
        job = await take(store)
        clock.advance(100)
        await give_back(store, job, delay=delay)
        assert await by_state(store, "q") == (0, 0, 0, 1)
        assert await next_ready_at(store) is None
        assert await release(store, claim(job)) is LeaseOutcome.STALE

    async def test_a_job_that_is_given_back_before_its_end_is_delivered_until_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        await release_job(store, await take(store))
        clock.advance(99)
        await release_job(store, await take(store))
        clock.advance(1)
        assert await take_batch(store, 1) == []
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_lease_that_expires_after_the_end_leaves_a_dead_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100, requeue_limit=-1)
        job = await take(store, lease_time=100)
        clock.advance(100)
        tended = await store.tend(limit=100)
        assert [(lease.token, lease.is_dead) for lease in tended.ended] == [(job.token, True)]
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_job_that_dies_at_its_end_as_its_lease_expires_has_spent_a_requeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100, requeue_limit=2)
        await take(store, lease_time=100)
        clock.advance(100)
        await tend_all(store)
        view = await seen(store, "q", "j")
        assert (view.state, view.requeues_remaining) == (JobState.DEAD, 1)

    async def test_a_lease_that_expires_before_the_end_gives_its_job_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=101)
        await take(store, lease_time=100)
        clock.advance(100)
        assert await reclaim(store) == Reclaimed(requeued=1, dead=0, more=False)
        await take(store)

    async def test_a_delay_beyond_the_end_is_not_waited_out(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        await release_job(store, await take(store), delay=1000)
        assert await by_state(store, "q") == (0, 1, 0, 0)
        clock.advance(99)
        await tend_all(store)
        assert await by_state(store, "q") == (0, 1, 0, 0)
        clock.advance(1)
        await tend_all(store)
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_delayed_job_that_nobody_tended_is_not_delivered_after_its_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        await release_job(store, await take(store), delay=1000)
        clock.advance(1000)
        assert await take_batch(store, 1) == []
        assert await by_state(store, "q") == (0, 0, 0, 1)
