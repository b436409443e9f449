"""Cancels: a job that nobody wants any more is removed."""

import pytest

from sharq_plug.model import Cancel, JobRef, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import LEASED, cancel, cancel_job
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import DONE, UNKNOWN
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    claim_without_token,
    counted,
    enqueue,
    extend,
    fail_job,
    finish,
    finish_job,
    job_order,
    listed,
    next_ready_at,
    queue_order,
    reclaim,
    release,
    release_job,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


class CancelConformance(Conformance):
    """A job that waits or is delayed is removed as if it had never been queued."""

    @pytest.mark.parametrize("cancelled", ["j1", "j2", "j3"])
    async def test_a_waiting_job_goes_wherever_it_stands(
        self, store: QueueStore, cancelled: str
    ) -> None:
        jobs = ["j1", "j2", "j3"]
        await enqueue(store, "q", *jobs)
        await cancel_job(store, "q", cancelled)
        jobs.remove(cancelled)
        assert await by_state(store, "q") == (2, 0, 0, 0)
        assert await job_order(store, 2) == jobs

    @pytest.mark.parametrize("cancelled", ["j1", "j2", "j3"])
    async def test_a_delayed_job_goes_wherever_it_stands(
        self, store: QueueStore, clock: ManualClock, cancelled: str
    ) -> None:
        jobs = ["j1", "j2", "j3"]
        for n, job_id in enumerate(jobs):
            await enqueue(store, "q", job_id, delay=100 * (n + 1))
        await cancel_job(store, "q", cancelled)
        assert await by_state(store, "q") == (0, 2, 0, 0)
        clock.advance(300)
        jobs.remove(cancelled)
        assert [job.job_id for job in await take_batch(store, 5)] == jobs

    @pytest.mark.parametrize("joined", [False, True])
    async def test_a_due_job_goes_whether_it_has_joined_or_not(
        self, store: QueueStore, clock: ManualClock, *, joined: bool
    ) -> None:
        await enqueue(store, "q", "j1", "j2", delay=100, ttl=5000)
        clock.advance(100)
        if joined:
            await tend_all(store)
        await cancel_job(store, "q", "j1")
        assert await by_state(store, "q") == (1, 0, 0, 0)
        assert [job.job_id for job in await take_batch(store, 5)] == ["j2"]

    async def test_a_returned_job_goes(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", priority=3)
        for job in await take_in_turn(store, 2):
            await release_job(store, job)
        await cancel_job(store, "q", "j2")
        assert [job.job_id for job in await take_batch(store, 5)] == ["j1", "j3"]

    async def test_the_ttl_of_a_cancelled_job_ends_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", ttl=100)
        await enqueue(store, "q", "j3", ttl=100, delay=50)
        await enqueue(store, "q", "j4")
        for job_id in ("j1", "j2", "j3"):
            await cancel_job(store, "q", job_id)
        clock.advance(1000)
        await tend_all(store)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await cancel_job(store, "q", "j4")
        assert await listed(store) == set()

    async def test_what_was_never_there_or_is_gone_is_unknown(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", "finished")
        await cancel_job(store, "q", "j")
        await finish_job(store, await take(store))
        for queue_id, job_id in (("q", "j"), ("q", "finished"), ("q", "no"), ("none", "j")):
            for leased in (False, True):
                assert await cancel(store, queue_id, job_id, leased=leased) is UNKNOWN

    async def test_another_queue_and_another_type_keep_theirs(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await enqueue(store, "other", "j")
        await enqueue(store, "q", "j", queue_type="mail")
        await cancel_job(store, "q", "j")
        assert await listed(store) == {"other"}
        assert (await take(store, queue_type="mail")).queue_id == "q"

    async def test_the_items_of_a_call_see_what_earlier_ones_did(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        await enqueue(store, "p", "j")
        refs = [JobRef("q", "j1"), JobRef("p", "j"), JobRef("q", "j1"), JobRef("q", "j2")]
        outcomes = await store.amend(TYPE, [Cancel(ref) for ref in refs])
        assert outcomes == [DONE, DONE, UNKNOWN, DONE]
        assert await listed(store) == set()

    async def test_the_id_of_a_cancelled_job_is_free(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", payload=b"[1]", requeue_limit=5, priority=2)
        await fail_job(store, await take(store), error="e")
        await cancel_job(store, "q", "j")
        await enqueue(store, "q", "j", payload=b"[2]")
        job = await take(store)
        assert (job.payload, job.attempt, job.requeues_remaining) == (b"[2]", 1, -1)

    async def test_a_cancel_is_not_counted(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        await cancel_job(store, "q", "j1")
        assert await counted(store, "q") == (2, 0)


class CancelledPlaceConformance(Conformance):
    """The place of a queue follows from the jobs that it still has."""

    async def test_a_queue_that_still_has_waiting_jobs_keeps_its_place(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j")
        for job_id in ("j1", "j3"):
            await cancel_job(store, "a", job_id)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_without_its_waiting_job_stands_by_its_first_delayed_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "a", "delayed", at=at)
        await enqueue(store, "a", "waiting")
        await enqueue(store, "b", "j", at=at)
        await cancel_job(store, "a", "waiting")
        assert await next_ready_at(store) == at
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_without_its_first_delayed_job_a_queue_goes_with_the_second(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        first = clock.now() + 100
        await enqueue(store, "a", "j1", at=first)
        await enqueue(store, "a", "j2", at=first + 200)
        await enqueue(store, "b", "j", at=first + 200)
        await cancel_job(store, "a", "j1")
        assert await next_ready_at(store) == first + 200
        clock.advance(300)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_due_queue_that_is_held_again_keeps_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "due", delay=100)
        await enqueue(store, "a", "later", delay=500)
        await enqueue(store, "b", "j", delay=500)
        clock.advance(200)
        await cancel_job(store, "a", "due")
        assert await next_ready_at(store) == clock.now() + 300
        clock.advance(300)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_the_last_job_takes_its_queue_along_and_leaves_its_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=1000)
        served = clock.now()
        await finish_job(store, await take(store))
        clock.advance(300)
        await cancel_job(store, "q", "j2")
        assert await listed(store) == set()
        assert await next_ready_at(store) is None
        await enqueue(store, "q", "j3", interval=1000)
        await take_exactly_at(store, clock, served + 1000)

    async def test_a_queue_that_is_back_has_a_new_place(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await cancel_job(store, "a", "j")
        await enqueue(store, "a", "j")
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_a_place_that_is_given_up_wakes_nobody(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await cancel_job(store, "q", "j")
            await enqueue(store, "other", "j", delay=700)
            assert await wakes.hear(700) == [700]


class CancelledLeaseConformance(Conformance):
    """A leased job is left alone unless the cancel says that its lease may end."""

    async def test_a_leased_job_is_left_as_it_is(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=3)
        job = await take(store)
        assert await cancel(store, "q", "j") is LEASED
        assert await by_state(store, "q") == (0, 0, 1, 0)
        await release_job(store, job)
        assert (await take(store)).requeues_remaining == 3

    async def test_an_expired_lease_stands_until_it_is_reclaimed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(100)
        assert await cancel(store, "q", "j") is LEASED
        await reclaim(store)
        assert await cancel(store, "q", "j") is DONE

    @pytest.mark.parametrize("leases", [1, 2, 3])
    async def test_with_leased_the_lease_ends_and_the_job_is_gone(
        self, store: QueueStore, leases: int
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4", ttl=1000, requeue_limit=0)
        job, *others = await take_in_turn(store, leases)
        assert await cancel(store, "q", "j1", leased=True) is DONE
        assert await by_state(store, "q") == (4 - leases, 0, leases - 1, 0)
        for answer in (
            await finish(store, claim(job)),
            await extend(store, claim(job), 1000),
            await release(store, claim(job)),
            await finish(store, claim_without_token(job)),
        ):
            assert answer is LeaseOutcome.UNKNOWN
        for other in others:
            await finish_job(store, other)

    async def test_a_cancelled_lease_never_expires(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        await take(store, lease_time=100)
        assert await cancel(store, "q", "j", leased=True) is DONE
        assert await listed(store) == set()
        assert await next_ready_at(store) is None
        clock.advance(1000)
        assert (await reclaim(store)).dead == 0
        assert await by_state(store, "q") == (0, 0, 0, 0)

    async def test_with_leased_other_jobs_are_cancelled_too(self, store: QueueStore) -> None:
        await enqueue(store, "q", "waiting")
        await enqueue(store, "q", "delayed", delay=100)
        for job_id in ("waiting", "delayed"):
            assert await cancel(store, "q", job_id, leased=True) is DONE
        assert await by_state(store, "q") == (0, 0, 0, 0)

    async def test_a_job_that_took_the_id_of_a_cancelled_one_is_safe_from_its_worker(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        before = await take(store)
        assert await cancel(store, "q", "j", leased=True) is DONE
        await enqueue(store, "q", "j")
        assert await finish(store, claim(before)) is LeaseOutcome.STALE
        now = await take(store)
        assert await finish(store, claim(before)) is LeaseOutcome.STALE
        await finish_job(store, now)
