"""Delays: a job that is delayed goes at its time, and not before."""

import pytest

from sharq_plug.model import MAX_INSTANT, Cleared, EnqueueOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    clear,
    counted,
    enqueue,
    enqueue_one,
    finish_job,
    job_order,
    listed,
    new_job,
    next_ready_at,
    offer,
    reclaim,
    take,
    take_batch,
    take_exactly_at,
)

STEP = 600_000
"""By how much the clock had run ahead before it was set right, in ms."""


class DelayConformance(Conformance):
    """A delayed job is not delivered before its time, and can be from then on."""

    async def test_a_delay_counts_from_the_enqueue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=1000)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_a_job_with_an_at_goes_at_that_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 5000
        await enqueue(store, "q", "j", at=at)
        await take_exactly_at(store, clock, at)

    @pytest.mark.parametrize("late", [0, 1, 10**6, 1_700_000_000_000])
    async def test_an_at_that_has_passed_is_now(
        self, store: QueueStore, clock: ManualClock, late: int
    ) -> None:
        await enqueue(store, "q", "j", at=clock.now() - late)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await take(store)

    async def test_jobs_whose_at_has_passed_go_by_their_numbers(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "first", at=clock.now() - 10)
        await enqueue(store, "q", "second", at=clock.now() - 1000)
        assert await job_order(store, 2) == ["first", "second"]

    async def test_a_delay_of_0_is_none(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", delay=0)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await take(store)

    async def test_the_latest_at_is_exact(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", at=MAX_INSTANT)
        assert await next_ready_at(store) == MAX_INSTANT

    async def test_a_batch_gets_those_that_are_due_alone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "due", delay=100)
        await enqueue(store, "q", "later", delay=101)
        await enqueue(store, "q", "waiting")
        clock.advance(100)
        assert [job.job_id for job in await take_batch(store, 3)] == ["due", "waiting"]

    async def test_others_go_while_a_job_is_delayed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "delayed", delay=1000)
        await enqueue(store, "q", "j1", "j2")
        assert await job_order(store, 2) == ["j1", "j2"]
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_a_job_that_became_due_stands_by_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", delay=200)
        await enqueue(store, "q", "j2", delay=100)
        await enqueue(store, "q", "j3")
        clock.advance(200)
        assert await job_order(store, 3) == ["j1", "j2", "j3"]

    async def test_the_rate_holds_beside_the_delay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        served = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        await take(store, lease_time=10**6)
        await enqueue(store, "q", "early", interval=1000, delay=300)
        await enqueue(store, "q", "late", interval=1000, delay=2500)
        assert await next_ready_at(store) == served + 1000
        assert (await take_exactly_at(store, clock, served + 1000)).job_id == "early"
        assert (await take_exactly_at(store, clock, served + 2500)).job_id == "late"

    async def test_a_delay_is_no_dequeue_for_the_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=1000, delay=300)
        due = clock.now() + 300
        await take_exactly_at(store, clock, due)
        await take_exactly_at(store, clock, due + 1000)

    async def test_another_enqueue_of_a_delayed_job_is_a_duplicate_and_moves_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=1000)
        for again in (new_job("q", "j"), new_job("q", "j", delay=5)):
            assert await enqueue_one(store, again) is EnqueueOutcome.DUPLICATE
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_a_step_back_of_the_clock_hurries_no_delayed_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 1000
        await enqueue(store, "q", "j", at=at)
        clock.step_back(STEP)
        await reclaim(store)
        assert await next_ready_at(store) == at
        await take_exactly_at(store, clock, at)

    async def test_a_step_back_of_the_clock_holds_no_job_that_waits_beside_a_delayed_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 1000
        await enqueue(store, "q", "delayed", at=at)
        await enqueue(store, "q", "waiting")
        clock.step_back(STEP)
        await reclaim(store)
        await finish_job(store, await take(store))
        assert (await take_exactly_at(store, clock, at)).job_id == "delayed"


class DelayedLengthConformance(Conformance):
    """A delayed job counts as delayed until its time, then as waiting, joined or not."""

    async def test_a_job_counts_as_waiting_from_its_time_on_though_nobody_tends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", delay=100)
        await enqueue(store, "q", "j3", delay=101)
        clock.advance(99)
        assert await by_state(store, "q") == (0, 3, 0, 0)
        clock.advance(1)
        assert await by_state(store, "q") == (2, 1, 0, 0)
        clock.advance(1)
        assert await by_state(store, "q") == (3, 0, 0, 0)
        await reclaim(store)
        assert await by_state(store, "q") == (3, 0, 0, 0)

    async def test_the_length_after_a_dequeue_counts_due_jobs_and_no_delayed_ones(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "delayed", delay=1000)
        await enqueue(store, "q", "due", delay=10)
        await enqueue(store, "q", "j1", "j2")
        assert (await take(store)).queue_length == 1
        clock.advance(10)
        assert (await take(store)).queue_length == 1
        assert (await take(store)).queue_length == 0

    async def test_the_most_that_may_be_queued_counts_delayed_jobs(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "delayed", delay=100)
        await enqueue(store, "q", "waiting")
        for now_due in (0, 100):
            clock.advance(now_due)
            result = await offer(store, new_job("q", "j", max_queued_length=2))
            assert result.outcome is EnqueueOutcome.QUEUE_FULL
            assert result.queue_length == 2
        result = await offer(store, new_job("q", "j", max_queued_length=3))
        assert (result.outcome, result.queue_length) == (EnqueueOutcome.QUEUED, 2)

    async def test_a_delayed_job_is_held_to_the_most_that_may_be_queued(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "waiting")
        refused = new_job("q", "j", max_queued_length=1, delay=100)
        assert await enqueue_one(store, refused) is EnqueueOutcome.QUEUE_FULL
        assert await by_state(store, "q") == (1, 0, 0, 0)

    async def test_a_delayed_job_alone_makes_its_queue_exist(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=10**6)
        assert await listed(store) == {"q"}
        assert await listed(store, None) == {TYPE}
        assert await change_interval(store, TYPE, "q", 500)
        clock.advance(10**6)
        await take(store)
        await enqueue(store, "q", "other", interval=500)
        assert await next_ready_at(store) == clock.now() + 500

    async def test_a_queue_of_delayed_jobs_is_not_forgotten(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=10**9)
        clock.advance(10**9 - 1)
        await reclaim(store)
        assert await listed(store) == {"q"}
        clock.advance(1)
        await take(store)

    async def test_a_delayed_job_is_counted_when_it_is_enqueued(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=60_000)
        assert await counted(store, "q") == (1, 0)
        clock.advance(60_000)
        await reclaim(store)
        assert await counted(store, "q") == (1, 0)

    @pytest.mark.parametrize("purge", [False, True])
    async def test_clearing_removes_delayed_jobs_and_tells_them_from_due_ones(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await take(store)
        await enqueue(store, "q", "due", delay=100)
        await enqueue(store, "q", "d1", "d2", "d3", delay=1000)
        clock.advance(100)
        assert await clear(store, "q", purge=purge) == Cleared(2, 1, 0, 3)
        assert await by_state(store, "q") == (0, 0, 0, 0)
        assert await next_ready_at(store) is None
        assert await listed(store) == set()
        clock.advance(1000)
        await reclaim(store)
        assert await take_batch(store, 10) == []

    async def test_the_id_of_a_cleared_delayed_job_is_free(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=100)
        await clear(store, "q")
        await enqueue(store, "q", "j", delay=300)
        await take_exactly_at(store, clock, clock.now() + 300)
