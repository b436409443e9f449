"""Memory states that are broken on purpose, one fault each: the order of jobs and of queues."""

from model.broken_states import AfterBringing, AfterReleasing

from sharq_memory.holds import owes_until
from sharq_memory.queue import PRIORITY, RETURNED, Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Clear,
    Cleared,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
)


class ReturnedJobTakesANewNumber(TypeState):
    """It stands before the fresh jobs, but behind all that came back before it."""

    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        job.place = self.line.next_number() - job.priority * PRIORITY
        return super()._come_back(queue, job, now, delay)


class LatestReturnGoesFirst(TypeState):
    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        job.place = RETURNED - self.line.next_number() - job.priority * PRIORITY
        return super()._come_back(queue, job, now, delay)


class MoreJobsMoveAQueueBack(TypeState):
    """A job for a queue that is ready gives that queue the last place."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is EnqueueOutcome.QUEUED and queue.ready_since <= now:
            self.line.leave(queue)
            self.line.enter(queue, now, self.line.next_number())
        return result


class ReturnMovesAQueueBack(AfterReleasing):
    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        if queue.ready_since is not None and queue.ready_since <= now:
            self.line.leave(queue)
            self.line.enter(queue, now, self.line.next_number())


class LongerIntervalTakesANewNumber(AfterBringing):
    """A queue that is held back stands behind its equals."""

    def _brought(self, queue: Queue, place: tuple[float, int] | None, now: int) -> None:
        ready_since = queue.ready_since
        if ready_since is not None and ready_since > now:
            self._stand(queue, ready_since, self.line.next_number())


class ClearedQueueKeepsItsPlace(TypeState):
    """A queue that was cleared while jobs waited is back where it stood."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._places: dict[str, tuple[float, int]] = {}

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        queue = self.queues.get(what.queue_id or "")
        if queue is not None and queue.ready_since is not None:
            self._places[queue.queue_id] = queue.ready_since, queue.place_number
        return super().clear(what, cursor, limit, now)

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if queue is not None and queue.waiting and job.queue_id in self._places:
            ready_since, number = self._places.pop(job.queue_id)
            self.line.leave(queue)
            self.line.enter(queue, max(ready_since, owes_until(queue)), number)
        return result
