"""Amendments by the ids of jobs, and what they do to dead letters and to keys."""

from typing import Any

from msgspec.structs import replace

from sharq_plug.model import (
    Absence,
    AmendOutcome,
    Cancel,
    Cleared,
    Deduplicate,
    EnqueueOutcome,
    EnqueueResult,
    JobRef,
    JobView,
    LeaseOutcome,
    Reschedule,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import DONE, UNKNOWN, amend, let_each_die
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    clear,
    enqueue,
    fail_job,
    finish,
    finish_job,
    listed,
    new_job,
    offer,
    take,
    take_in_turn,
)

LEASED, DEAD = AmendOutcome.LEASED, AmendOutcome.DEAD


async def cancel(
    store: QueueStore, queue_id: str, job_id: str, *, leased: bool = False
) -> AmendOutcome:
    """Cancel one job and return the outcome."""
    return await amend(store, Cancel(JobRef(queue_id, job_id), leased=leased))


async def cancel_job(store: QueueStore, queue_id: str, job_id: str) -> None:
    """Cancel a job that waits, is delayed or is dead."""
    assert await cancel(store, queue_id, job_id) is DONE


async def reschedule(store: QueueStore, queue_id: str, job_id: str, **how: Any) -> AmendOutcome:
    """Reschedule one job and return the outcome."""
    return await amend(store, Reschedule(JobRef(queue_id, job_id), **how))


async def reschedule_job(store: QueueStore, queue_id: str, job_id: str, **how: Any) -> None:
    """Reschedule a job that waits or is delayed."""
    assert await reschedule(store, queue_id, job_id, **how) is DONE


async def seen(store: QueueStore, queue_id: str, job_id: str, *, payloads: bool = False) -> JobView:
    """Return what is known of one job; it must be known."""
    [found] = await store.find(TYPE, [JobRef(queue_id, job_id)], payloads=payloads)
    assert isinstance(found, JobView)
    return found


async def as_listed(
    store: QueueStore, queue_id: str, job_id: str, *, payloads: bool = False
) -> JobView:
    """Return what is known of a job, less when it can go, which no listing shows."""
    found = await seen(store, queue_id, job_id, payloads=payloads)
    return replace(found, held_by=(), earliest_at=None)


async def enqueue_with_key(store: QueueStore, job_id: str, keep_for: int = 1000) -> EnqueueResult:
    """Enqueue a job that is to be remembered."""
    return await offer(store, new_job("q", job_id, deduplicate=Deduplicate("k", keep_for)))


async def is_free(store: QueueStore) -> bool:
    """Return whether a job can be queued with the key; it is if so."""
    return (await enqueue_with_key(store, "probe")).outcome is EnqueueOutcome.QUEUED


