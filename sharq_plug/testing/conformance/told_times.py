"""The times that answers tell: when a job was due, and how long a lease was held."""

from collections.abc import Callable

import pytest

from sharq_plug.model import (
    Ended,
    Extend,
    Fail,
    Finish,
    JobRef,
    LeaseOutcome,
    LeaseRef,
    Release,
    RequeueDelay,
    Reschedule,
    Settlement,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import amend, let_each_die, redrive_job
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    RECEIPT_TIME,
    TYPE,
    claim,
    claim_without_token,
    enqueue,
    fail_job,
    release_job,
    take,
    take_batch,
    take_in_turn,
)

every_end = pytest.mark.parametrize(
    "end",
    [
        lambda lease: Finish(lease, RECEIPT_TIME),
        lambda lease: Finish(lease, RECEIPT_TIME, {"job": 2}),
        Release,
        lambda lease: Release(lease, 500, freeze=9),
        Fail,
        lambda lease: Fail(lease, "why", dead=True),
    ],
)


class DueTimeConformance(Conformance):
    """A delivery tells when the latest delay of its job was to end."""

    async def test_a_job_without_a_delay_was_never_due(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "plain", "other")
        await enqueue(store, "q", "rare", priority=3, headers={"a": "b"}, delay=0, at=None)
        await enqueue(store, "q", "past", at=clock.now() - 1)
        clock.advance(10)
        assert [job.due_at for job in await take_batch(store, 4)] == [None] * 4

    @pytest.mark.parametrize("late", [0, 1, 5000])
    async def test_a_delivery_tells_when_its_job_was_due(
        self, store: QueueStore, clock: ManualClock, late: int
    ) -> None:
        due_at = clock.now() + 1000
        await enqueue(store, "q", "a", delay=1000)
        await enqueue(store, "q", "b", at=due_at)
        clock.advance(1000 + late)
        assert [job.due_at for job in await take_in_turn(store, 2)] == [due_at] * 2

    async def test_the_time_is_told_once_the_job_has_joined(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        due_at = clock.now() + 1000
        await enqueue(store, "q", "j", delay=1000)
        clock.advance(1500)
        await tend_all(store, limit=100)
        assert (await take(store)).due_at == due_at

    async def test_a_return_with_a_delay_sets_the_time_and_one_without_keeps_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=RequeueDelay(300))
        await release_job(store, await take(store))
        job = await take(store)
        assert job.due_at is None
        first = clock.now() + 70
        await release_job(store, job, delay=70)
        clock.advance(80)
        job = await take(store)
        assert job.due_at == first
        await release_job(store, job)
        job = await take(store)
        assert job.due_at == first
        await fail_job(store, job)
        clock.advance(300)
        assert (await take(store)).due_at == clock.now()

    async def test_a_reschedule_sets_the_time(self, store: QueueStore, clock: ManualClock) -> None:
        began = clock.now()
        await enqueue(store, "q", "a", "b", "c", delay=1000)
        await enqueue(store, "q", "d")
        clock.advance(10)
        for change in (
            Reschedule(JobRef("q", "a"), delay=30),
            Reschedule(JobRef("q", "b"), at=5),
            Reschedule(JobRef("q", "c"), priority=1),
            Reschedule(JobRef("q", "d"), at=began + 50),
        ):
            await amend(store, change)
        clock.advance(2000)
        found = {job.job_id: job.due_at for job in await take_batch(store, 4)}
        expected = {"a": began + 40, "b": began + 10, "c": began + 1000, "d": began + 50}
        assert found == expected

    async def test_a_redriven_job_was_due_when_it_was_redriven(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "plain")
        await let_each_die(store, "q", "rare", priority=1)
        clock.advance(12_345)
        redriven_at = clock.now()
        for job_id in ("plain", "rare"):
            await redrive_job(store, "q", job_id)
        clock.advance(10)
        jobs = await take_batch(store, 2)
        assert [(job.attempt, job.due_at) for job in jobs] == [(1, redriven_at)] * 2


class LeaseTimeConformance(Conformance):
    """What ends a lease tells how long it was held."""

    @every_end
    @pytest.mark.parametrize("jobs", [1, 3])
    async def test_the_end_of_a_lease_tells_how_long_it_was_held(
        self,
        store: QueueStore,
        clock: ManualClock,
        end: Callable[[LeaseRef], Settlement],
        jobs: int,
    ) -> None:
        await enqueue(store, "q", *(f"j{number}" for number in range(jobs)))
        taken = []
        for _ in range(jobs):
            taken.append(await take(store))
            clock.advance(1000)
        clock.advance(1)
        settled = await store.settle(TYPE, [end(claim(job)) for job in taken])
        assert settled == [Ended(1000 * (jobs - at) + 1) for at in range(jobs)]

    async def test_an_extend_does_not_begin_a_lease_anew(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        clock.advance(400)
        await store.settle(TYPE, [Extend(claim(job), LEASE_TIME)])
        clock.advance(LEASE_TIME + 50)
        assert await store.settle(TYPE, [Fail(claim_without_token(job))]) == [
            Ended(LEASE_TIME + 450)
        ]

    async def test_each_lease_counts_from_its_own_delivery(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await release_job(store, await take(store))
        clock.advance(900)
        job = await take(store)
        assert await store.settle(TYPE, [Release(claim(job))]) == [Ended(0)]

    async def test_a_repeated_finish_does_not_end_the_lease_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        finish = Finish(claim(await take(store)), RECEIPT_TIME)
        clock.advance(5)
        assert await store.settle(TYPE, [finish, finish]) == [Ended(5), LeaseOutcome.ENDED]

    async def test_a_clock_that_steps_back_makes_no_negative_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        clock.step_back(500)
        assert await store.settle(TYPE, [Finish(claim(job), RECEIPT_TIME)]) == [Ended(0)]
