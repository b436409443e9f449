"""Memory states that are broken on purpose, one fault each: rates, enqueues, order."""

from math import inf

from model.broken_states import AfterBringing, AfterReleasing, Renumbering
from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.expiring import Expiring
from sharq_memory.holds import owes_until
from sharq_memory.line import Line
from sharq_memory.queue import RETURNED, Job, Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Delivery,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    Finish,
    NewJob,
    Take,
)


class RateLostWhenEmpty(TypeState):
    def _leave_behind(self, queue: Queue, now: int) -> None:
        queue.last = None
        super()._leave_behind(queue, now)


class RateForgottenTooEarly(TypeState):
    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        left = self.queues.get(queue_id)
        if left is not None and owes_until(left) <= now + 1:
            left.last = None
        return super()._bring_into_being(queue_id, now)


class ReleasePaysBack(AfterReleasing):
    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        queue.last = None
        self.line.leave(queue)
        self.line.enter(queue, now, queue.place_number)


class IntervalMissesWaitingJobs(AfterBringing):
    def _brought(self, queue: Queue, place: tuple[float, int] | None, now: int) -> None:
        if place is not None:
            self._stand(queue, *place)


class RefusalChangesInterval(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is EnqueueOutcome.QUEUE_FULL and queue is not None and queue.jobs:
            self._bring(queue, job.interval, None, now)
        return result


class DuplicateKeepsInterval(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        queue = self.queues.get(job.queue_id)
        if queue is not None and job.job_id in queue.jobs:
            job = replace(job, interval=queue.interval)
        return super().enqueue(job, now)


def _is_duplicate(result: EnqueueResult) -> bool:
    """Return whether a job was refused since its own id lives."""
    return result.outcome is EnqueueOutcome.DUPLICATE and result.job_id is None


class DuplicateReplacesPayload(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if _is_duplicate(result):
            self.queues[job.queue_id].jobs[job.job_id].payload = job.payload
        return result


class DuplicateIsQueuedAfterAll(TypeState):
    """A duplicate of a leased job is queued when that job is finished."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._kept: dict[tuple[str, str], NewJob] = {}

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if _is_duplicate(result):
            self._kept[job.queue_id, job.job_id] = job
        return result

    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        super()._finish(queue, job, item, now)
        kept = self._kept.pop((queue.queue_id, job.job_id), None)
        if kept is not None:
            super().enqueue(kept, now)


class DuplicateIsCounted(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if _is_duplicate(result):
            self.queues[job.queue_id].tally.add_enqueues(now, 1)
        return result


class DepthIsOneMore(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if job.max_queued_length:
            job = replace(job, max_queued_length=job.max_queued_length + 1)
        return super().enqueue(job, now)


class LastComeFirstServed(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.QUEUED and job.extras is None:
            queue = self.queues[job.queue_id]
            waiting = [*queue.waiting_jobs()]
            queue.head = queue.rest = None
            new = queue.jobs[job.job_id]
            new.place = RETURNED - new.place
            for each in waiting:
                queue.add_waiting(each)
        return result


class ReturnedJobsGoLast(Renumbering):
    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        has_come = super()._come_back(queue, job, now, delay)
        if has_come:
            self._renumber(queue, job, now, now + delay)
        return has_come


class LineByName(Line):
    def enter(self, queue: Queue, ready_since: float, number: int, until: float = 0) -> None:
        number = int.from_bytes(queue.queue_id.encode())
        super().enter(queue, ready_since, number, until)


class TiesGoByName(TypeState):
    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.line = LineByName()


class ServedQueueKeepsItsPlace(TypeState):
    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        number = queue.place_number
        job = super()._serve(queue, lease_time, call)
        if queue.head is not None:
            self.line.leave(queue)
            self.line.enter(queue, max(call.now, owes_until(queue)), number)
        return job


class BatchStaysWithAQueue(TypeState):
    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        while len(jobs) < take.count and (found := self.line.first(call.now)) is not None:
            queue = self._first_behind(found, call) if isinstance(found, SharedLimit) else found
            if queue is None:
                break
            if queue.is_timed and not self._make_ready(queue, call):
                continue
            if queue.head is None or not call.admit(len(queue.head.payload)):
                break
            jobs.append(self._serve(queue, take.lease_time, call))
            is_in_row = queue.terms is not None and queue.terms.row
            if queue.ready_since is not None and queue.ready_since <= call.now and not is_in_row:
                self.line.leave(queue)
                self.line.enter(queue, 0, 0)


class FreedQueueKeepsItsNumber(AfterBringing):
    def _brought(self, queue: Queue, place: tuple[float, int] | None, now: int) -> None:
        if place is not None and queue.place_number != place[1]:
            self._stand(queue, now, place[1])


class NextReadyForgetsLeases(TypeState):
    def _next_ready_at(self, take: Take, call: DequeueCall) -> int | None:
        self.expiring, expiring = Expiring(), self.expiring
        instant = super()._next_ready_at(take, call)
        self.expiring = expiring
        return instant


class NextReadyIsLater(TypeState):
    """By 1 ms."""

    def _next_ready_at(self, take: Take, call: DequeueCall) -> int | None:
        instant = super()._next_ready_at(take, call)
        return None if instant is None else instant + 1


class PartialBatchTellsNothing(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        answer = super().dequeue(take, call)
        return replace(answer, next_ready_at=None) if answer.jobs else answer


class FullBatchTellsNextReady(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        answer = super().dequeue(take, call)
        if answer.is_repeated:
            return answer
        return replace(answer, next_ready_at=self._next_ready_at(take, call))


class NextReadyIsFromBeforeTheBatch(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        first_expiry = self.expiring.due()
        answer = super().dequeue(take, call)
        if answer.is_repeated or len(answer.jobs) == take.count or first_expiry == inf:
            return answer
        return replace(answer, next_ready_at=max(call.now, int(first_expiry)))


class NowIsWhenTheFirstLeaseExpires(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        answer = super().dequeue(take, call)
        return replace(answer, now=answer.jobs[0].expires_at) if answer.jobs else answer
