"""Memory states that are broken on purpose, one fault each: tokens, claims, receipts."""

from model.broken_states import AfterReleasing
from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Job, Queue
from sharq_memory.repeatable import Receipts
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Clear,
    Cleared,
    Delivery,
    Ended,
    Finish,
    LeaseOutcome,
    LeaseRef,
    Release,
    Settled,
    Settlement,
)


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
    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
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
    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.receipts = RenewedReceipts()


class ReleaseLeavesAReceipt(AfterReleasing):
    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        self.receipts.keep(LeaseRef(queue.queue_id, job.job_id, token), now + 1000)


class ClearingForgetsReceipts(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        self.receipts = Receipts()
        return super().clear(what, cursor, limit, now)


class TokenOutlivesItsLease(TypeState):
    """Every lease of a job has the token of its first."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._first: dict[tuple[str, str], str] = {}

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        job = super()._serve(queue, lease_time, call)
        if job.attempt == 1:
            self._first[job.queue_id, job.job_id] = job.token
        token = self._first[job.queue_id, job.job_id]
        queue.jobs[job.job_id].token = token
        return replace(job, token=token)


class ReclaimedLeaseCanBeFinished(TypeState):
    """A late finish ends a job that waits again, if nobody else leased it since."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._latest: dict[tuple[str, str], str] = {}

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        job = super()._serve(queue, lease_time, call)
        self._latest[job.queue_id, job.job_id] = job.token
        return job

    def settle(self, item: Settlement, now: int) -> Settled:
        outcome = super().settle(item, now)
        queue = self.queues.get(item.lease.queue_id)
        is_latest = item.lease.token == self._latest.get((item.lease.queue_id, item.lease.job_id))
        is_late = isinstance(item, Finish) and outcome is LeaseOutcome.STALE and is_latest
        if is_late and queue is not None:
            job = queue.jobs.get(item.lease.job_id)
            if job is not None and job.token is None:
                _take_out(self, queue, job, now)
                return LeaseOutcome.ENDED
        return outcome


class ReleaseIgnoresTokens(TypeState):
    def settle(self, item: Settlement, now: int) -> Settled:
        if isinstance(item, Release):
            outcome = super().settle(replace(item, lease=replace(item.lease, token=None)), now)
            if isinstance(outcome, Ended):
                return outcome
        return super().settle(item, now)


class WaitingJobCanBeFinished(TypeState):
    """By a finish without a token."""

    def settle(self, item: Settlement, now: int) -> Settled:
        outcome = super().settle(item, now)
        queue = self.queues.get(item.lease.queue_id)
        job = None if queue is None else queue.jobs.get(item.lease.job_id)
        is_without = isinstance(item, Finish) and item.lease.token is None
        if is_without and queue is not None and job is not None:
            _take_out(self, queue, job, now)
            return LeaseOutcome.ENDED
        return outcome


def _take_out(state: TypeState, queue: Queue, job: Job, now: int) -> None:
    """Remove a job that waits or is delayed."""
    state._take_out(queue, job)
    del queue.jobs[job.job_id]
    state._changed(queue, now)
