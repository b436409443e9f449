"""Enqueues."""

from sharq_memory.holds import bring, bring_uses, brought_to, owes_until, settings_of
from sharq_memory.line import Step
from sharq_memory.queue import PRIORITY, Job, Queue, Rare
from sharq_memory.terms import Names
from sharq_memory.timing import Timing
from sharq_plug.model import (
    EnqueueOutcome,
    EnqueueResult,
    Extras,
    Limit,
    NewJob,
    Settings,
    Use,
)


class Enqueueing(Timing):
    """How a job gets into its queue."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self.queues.get(job.queue_id)
        most = job.max_queued_length
        unleased = 0 if queue is None else queue.unleased
        length = None if most is None else unleased
        if job.interval is None or self.defaults is not None or (queue and queue.terms):
            limits, max_length = self._bounds_of(queue)
            if job.interval is None and limits is None:
                return EnqueueResult(EnqueueOutcome.NO_INTERVAL, length)
            most = _lower(most, max_length)
        extras = job.extras
        if extras is not None and extras.uses and not self._can_use(extras.uses):
            return EnqueueResult(EnqueueOutcome.UNKNOWN_LIMIT, length)
        if queue is not None and job.job_id in queue.jobs:
            self._repeat_enqueue(queue, job, now)
            return EnqueueResult(EnqueueOutcome.DUPLICATE, length)
        if extras is not None and extras.deduplicate is not None:
            first = self.keys.holder(job.queue_id, queue, extras.deduplicate.key, now)
            if first is not None:
                self._repeat_enqueue(queue, job, now)
                return EnqueueResult(EnqueueOutcome.DUPLICATE, length, first)
        if most is not None and unleased >= most:
            return EnqueueResult(EnqueueOutcome.QUEUE_FULL, unleased)
        if queue is None or not queue.jobs:
            queue = self._bring_into_being(job.queue_id, now)
        number = self.line.next_number()
        new = Job(job.job_id, job.payload, job.requeue_limit, number, now)
        if extras is None:
            queue.add_waiting(new)
        else:
            self._add_rare(queue, new, extras, now)
        queue.tally.add_enqueues(now, 1)
        brought = None if extras is None else self._brought_by(extras)
        self._bring(queue, job.interval, brought, now)
        return EnqueueResult(EnqueueOutcome.QUEUED, length)

    def _can_use(self, uses: tuple[Use, ...]) -> bool:
        """Return whether all of these shared limits are there, or are brought with their limits."""
        return all(use.limits is not None or use.name in self.limits for use in uses)

    def _brought_by(self, extras: Extras) -> Names | None:
        """Return the names of the shared limits that an enqueue brings; create missing ones."""
        if extras.uses is None:
            return None
        for use in extras.uses:
            if use.name not in self.limits:
                self.line.add_limit(use.name).change(Settings(limits=use.limits))
        return tuple(use.name for use in extras.uses)

    def _repeat_enqueue(self, queue: Queue | None, job: NewJob, now: int) -> None:
        """End the enqueue of a duplicate: what it brings is brought to `queue`, if that exists."""
        brought = None if job.extras is None else self._brought_by(job.extras)
        is_something = job.interval is not None or brought is not None
        if queue is not None and queue.jobs and is_something:
            self._bring(queue, job.interval, brought, now)

    def _bounds_of(self, queue: Queue | None) -> tuple[tuple[Limit, ...] | None, int | None]:
        """Return the limits and the `max_length` that settings give an enqueue into `queue`."""
        own = settings_of(queue)
        if self.defaults is None:
            return own.limits, own.max_length
        settings = self.defaults.settings
        return (
            settings.limits if own.limits is None else own.limits,
            settings.max_length if own.max_length is None else own.max_length,
        )

    def _add_rare(self, queue: Queue, job: Job, extras: Extras, now: int) -> None:
        """Put a job with extras into `queue`."""
        due_at = max(now, extras.at if extras.at is not None else now + (extras.delay or 0))
        ends_at = None if extras.ttl is None else due_at + extras.ttl
        job.rare = Rare(extras, ends_at=ends_at)
        job.place -= extras.priority * PRIORITY
        self._put(queue, job, now, due_at)
        if extras.deduplicate is not None:
            self.keys.remember(queue.queue_id, job, extras.deduplicate, now)
            self.due = min(self.due, self.keys.due())

    def _bring(self, queue: Queue, interval: int | None, uses: Names | None, now: int) -> None:
        """End an enqueue, which brings its interval and names to `queue`, if it has any."""
        step = Step.OTHER
        if uses is not None and uses != brought_to(queue):
            self._take_up(queue)
            bring_uses(queue, uses)
            step = Step.HELD
        if interval is not None and interval != queue.interval:
            self._take_up(queue)
            was_held = queue.terms is None and owes_until(queue) > now
            bring(queue, interval)
            step = Step.DOUBTED if was_held else Step.HELD
        self._changed(queue, now, step)


def _lower(one: int | None, other: int | None) -> int | None:
    """Return the lower of two bounds, of which there may be none."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
