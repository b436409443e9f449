"""Memory states that are broken on purpose, one fault each: rates, also of queues that went."""

from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Cleared,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    NewJob,
    Reclaimed,
)

LONGEST = 10**9


class PurgeForgetsUnpaidRate(TypeState):
    """Of a queue that has ceased to exist."""

    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        queue = self.queues.get(queue_id)
        if purge and queue is not None and not queue.jobs:
            queue.last = None
        return super().clear(queue_id, purge=purge)


class RefusalForgetsUnpaidRate(TypeState):
    """Of a queue that has ceased to exist."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is EnqueueOutcome.QUEUE_FULL and queue is not None and not queue.jobs:
            queue.last = None
        return result


class ReclaimAtItsLimitForgetsUnpaidRates(TypeState):
    """Of the queues that have ceased to exist, when it ended as many leases as it may."""

    def reclaim(self, limit: int, now: int) -> Reclaimed:
        reclaimed = super().reclaim(limit, now)
        if reclaimed.requeued + reclaimed.dead == limit:
            for queue in self.queues.values():
                if not queue.jobs:
                    queue.last = None
        return reclaimed


class DeathForgetsUnpaidRate(TypeState):
    """A reclaim at the requeue limit of a queue's last job."""

    def _die(self, queue: Queue, job: Job, now: int) -> None:
        super()._die(queue, job, now)
        if not queue.jobs:
            queue.last = None


class AskingInVainDelays(TypeState):
    """A dequeue that comes too early begins the interval of the first queue in line anew."""

    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        answer = super().dequeue(count, lease, now)
        if not answer.jobs and self.line:
            queue = self.line[0][2]
            self._leave_line(queue)
            queue.last = now
            self._enter_line(queue, now + queue.interval, queue.place_number)
        return answer


class RedeliveryIsFree(TypeState):
    """A job that came back is served without counting towards the rate."""

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        last = queue.last
        job = super()._serve(queue, lease, now)
        if job.attempt > 1:
            queue.last = last
            if queue.head is not None:
                self._leave_line(queue)
                self._enter_line(queue, max(now, queue.allowed_at), queue.place_number)
        return job


class LongIntervalsAreCut(TypeState):
    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        super()._set_interval(queue, min(interval, LONGEST), now)


class RestIsSavedUp(TypeState):
    """After a rest, the next dequeues may come closer than an interval."""

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        due = queue.allowed_at if queue.last is not None else now
        job = super()._serve(queue, lease, now)
        queue.last = max(due, now - queue.interval)
        if queue.head is not None:
            self._leave_line(queue)
            self._enter_line(queue, max(now, queue.allowed_at), queue.place_number)
        return job


class IntervalOf0ForgetsTheLatestDequeue(TypeState):
    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        super()._set_interval(queue, interval, now)
        if interval == 0:
            queue.last = None
