"""Enqueues."""

from sharq_memory.kept import Kept
from sharq_memory.limits import paid_at
from sharq_memory.queue import Job, Queue
from sharq_plug.model import EnqueueOutcome, EnqueueResult, NewJob


class Enqueueing(Kept):
    """How a job gets into its queue."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self.queues.get(job.queue_id)
        waiting = 0 if queue is None else queue.waiting
        length = None if job.max_queued_length is None else waiting
        if queue is not None and job.job_id in queue.jobs:
            self._bring(queue, job.interval, now)
            return EnqueueResult(EnqueueOutcome.DUPLICATE, length)
        if job.max_queued_length is not None and waiting >= job.max_queued_length:
            return EnqueueResult(EnqueueOutcome.QUEUE_FULL, length)
        if queue is None or not queue.jobs:
            queue = self._bring_into_being(job.queue_id, now)
        number = self.line.next_number()
        queue.add_waiting(Job(job.job_id, job.payload, job.requeue_limit, number))
        queue.tally.add_enqueues(now, 1)
        self._bring(queue, job.interval, now)
        return EnqueueResult(EnqueueOutcome.QUEUED, length)

    def _bring(self, queue: Queue, interval: int, now: int) -> None:
        """End an enqueue, which brings its interval to `queue`."""
        before = None
        if interval != queue.interval:
            before = paid_at(queue)
            queue.interval = interval
        self._changed(queue, now, before)
