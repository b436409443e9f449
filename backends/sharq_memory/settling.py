"""What workers say of their leases."""

from typing import assert_never

from sharq_memory.kept import Kept
from sharq_memory.queue import Job, Queue
from sharq_plug.model import Finish, LeaseOutcome, Release, Settlement


class Settling(Kept):
    """How a lease ends by its worker's word; a kind of settlement is a case and a method here."""

    def settle(self, item: Settlement, now: int) -> LeaseOutcome:
        """Do what a worker says of one lease."""
        leased = self._leased(item.lease)
        if leased is None:
            return self._refusal(item, now)
        queue, job = leased
        match item:
            case Finish():
                self._finish(queue, job, item, now)
            case Release():
                self._release(queue, job, now)
            case _:
                assert_never(item)
        return LeaseOutcome.ENDED

    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        """End a lease, its job done; leave a receipt."""
        queue.end_lease(job)
        del queue.jobs[job.job_id]
        self._changed(queue, now)
        until = now + item.receipt_time
        self.receipts.keep(item.lease, until)
        if until < self.due:
            self.due = until + 1

    def _release(self, queue: Queue, job: Job, now: int) -> None:
        """Hand a leased job back."""
        queue.end_lease(job)
        self._come_back(queue, job, now)

    def _refusal(self, item: Settlement, now: int) -> LeaseOutcome:
        """Return what becomes of a claim to a lease that does not stand."""
        ref = item.lease
        if isinstance(item, Finish) and self.receipts.has(ref, now):
            return LeaseOutcome.ENDED
        queue = self.queues.get(ref.queue_id)
        lives = queue is not None and ref.job_id in queue.jobs
        known = lives or ref.job_id in self.dead.get(ref.queue_id, ())
        return LeaseOutcome.STALE if known and ref.token is not None else LeaseOutcome.UNKNOWN
