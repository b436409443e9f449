"""Memory states that are broken on purpose, one fault each: leases, dead letters, clearing."""

from model.broken_states import AfterReleasing
from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Job, Queue
from sharq_memory.repeatable import Receipts
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Clear,
    Cleared,
    DeathReason,
    Delivery,
    EnqueueResult,
    Finish,
    JobState,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Settled,
    Settlement,
)


class TokensDoNotMatter(TypeState):
    def _leased(self, ref: LeaseRef) -> tuple[Queue, Job] | None:
        return super()._leased(replace(ref, token=None))


class ExpiryEndsLeases(TypeState):
    """A finish after `expires_at` is stale, though nothing was reclaimed."""

    def settle(self, item: Settlement, now: int) -> Settled:
        leased = self._leased(item.lease)
        is_late = leased is not None and item.lease.token and leased[1].expires_at < now
        if isinstance(item, Finish) and is_late:
            return LeaseOutcome.STALE
        return super().settle(item, now)


class TokensOfAnyJob(Receipts):
    def has(self, ref: LeaseRef, now: int) -> bool:
        return self._by_token.get(ref.token or "", (0, "", ""))[0] >= now


class ReceiptFitsAnyJob(TypeState):
    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.receipts = TokensOfAnyJob()


class ReceiptIsKeptTooShort(TypeState):
    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        super()._finish(queue, job, replace(item, receipt_time=item.receipt_time - 1), now)


class DeadJobsAreUnknown(TypeState):
    def settle(self, item: Settlement, now: int) -> Settled:
        outcome = super().settle(item, now)
        queue = self.queues.get(item.lease.queue_id)
        lives = queue is not None and item.lease.job_id in queue.jobs
        is_dead = outcome is LeaseOutcome.STALE and not lives
        return LeaseOutcome.UNKNOWN if isinstance(item, Finish) and is_dead else outcome


class ReclaimIsEarly(TypeState):
    """A lease is reclaimed 1 ms before the expiry that was told."""

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        job = super()._serve(queue, lease_time - 1, call)
        return replace(job, expires_at=call.now + lease_time)


class OneRequeueTooMany(TypeState):
    """A job dies at the expiry after the one at which it should; `requeues_remaining` lies."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        more = job.requeue_limit + (job.requeue_limit >= 0)
        return super().enqueue(replace(job, requeue_limit=more), now)

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        job = super()._serve(queue, lease_time, call)
        left = job.requeues_remaining
        return replace(job, requeues_remaining=max(0, left - 1) if left >= 0 else left)


class ReleaseCostsARequeue(AfterReleasing):
    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        job.requeues -= job.requeues > 0


class ReleaseTakesTheAttemptBack(AfterReleasing):
    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        job.attempt -= 1


class DeadLettersAreDropped(TypeState):
    def _die(self, queue: Queue, job: Job, reason: DeathReason, now: int) -> None:
        super()._die(queue, job, reason, now)
        self._drop_letter(self.totals.dead, now)


class ClearingMissesDeadLetters(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        living = replace(what, states=what.states - {JobState.DEAD})
        cleared = super().clear(living, cursor, limit, now)
        if JobState.DEAD in what.states and what.queue_id is not None and cursor is None:
            cleared = replace(cleared, dead=self.dead.of_queue(what.queue_id))
        return cleared


class ClearedLeasesComeBack(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        queue = self.queues.get(what.queue_id or "")
        jobs = [] if queue is None or not queue.jobs else _plain_leased(queue)
        cleared = super().clear(what, cursor, limit, now)
        for job in jobs if queue is not None and not queue.jobs else ():
            job.token = None
            queue = self._bring_into_being(what.queue_id or "", 0)
            queue.jobs[job.job_id] = job
            self._come_back(queue, job, job.expires_at)
            return cleared
        return cleared


def _plain_leased(queue: Queue) -> list[Job]:
    return [job for job in queue.jobs.values() if job.token and job.rare is None]


class PurgeKeepsCounts(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        queue = self.queues.get(what.queue_id or "")
        tally = None if queue is None else queue.tally
        cleared = super().clear(what, cursor, limit, now)
        if queue is not None and tally is not None:
            queue.tally = tally
        return cleared


class RepeatTakesNewJobs(TypeState):
    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        return ()
