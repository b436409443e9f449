"""Memory states that are broken on purpose, one fault each: settings, and which of them hold."""

from msgspec import UNSET
from msgspec.structs import replace

from sharq_memory.holds import settings_of, terms_of, work_out
from sharq_memory.line import Step
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_memory.terms import Terms
from sharq_plug.model import (
    NO_SETTINGS,
    ChangeOutcome,
    Clear,
    Cleared,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    PatchQueue,
    Setting,
    limits_of_interval,
)


class Reworked(TypeState):
    """For a state that puts other rules into effect than those that are set."""

    def _changed(self, queue: Queue, now: int, step: Step = Step.OTHER) -> None:
        if queue.terms is not None and queue.jobs:
            self._rework(queue, queue.terms)
        super()._changed(queue, now, step)

    def _rework(self, queue: Queue, terms: Terms) -> None:
        """Put them into effect."""


class BroughtIntervalOverridesSettings(Reworked):
    def _rework(self, queue: Queue, terms: Terms) -> None:
        if queue.interval:
            rules = replace(terms.limiter.rules, limits=limits_of_interval(queue.interval))
            terms.limiter.change(rules)


class NoLimitsAreNotSet(Reworked):
    """A queue whose limits are set to none goes by its brought interval."""

    def _rework(self, queue: Queue, terms: Terms) -> None:
        if terms.settings.limits == ():
            rules = replace(terms.limiter.rules, limits=limits_of_interval(queue.interval))
            terms.limiter.change(rules)


class LimitsAreNotTakenBack(TypeState):
    """They stay until others are set."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if isinstance(change, PatchQueue) and change.patch.limits is None:
            change = replace(change, patch=replace(change.patch, limits=UNSET))
        return super().configure(change, now)


class ClearingTakesSettings(TypeState):
    """Of a queue that is cleared whole, with its counts."""

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        cleared = super().clear(what, cursor, limit, now)
        queue = self.queues.get(what.queue_id or "")
        if what.counts and queue is not None and not queue.jobs and queue.terms is not None:
            queue.terms.settings = NO_SETTINGS
            work_out(queue, queue.terms)
            self._leave_behind(queue, now)
        return cleared


class DuplicateNeedsNoInterval(TypeState):
    """Whether an interval is missing is asked after duplicates."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        queue = self.queues.get(job.queue_id)
        result = super().enqueue(job, now)
        is_known = queue is not None and job.job_id in queue.jobs
        if result.outcome is EnqueueOutcome.NO_INTERVAL and is_known:
            return replace(result, outcome=EnqueueOutcome.DUPLICATE)
        return result


class BroughtIntervalDoesForOthers(TypeState):
    """An enqueue without an interval goes by one that was brought before."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        queue = self.queues.get(job.queue_id)
        if job.interval is None and queue is not None and queue.jobs and queue.interval:
            job = replace(job, interval=queue.interval)
        return super().enqueue(job, now)


class TagsDoNotMatter(TypeState):
    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if isinstance(change, PatchQueue):
            change = replace(change, if_match=None)
        return super().configure(change, now)


class MaxLengthCountsLeases(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        queue = self.queues.get(job.queue_id)
        most = settings_of(queue).max_length
        if queue is None or most is None:
            return super().enqueue(job, now)
        terms = terms_of(queue)
        terms.settings = replace(terms.settings, max_length=max(0, most - queue.leased))
        result = super().enqueue(job, now)
        terms = terms_of(queue)
        terms.settings = replace(terms.settings, max_length=most)
        work_out(queue, terms)
        return result


class RefusedPatchFreezes(TypeState):
    """A change that does not match still sets the freeze."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        outcome = super().configure(change, now)
        if isinstance(change, PatchQueue) and outcome is ChangeOutcome.MISMATCH:
            super().configure(PatchQueue(change.queue_id, freeze=change.freeze), now)
        return outcome
