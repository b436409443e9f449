"""Memory states that are broken on purpose, one fault each: rates, enqueues, order."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sharq_memory.queue import RETURNED, Job, Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    check_name,
)
from sharq_plug.testing import ManualClock


class BrokenStore(MemoryStore):
    """A memory store whose types are in the states that `make_state` makes."""

    def __init__(self, clock: ManualClock, make_state: Callable[[], TypeState]) -> None:
        super().__init__(clock)
        self._make_state = make_state

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        if queue_type not in self._types:
            self._types[check_name("queue_type", queue_type)] = self._make_state()
        return await super().enqueue(queue_type, jobs)


class RateLostWhenEmpty(TypeState):
    def _left(self, queue: Queue) -> None:
        if not queue.jobs:
            queue.last = None
        super()._left(queue)


class RateForgottenTooEarly(TypeState):
    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        left = self.queues.get(queue_id)
        if left is not None and left.allowed_at <= now + 1:
            left.last = None
        return super()._bring_into_being(queue_id, now)


class ReleasePaysBack(TypeState):
    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(ref, now)
        if outcome is LeaseOutcome.ENDED:
            queue = self.queues[ref.queue_id]
            queue.last = None
            self._leave_line(queue)
            self._enter_line(queue, now, queue.place_number)
        return outcome


class IntervalMissesWaitingJobs(TypeState):
    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        queue.interval = interval


class RefusalChangesInterval(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.QUEUE_FULL and job.queue_id in self.queues:
            self._set_interval(self.queues[job.queue_id], job.interval, now)
        return result


class DuplicateKeepsInterval(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        queue = self.queues.get(job.queue_id)
        if queue is not None and job.job_id in queue.jobs:
            job = replace(job, interval=queue.interval)
        return super().enqueue(job, now)


class DuplicateReplacesPayload(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.DUPLICATE:
            self.queues[job.queue_id].jobs[job.job_id].payload = job.payload
        return result


class DuplicateIsQueuedAfterAll(TypeState):
    """A duplicate of a leased job is queued when that job is finished."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[str, str], NewJob] = {}

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.DUPLICATE:
            self._kept[job.queue_id, job.job_id] = job
        return result

    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        outcome = super().finish(ref, receipt_time, now)
        kept = self._kept.pop((ref.queue_id, ref.job_id), None)
        if outcome is LeaseOutcome.ENDED and kept is not None:
            super().enqueue(kept, now)
        return outcome


class DuplicateIsCounted(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.DUPLICATE:
            self.queues[job.queue_id].tally.add(now, enqueues=1)
        return result


class DepthIsOneMore(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if job.max_queued_length:
            job = replace(job, max_queued_length=job.max_queued_length + 1)
        return super().enqueue(job, now)


class LastComeFirstServed(TypeState):
    def _add_waiting(self, queue: Queue, job: Job, now: int) -> None:
        if job.attempt == 0:
            job.place = RETURNED - job.place
        super()._add_waiting(queue, job, now)


class ReturnedJobsGoLast(TypeState):
    def _come_back(self, queue: Queue, job: Job, now: int) -> None:
        self._note_expiry(queue)
        job.place = self._next_number()
        self._add_waiting(queue, job, now)


class TiesGoByName(TypeState):
    def _enter_line(self, queue: Queue, ready_since: int, number: int) -> None:
        super()._enter_line(queue, ready_since, int.from_bytes(queue.queue_id.encode()))


class ServedQueueKeepsItsPlace(TypeState):
    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        number = queue.place_number
        job = super()._serve(queue, lease, now)
        if queue.head is not None:
            self._leave_line(queue)
            self._enter_line(queue, max(now, queue.allowed_at), number)
        return job


class BatchStaysWithAQueue(TypeState):
    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        jobs: list[LeasedJob] = []
        while len(jobs) < count and self.line and self.line[0][0] <= now:
            queue = self.line[0][2]
            while len(jobs) < count and queue.head is not None and queue.ready_since <= now:
                self._leave_line(queue)
                jobs.append(self._serve(queue, lease, now))
        ready_at = self._next_ready_at(now) if len(jobs) < count else None
        return Dequeued(tuple(jobs), ready_at, now=now)


class FreedQueueKeepsItsNumber(TypeState):
    def set_interval(self, queue_id: str, interval: int, now: int) -> bool:
        queue = self.queues.get(queue_id)
        number = 0 if queue is None else queue.place_number
        exists = super().set_interval(queue_id, interval, now)
        if queue is not None:
            self._keep_number(queue, number, now)
        return exists

    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        number = queue.place_number
        super()._set_interval(queue, interval, now)
        self._keep_number(queue, number, now)

    def _keep_number(self, queue: Queue, number: int, now: int) -> None:
        if queue.ready_since is not None and queue.place_number != number:
            self._leave_line(queue)
            self._enter_line(queue, now, number)


class NextReadyForgetsLeases(TypeState):
    def _next_ready_at(self, now: int) -> int | None:
        return max(now, self.line[0][0]) if self.line else None


class PartialBatchTellsNothing(TypeState):
    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        answer = super().dequeue(count, lease, now)
        return replace(answer, next_ready_at=None) if answer.jobs else answer


class FullBatchTellsNextReady(TypeState):
    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        answer = super().dequeue(count, lease, now)
        return replace(answer, next_ready_at=self._next_ready_at(now))


class NextReadyIsFromBeforeTheBatch(TypeState):
    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        leases = self.expiring[0][0] if self.expiring else None
        answer = super().dequeue(count, lease, now)
        if len(answer.jobs) == count or leases is None:
            return answer
        return replace(answer, next_ready_at=max(now, leases))


class NowIsWhenTheFirstLeaseExpires(TypeState):
    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        answer = super().dequeue(count, lease, now)
        return replace(answer, now=answer.jobs[0].expires_at) if answer.jobs else answer
