"""Memory states that are broken on purpose, one fault each: leases, dead letters, clearing."""

from dataclasses import replace

from sharq_memory.dead import DeadLetters
from sharq_memory.queue import Job, Queue
from sharq_memory.repeatable import Receipts
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Cleared,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    NewJob,
)


class TokensDoNotMatter(TypeState):
    def _claimed(self, ref: LeaseRef) -> tuple[Queue, Job] | LeaseOutcome:
        found = super()._claimed(replace(ref, token=None))
        return super()._claimed(ref) if isinstance(found, LeaseOutcome) else found


class ExpiryEndsLeases(TypeState):
    """A finish after `expires_at` is stale, though nothing was reclaimed."""

    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        claimed = super()._claimed(ref)
        if isinstance(claimed, tuple) and ref.token and claimed[1].expires_at < now:
            return LeaseOutcome.STALE
        return super().finish(ref, receipt_time, now)


class TokensOfAnyJob(Receipts):
    def has(self, ref: LeaseRef, now: int) -> bool:
        return self._by_token.get(ref.token or "", (0, "", ""))[0] >= now


class ReceiptFitsAnyJob(TypeState):
    def __init__(self) -> None:
        super().__init__()
        self.receipts = TokensOfAnyJob()


class ReceiptIsKeptTooShort(TypeState):
    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        return super().finish(ref, receipt_time - 1, now)


class DeadJobsAreUnknown(TypeState):
    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        outcome = super().finish(ref, receipt_time, now)
        queue = self.queues.get(ref.queue_id)
        lives = queue is not None and ref.job_id in queue.jobs
        return LeaseOutcome.UNKNOWN if outcome is LeaseOutcome.STALE and not lives else outcome


class ReclaimIsEarly(TypeState):
    """A lease is reclaimed 1 ms before the expiry that was told."""

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        job = super()._serve(queue, lease - 1, now)
        return replace(job, expires_at=now + lease)


class OneRequeueTooMany(TypeState):
    """A job dies at the expiry after the one at which it should; `requeues_remaining` lies."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        more = job.requeue_limit + (job.requeue_limit >= 0)
        return super().enqueue(replace(job, requeue_limit=more), now)

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        job = super()._serve(queue, lease, now)
        left = job.requeues_remaining
        return replace(job, requeues_remaining=max(0, left - 1) if left >= 0 else left)


class ReleaseCostsARequeue(TypeState):
    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(ref, now)
        if outcome is LeaseOutcome.ENDED:
            job = self.queues[ref.queue_id].jobs[ref.job_id]
            job.requeues -= job.requeues > 0
        return outcome


class ReleaseTakesTheAttemptBack(TypeState):
    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(ref, now)
        if outcome is LeaseOutcome.ENDED:
            self.queues[ref.queue_id].jobs[ref.job_id].attempt -= 1
        return outcome


class DeadLettersAreDropped(TypeState):
    def _die(self, queue: Queue, job: Job, now: int) -> None:
        kept = self.dead.get(queue.queue_id)
        super()._die(queue, job, now)
        self.dead[queue.queue_id] = kept or DeadLetters()


class ClearingMissesDeadLetters(TypeState):
    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        letters = self.dead.get(queue_id)
        cleared = super().clear(queue_id, purge=purge)
        if letters is not None:
            self.dead[queue_id] = letters
        return cleared


class ClearedLeasesComeBack(TypeState):
    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        queue = self.queues.get(queue_id)
        jobs = [] if queue is None else [job for job in queue.jobs.values() if job.token]
        cleared = super().clear(queue_id, purge=purge)
        for job in jobs:
            job.token = None
            self._come_back(self._bring_into_being(queue_id, 0), job, job.expires_at)
            return cleared
        return cleared


class PurgeKeepsCounts(TypeState):
    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        queue = self.queues.get(queue_id)
        tally = None if queue is None else queue.tally
        cleared = super().clear(queue_id, purge=purge)
        if queue is not None and tally is not None:
            queue.tally = tally
        return cleared


class RepeatTakesNewJobs(TypeState):
    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        return ()
