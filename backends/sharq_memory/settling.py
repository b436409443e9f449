"""What workers say of their leases."""

from typing import assert_never

from sharq_memory.holds import correct, freeze
from sharq_memory.line import Step
from sharq_memory.queue import NO_EXTRAS, Job, Queue, Rare
from sharq_memory.timing import Timing
from sharq_plug.model import (
    DeathReason,
    Ended,
    Extend,
    Extended,
    Fail,
    Finish,
    FreezeLimit,
    LeaseOutcome,
    Release,
    Settled,
    Settlement,
)


class Settling(Timing):
    """What a worker's word does; a kind of settlement is a case and a method here."""

    def settle(self, item: Settlement, now: int) -> Settled:
        """Do what a worker says of one lease."""
        leased = self._leased(item.lease)
        if leased is None:
            return self._refusal(item, now)
        queue, job = leased
        match item:
            case Finish():
                self._finish(queue, job, item, now)
            case Release() | Fail() if not _may_freeze(job, item.freeze_limit):
                return LeaseOutcome.NOT_CHARGED
            case Release():
                self._release(queue, job, item, now)
            case Fail():
                self._fail(queue, job, item, now)
            case Extend():
                return self._extend(queue, job, item, now)
            case _:
                assert_never(item)
        return Ended(max(0, now - job.leased_at))

    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        """End a lease, its job done; leave a receipt."""
        charged = self._end_lease(queue, job)
        if item.actual is not None:
            self._take_up(queue)
            correct(queue, job.cost, item.actual, now)
            for name in charged:
                self.limits[name].limiter.correct(job.cost, item.actual, now)
            if self.gate is not None:
                self.gate.limiter.correct(job.cost, item.actual, now)
        self.totals.finished += 1
        if job.rare is not None:
            self.keys.outlive(queue, job)
        del queue.jobs[job.job_id]
        self._changed(queue, now, Step.OTHER if item.actual is None else Step.HELD)
        until = now + item.receipt_time
        self.receipts.keep(item.lease, until)
        if until < self.due:
            self.due = until + 1

    def _release(self, queue: Queue, job: Job, item: Release, now: int) -> None:
        """Hand a leased job back."""
        self._end_lease(queue, job)
        self.totals.released += 1
        self._freeze(queue, item, now)
        self._come_back(queue, job, now, item.delay)

    def _fail(self, queue: Queue, job: Job, item: Fail, now: int) -> None:
        """Spend a requeue of a leased job; without one left, let it die."""
        self._end_lease(queue, job)
        self.totals.failed += 1
        self._freeze(queue, item, now)
        rare = job.rare = job.rare or Rare(NO_EXTRAS)
        rare.last_error = item.error
        if item.dead or job.requeues == 0:
            self._die(queue, job, DeathReason.FAILED, now)
            return
        delay = job.penalize()
        self._come_back(queue, job, now, delay if item.delay is None else item.delay)

    def _freeze(self, queue: Queue, item: Release | Fail, now: int) -> None:
        """Freeze what a worker asks for: `queue`, and a shared limit its lease was charged to."""
        if item.freeze:
            freeze(queue, now + item.freeze)
        if item.freeze_limit is not None:
            limit = self.line.benches.touch(item.freeze_limit.name)
            limit.limiter.freeze_until(now + item.freeze_limit.duration)

    def _extend(self, queue: Queue, job: Job, item: Extend, now: int) -> Extended:
        """Let a lease end at another instant."""
        queue.extend_lease(job, now + item.lease_time)
        self._changed(queue, now)
        return Extended(job.expires_at)

    def _refusal(self, item: Settlement, now: int) -> LeaseOutcome:
        """Return what becomes of a claim to a lease that does not stand."""
        ref = item.lease
        if isinstance(item, Finish) and self.receipts.has(ref, now):
            return LeaseOutcome.ENDED
        if ref.token is None:
            return LeaseOutcome.UNKNOWN
        queue = self.queues.get(ref.queue_id)
        lives = queue is not None and ref.job_id in queue.jobs
        is_known = lives or self.dead.newest(ref.queue_id, ref.job_id) is not None
        return LeaseOutcome.STALE if is_known else LeaseOutcome.UNKNOWN


def _may_freeze(job: Job, freeze_limit: FreezeLimit | None) -> bool:
    """Return whether a shared limit is one that the lease of `job` is charged to, if it is one."""
    if freeze_limit is None:
        return True
    return freeze_limit.name in job.charged
