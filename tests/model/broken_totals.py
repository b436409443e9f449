"""Memory states that are broken on purpose, one fault each: totals, lengths and views of types."""

from msgspec.structs import replace

from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_memory.totals import Counters
from sharq_plug.model import (
    AmendOutcome,
    Cancel,
    Ended,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Fail,
    LeaseOutcome,
    NewJob,
    Release,
    Settled,
    Settlement,
    Totals,
    TypeView,
    View,
)


class ToldTotals(TypeState):
    """For a state that tells wrong totals, and knows better."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.drift = 0

    def look(self, queue_id: str | None, now: int) -> View:
        view = super().look(queue_id, now)
        return view if view.totals is None else replace(view, totals=self._told(view.totals))

    def _told(self, totals: Totals) -> Totals:
        """Return what it tells; `drift` is what it has counted wrongly so far."""
        return totals


class DuplicatesAreEnqueued(ToldTotals):
    """The total of enqueues rises with duplicates."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        self.drift += result.outcome is EnqueueOutcome.DUPLICATE
        return result

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, enqueued=totals.enqueued + self.drift)


class DeadlyFailsAreNotCounted(ToldTotals):
    """A fail that kills counts as a death alone."""

    def _fail(self, queue: Queue, job: Job, item: Fail, now: int) -> None:
        super()._fail(queue, job, item, now)
        self.drift += job.job_id not in queue.jobs

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, failed=totals.failed - self.drift)


class RepeatedFinishesAreCounted(ToldTotals):
    def settle(self, item: Settlement, now: int) -> Settled:
        before = self.totals.finished + self.totals.failed + self.totals.released
        outcome = super().settle(item, now)
        after = self.totals.finished + self.totals.failed + self.totals.released
        self.drift += outcome is LeaseOutcome.ENDED and before == after
        return outcome

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, finished=totals.finished + self.drift)


class ReleasesAreCountedAsFails(ToldTotals):
    def settle(self, item: Settlement, now: int) -> Settled:
        outcome = super().settle(item, now)
        self.drift += isinstance(item, Release) and isinstance(outcome, Ended)
        return outcome

    def _told(self, totals: Totals) -> Totals:
        released = totals.released - self.drift
        return replace(totals, released=released, failed=totals.failed + self.drift)


class DeathsAreNoExpiredLeases(ToldTotals):
    """An expired lease that kills its job counts as a death alone."""

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        ended = super()._end_leases(limit, now)
        self.drift += sum(lease.is_dead for lease in ended)
        return ended

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, expired_leases=totals.expired_leases - self.drift)


class CancelledLettersAreNotCounted(ToldTotals):
    def _cancel(self, change: Cancel, now: int) -> AmendOutcome:
        before = self.totals.discarded
        outcome = super()._cancel(change, now)
        self.drift += self.totals.discarded - before
        return outcome

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, discarded=totals.discarded - self.drift)


class RedrivesAreEnqueues(ToldTotals):
    """The total of enqueues rises with redrives too."""

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, enqueued=totals.enqueued + totals.redriven)


class ClearedLeasesAreNotRemoved(ToldTotals):
    """The total of removed jobs leaves out those that were leased."""

    def _told(self, totals: Totals) -> Totals:
        return replace(totals, removed=totals.removed - self.totals.revoked)


class TotalsAreForgottenTooEarly(TypeState):
    """By 1 ms."""

    def _end_if_empty(self, now: int) -> None:
        super()._end_if_empty(now - 1)


class TotalsAreNeverForgotten(TypeState):
    def look(self, queue_id: str | None, now: int) -> View:
        view = super().look(queue_id, now)
        if view.totals is None:
            return view
        kept = Totals(*[getattr(self._kept, name) for name in Totals.__struct_fields__])
        added = {name: getattr(kept, name) + getattr(view.totals, name) for name in NAMES}
        return replace(view, totals=Totals(**added))

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._kept = Counters()

    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        if self.totals.has_ended(now):
            self._kept = self.totals
        return super()._bring_into_being(queue_id, now)


NAMES = Totals.__struct_fields__


class QueuesThatWentAreCounted(TypeState):
    """A type counts them, until their rates are paid off."""

    def view(self, now: int) -> TypeView:
        return replace(super().view(now), queues=len(self.queues))


class HeldQueuesAreReady(TypeState):
    """A type counts all queues in line."""

    def view(self, now: int) -> TypeView:
        return replace(super().view(now), ready_queues=len(self.line.places))


class TypeCountsNoDeadLetters(TypeState):
    """Of queues that do not exist."""

    def view(self, now: int) -> TypeView:
        view = super().view(now)
        gone = [name for name in self.dead.of_queues if not self._has_jobs(name)]
        return replace(view, dead=view.dead - sum(self.dead.of_queue(name) for name in gone))

    def _has_jobs(self, queue_id: str) -> bool:
        queue = self.queues.get(queue_id)
        return queue is not None and bool(queue.jobs)
