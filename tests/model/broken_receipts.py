"""Memory states that are broken on purpose, one fault each: tokens, claims, receipts."""

from dataclasses import replace

from sharq_memory.queue import Job, Queue
from sharq_memory.repeatable import Receipts
from sharq_memory.state import TypeState
from sharq_plug.model import Cleared, LeasedJob, LeaseOutcome, LeaseRef


class ReceiptsThatGoTogether(Receipts):
    """All receipts go when the latest of them does."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 0

    def keep(self, ref: LeaseRef, until: int) -> None:
        super().keep(ref, until)
        if ref.token is not None:
            self._until = until

    def has(self, ref: LeaseRef, now: int) -> bool:
        return now <= self._until and super().has(ref, now)


class ShortReceiptTimeCutsLongerOnes(TypeState):
    def __init__(self) -> None:
        super().__init__()
        self.receipts = ReceiptsThatGoTogether()


class RenewedReceipts(Receipts):
    """Each time that a receipt answers, it is kept 1 ms longer."""

    def __init__(self) -> None:
        super().__init__()
        self._until: dict[LeaseRef, int] = {}

    def keep(self, ref: LeaseRef, until: int) -> None:
        super().keep(ref, until)
        if ref.token is not None:
            self._until[ref] = until

    def has(self, ref: LeaseRef, now: int) -> bool:
        found = self._until.get(ref, -1) >= now
        if found:
            self._until[ref] += 1
        return found


class RepeatedFinishRenewsItsReceipt(TypeState):
    def __init__(self) -> None:
        super().__init__()
        self.receipts = RenewedReceipts()


class ReleaseLeavesAReceipt(TypeState):
    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(ref, now)
        if outcome is LeaseOutcome.ENDED:
            self.receipts.keep(ref, now + 1000)
        return outcome


class ClearingForgetsReceipts(TypeState):
    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        self.receipts = Receipts()
        return super().clear(queue_id, purge=purge)


class TokenOutlivesItsLease(TypeState):
    """Every lease of a job has the token of its first."""

    def __init__(self) -> None:
        super().__init__()
        self._first: dict[tuple[str, str], str] = {}

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        job = super()._serve(queue, lease, now)
        if job.attempt == 1:
            self._first[job.queue_id, job.job_id] = job.token
        token = self._first[job.queue_id, job.job_id]
        queue.jobs[job.job_id].token = token
        return replace(job, token=token)


class ReclaimedLeaseCanBeFinished(TypeState):
    """A late finish ends a job that waits again, if nobody else leased it since."""

    def __init__(self) -> None:
        super().__init__()
        self._latest: dict[tuple[str, str], str] = {}

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        job = super()._serve(queue, lease, now)
        self._latest[job.queue_id, job.job_id] = job.token
        return job

    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        outcome = super().finish(ref, receipt_time, now)
        queue = self.queues.get(ref.queue_id)
        is_latest = ref.token == self._latest.get((ref.queue_id, ref.job_id))
        if outcome is LeaseOutcome.STALE and is_latest and queue is not None:
            job = queue.jobs.get(ref.job_id)
            if job is not None and job.token is None:
                _take_out(self, queue, job)
                return LeaseOutcome.ENDED
        return outcome


class ReleaseIgnoresTokens(TypeState):
    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(replace(ref, token=None), now)
        return outcome if outcome is LeaseOutcome.ENDED else super().release(ref, now)


class WaitingJobCanBeFinished(TypeState):
    """By a finish without a token."""

    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        outcome = super().finish(ref, receipt_time, now)
        queue = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        if ref.token is None and queue is not None and job is not None:
            _take_out(self, queue, job)
            return LeaseOutcome.ENDED
        return outcome


def _take_out(state: TypeState, queue: Queue, job: Job) -> None:
    """Remove a waiting job, wherever it stands."""
    others = [other for other in queue.waiting_jobs() if other is not job]
    ready_since = queue.ready_since or 0
    state._leave_line(queue)
    queue.head = queue.rest = None
    del queue.jobs[job.job_id]
    for other in others:
        queue.add_waiting(other)
    if others:
        state._enter_line(queue, ready_since, queue.place_number)
    state._left(queue)
