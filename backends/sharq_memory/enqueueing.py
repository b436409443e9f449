"""Enqueues."""

from sharq_memory.limits import paid_at
from sharq_memory.queue import PRIORITY, Job, Queue, Rare
from sharq_memory.timing import Timing
from sharq_plug.model import EnqueueOutcome, EnqueueResult, Extras, NewJob


class Enqueueing(Timing):
    """How a job gets into its queue."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self.queues.get(job.queue_id)
        unleased = 0 if queue is None else queue.unleased
        length = None if job.max_queued_length is None else unleased
        if queue is not None and job.job_id in queue.jobs:
            self._bring(queue, job.interval, now)
            return EnqueueResult(EnqueueOutcome.DUPLICATE, length)
        extras = job.extras
        if extras is not None and extras.deduplicate is not None:
            first = self.keys.holder(job.queue_id, queue, extras.deduplicate.key, now)
            if first is not None:
                if queue is not None and queue.jobs:
                    self._bring(queue, job.interval, now)
                return EnqueueResult(EnqueueOutcome.DUPLICATE, length, first)
        if job.max_queued_length is not None and unleased >= job.max_queued_length:
            return EnqueueResult(EnqueueOutcome.QUEUE_FULL, length)
        if queue is None or not queue.jobs:
            queue = self._bring_into_being(job.queue_id, now)
        number = self.line.next_number()
        new = Job(job.job_id, job.payload, job.requeue_limit, number, now)
        if extras is None:
            queue.add_waiting(new)
        else:
            self._add_rare(queue, new, extras, now)
        queue.tally.add_enqueues(now, 1)
        self._bring(queue, job.interval, now)
        return EnqueueResult(EnqueueOutcome.QUEUED, length)

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

    def _bring(self, queue: Queue, interval: int, now: int) -> None:
        """End an enqueue, which brings its interval to `queue`."""
        before = None
        if interval != queue.interval:
            before = paid_at(queue)
            queue.interval = interval
        self._changed(queue, now, before)
