"""Redriven jobs: what a job keeps of its letter, and what begins anew."""

from typing import Any

import pytest

from sharq_plug.model import (
    MAX_INTEGER,
    Absence,
    DeathReason,
    EnqueueOutcome,
    EnqueueResult,
    JobRef,
    JobState,
    JobView,
    LeaseOutcome,
    RequeueDelay,
    Take,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel_job, reschedule_job, seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.finding import COST, HEADERS
from sharq_plug.testing.conformance.operating import let_each_die, letters, redrive, redrive_job
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    counted,
    enqueue,
    fail_job,
    finish,
    finish_job,
    job_order,
    let_expire,
    new_job,
    next_ready_at,
    offer,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)


class RedrivenJobConformance(Conformance):
    """A redriven job is like a new one that carries the same payload and fields."""

    async def test_it_starts_afresh(self, store: QueueStore, clock: ManualClock) -> None:
        enqueued_at = clock.now()
        await enqueue(store, "q", "j", requeue_limit=2)
        for _ in range(3):
            clock.advance(10)
            await fail_job(store, await take(store), error="broken")
        await redrive(store, 1)
        assert await seen(store, "q", "j") == JobView(
            JobState.WAITING, 0, 2, enqueued_at, position=0, earliest_at=clock.now()
        )

    async def test_it_carries_what_it_was_given(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        enqueued_at = clock.now()
        extras: dict[str, Any] = {"priority": 7, "cost": COST, "headers": HEADERS}
        await let_each_die(store, "q", "j", payload=b"\xc1\x00[1]", **extras)
        clock.advance(10)
        await redrive(store, 1)
        job = await take(store)
        assert (job.payload, job.priority, job.enqueued_at) == (b"\xc1\x00[1]", 7, enqueued_at)
        assert (job.cost, job.headers, job.attempt) == (COST, HEADERS, 1)

    @pytest.mark.parametrize("limit", [-1, 0, 1, 3, 10**15, MAX_INTEGER])
    @pytest.mark.parametrize("spent", [0, 1])
    async def test_its_requeue_limit_is_fresh(
        self, store: QueueStore, clock: ManualClock, limit: int, spent: int
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=limit)
        for _ in range(min(spent, limit) if limit >= 0 else spent):
            await let_expire(store, clock)
        await fail_job(store, await take(store), dead=True)
        for _ in range(2):
            await redrive_job(store, "q", "j")
            job = await take(store)
            assert (job.attempt, job.requeues_remaining) == (1, limit)
            await fail_job(store, job, dead=True)

    async def test_a_release_before_its_death_is_forgotten(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=3)
        await release_job(store, await take(store))
        await fail_job(store, await take(store), dead=True)
        await redrive(store, 1)
        job = await take(store)
        assert (job.attempt, job.requeues_remaining) == (1, 3)

    async def test_it_does_not_stand_before_new_jobs(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await enqueue(store, "q", "j1", "j2")
        await redrive(store, 1)
        assert await job_order(store, 3) == ["j1", "j2", "dead"]

    async def test_it_stands_at_its_new_number(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "d1", "d2")
        await enqueue(store, "q", "before")
        await redrive(store, 2, 1)
        await enqueue(store, "q", "after")
        assert await job_order(store, 4) == ["before", "d2", "d1", "after"]

    async def test_it_has_the_priority_that_it_had_when_it_died(self, store: QueueStore) -> None:
        await enqueue(store, "q", "low", "raised")
        await reschedule_job(store, "q", "raised", priority=5)
        for job in await take_in_turn(store, 2):
            await fail_job(store, job, dead=True)
        await enqueue(store, "q", "between", priority=3)
        await redrive(store, 1, 2)
        assert await job_order(store, 3) == ["raised", "between", "low"]

    async def test_it_keeps_its_requeue_delay_but_no_penalties(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=1, requeue_delay=RequeueDelay(100, 3))
        for _ in range(2):
            await fail_job(store, await take(store))
            again = await take_exactly_at(store, clock, clock.now() + 100)
            await fail_job(store, again)
            await redrive_job(store, "q", "j")

    async def test_it_is_not_delayed_as_it_was(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j", delay=500)
        clock.advance(500)
        await fail_job(store, await take(store), dead=True)
        await redrive(store, 1)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await take(store)

    @pytest.mark.parametrize("begins", ["at its enqueue", "at its time"])
    async def test_its_ttl_begins_anew(
        self, store: QueueStore, clock: ManualClock, begins: str
    ) -> None:
        at = clock.now() + 500 if begins == "at its time" else None
        await enqueue(store, "q", "j", ttl=1000, at=at)
        clock.advance(2000)
        await tend_all(store)
        for _ in range(2):
            assert await by_state(store, "q") == (0, 0, 0, 1)
            await redrive_job(store, "q", "j")
            clock.advance(999)
            await release_job(store, await take(store))
            clock.advance(1)
            assert await next_ready_at(store) is None
        [letter] = await letters(store)
        assert letter.reason is DeathReason.EXPIRED

    async def test_a_job_without_a_ttl_gets_none(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        await redrive(store, 1)
        clock.advance(10**12)
        await take(store)

    async def test_it_does_not_count_as_an_enqueue(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await redrive(store, 1)
        assert await counted(store, "q") == (1, 1)

    async def test_its_id_finds_it_and_not_the_letter(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await redrive(store, 1)
        again = await offer(store, new_job("q", "j"))
        assert again.outcome is EnqueueOutcome.DUPLICATE
        await cancel_job(store, "q", "j")
        assert await store.find(TYPE, [JobRef("q", "j")]) == [Absence.UNKNOWN]

    async def test_it_counts_towards_the_length_of_its_queue(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await redrive(store, 1, 2)
        full = await offer(store, new_job("q", "j", max_queued_length=2))
        assert full == EnqueueResult(EnqueueOutcome.QUEUE_FULL, 2)

    async def test_the_token_of_its_death_is_stale(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        before = await take(store)
        await fail_job(store, before, dead=True)
        await redrive(store, 1)
        assert await finish(store, claim(before)) is LeaseOutcome.STALE
        now = await take(store)
        assert await finish(store, claim(before)) is LeaseOutcome.STALE
        await finish_job(store, now)

    async def test_it_dies_again_with_a_new_letter(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        enqueued_at = clock.now()
        await let_each_die(store, "q", "j", error="first")
        await let_each_die(store, "q", "other")
        await redrive(store, 1)
        clock.advance(50)
        await fail_job(store, await take(store), dead=True)
        newest = (await letters(store, "q"))[0]
        assert (newest.number, newest.job_id, newest.last_error) == (3, "j", None)
        assert (newest.attempts, newest.enqueued_at) == (1, enqueued_at)
        assert newest.died_at == enqueued_at + 50

    async def test_a_repeated_dequeue_gets_it_under_a_new_lease(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        again = Take(1, 1000, "try")
        [first] = await store.dequeue(TYPE, [again])
        await fail_job(store, first.jobs[0], dead=True)
        await redrive(store, 1)
        [second] = await store.dequeue(TYPE, [again])
        assert (second.is_repeated, second.jobs[0].attempt) == (False, 1)
        assert second.jobs[0].token != first.jobs[0].token
