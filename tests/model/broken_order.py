"""Memory states that are broken on purpose, one fault each: the order of jobs and of queues."""

from sharq_memory.queue import RETURNED, Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import Cleared, EnqueueOutcome, EnqueueResult, LeaseOutcome, LeaseRef, NewJob


class ReturnedJobTakesANewNumber(TypeState):
    """It stands before the fresh jobs, but behind all that came back before it."""

    def _come_back(self, queue: Queue, job: Job, now: int) -> None:
        job.place = self._next_number()
        super()._come_back(queue, job, now)


class LatestReturnGoesFirst(TypeState):
    def _come_back(self, queue: Queue, job: Job, now: int) -> None:
        job.place = RETURNED - self._next_number()
        super()._come_back(queue, job, now)


class MoreJobsMoveAQueueBack(TypeState):
    """A job for a queue that is ready gives that queue the last place."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is EnqueueOutcome.QUEUED and queue.ready_since <= now:
            self._leave_line(queue)
            self._enter_line(queue, now, self._next_number())
        return result


class ReturnMovesAQueueBack(TypeState):
    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(ref, now)
        queue = self.queues.get(ref.queue_id)
        if outcome is LeaseOutcome.ENDED and queue.ready_since <= now:
            self._leave_line(queue)
            self._enter_line(queue, now, self._next_number())
        return outcome


class LongerIntervalTakesANewNumber(TypeState):
    """A queue that is held back stands behind its equals."""

    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        super()._set_interval(queue, interval, now)
        if queue.ready_since is not None and queue.ready_since > now:
            ready_since = queue.ready_since
            self._leave_line(queue)
            self._enter_line(queue, ready_since, self._next_number())


class ClearedQueueKeepsItsPlace(TypeState):
    """A queue that was cleared while jobs waited is back where it stood."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, tuple[int, int]] = {}

    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        queue = self.queues.get(queue_id)
        if queue is not None and queue.ready_since is not None:
            self._places[queue_id] = queue.ready_since, queue.place_number
        return super().clear(queue_id, purge=purge)

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if queue is not None and queue.waiting and job.queue_id in self._places:
            ready_since, number = self._places.pop(job.queue_id)
            self._leave_line(queue)
            self._enter_line(queue, max(ready_since, queue.allowed_at), number)
        return result