class AmendedDeadConformance(Conformance):
    """Of a job that is dead a cancel removes the newest letter; a reschedule changes none."""

    async def test_a_dead_letter_can_be_cancelled(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await let_each_die(store, "q", "other")
        assert await cancel(store, "q", "j") is DONE
        assert await by_state(store, "q") == (0, 0, 0, 1)
        assert await cancel(store, "q", "j") is UNKNOWN
        assert await cancel(store, "q", "other", leased=True) is DONE
        assert await by_state(store, "q") == (0, 0, 0, 0)
        assert await clear(store, "q", purge=True) == Cleared(0, 0, 0)

    async def test_the_newest_letter_goes_first(self, store: QueueStore) -> None:
        for error in ("first", "second", "third"):
            await let_each_die(store, "q", "j", error=error)
        for error in ("third", "second", "first"):
            assert (await seen(store, "q", "j")).last_error == error
            await cancel_job(store, "q", "j")
        assert await store.find(TYPE, [JobRef("q", "j")]) == [Absence.UNKNOWN]

    async def test_a_death_after_a_cancelled_letter_stands_before_the_older_ones(
        self, store: QueueStore
    ) -> None:
        for error in ("first", "second"):
            await let_each_die(store, "q", "j", error=error)
        await cancel_job(store, "q", "j")
        await let_each_die(store, "q", "j", error="third")
        await cancel_job(store, "q", "j")
        assert (await seen(store, "q", "j")).last_error == "first"

    async def test_a_job_that_lives_is_cancelled_before_its_letters(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "j")
        await enqueue(store, "q", "j")
        await cancel_job(store, "q", "j")
        assert await by_state(store, "q") == (0, 0, 0, 1)
        await enqueue(store, "q", "j")
        await take(store)
        assert await cancel(store, "q", "j") is LEASED
        assert await by_state(store, "q") == (0, 0, 1, 1)

    async def test_what_a_worker_says_of_a_cancelled_letter_is_unknown(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await fail_job(store, job, dead=True)
        assert await finish(store, claim(job)) is LeaseOutcome.STALE
        await cancel_job(store, "q", "j")
        assert await finish(store, claim(job)) is LeaseOutcome.UNKNOWN

    async def test_a_dead_letter_is_not_rescheduled(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        assert await reschedule(store, "q", "j", delay=0) is DEAD
        assert await by_state(store, "q") == (0, 0, 0, 1)
        assert await listed(store) == set()


class FreedKeyConformance(Conformance):
    """A job that is cancelled frees the key that it was remembered under, and no other's."""

    async def test_the_key_of_a_cancelled_job_is_free(self, store: QueueStore) -> None:
        await enqueue_with_key(store, "j")
        await enqueue(store, "q", "beside")
        await cancel_job(store, "q", "j")
        assert await is_free(store)

    async def test_the_key_of_the_last_job_of_a_queue_is_free(self, store: QueueStore) -> None:
        await enqueue_with_key(store, "j")
        await cancel_job(store, "q", "j")
        assert await is_free(store)

    async def test_the_key_of_a_job_whose_lease_was_ended_is_free(self, store: QueueStore) -> None:
        await enqueue_with_key(store, "j")
        await take(store)
        assert await cancel(store, "q", "j", leased=True) is DONE
        assert await is_free(store)

    async def test_a_job_that_was_not_cancelled_keeps_its_key(self, store: QueueStore) -> None:
        await enqueue_with_key(store, "j")
        await take(store)
        assert await cancel(store, "q", "j") is LEASED
        assert not await is_free(store)

    async def test_a_cancelled_duplicate_of_an_id_frees_no_key(self, store: QueueStore) -> None:
        await enqueue_with_key(store, "first")
        await enqueue(store, "q", "second")
        again = await enqueue_with_key(store, "second")
        assert (again.outcome, again.job_id) == (EnqueueOutcome.DUPLICATE, None)
        await cancel_job(store, "q", "second")
        assert not await is_free(store)

    async def test_a_cancelled_job_does_not_free_the_key_that_another_has_taken_over(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue_with_key(store, "first", keep_for=100)
        clock.advance(100)
        second = await enqueue_with_key(store, "second")
        assert second.outcome is EnqueueOutcome.QUEUED
        await cancel_job(store, "q", "first")
        assert (await enqueue_with_key(store, "third")).job_id == "second"

    async def test_a_cancelled_job_does_not_free_the_key_of_a_finished_one_of_its_id(
        self, store: QueueStore
    ) -> None:
        await enqueue_with_key(store, "j")
        await finish_job(store, await take(store))
        await enqueue(store, "q", "j")
        await cancel_job(store, "q", "j")
        assert (await enqueue_with_key(store, "probe")).job_id == "j"

    async def test_a_free_key_is_remembered_anew(self, store: QueueStore) -> None:
        await enqueue_with_key(store, "first")
        await cancel_job(store, "q", "first")
        await enqueue_with_key(store, "first", keep_for=5000)
        [job] = await take_in_turn(store, 1)
        await finish_job(store, job)
        assert (await enqueue_with_key(store, "second")).job_id == "first"

    async def test_a_rescheduled_job_keeps_its_key_for_as_long_as_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue_with_key(store, "j", keep_for=1000)
        assert await reschedule(store, "q", "j", delay=5000, priority=4) is DONE
        clock.advance(999)
        assert not await is_free(store)
        clock.advance(1)
        assert await is_free(store)
