"""Memory states that are broken on purpose, one fault each: rates, also of queues that went."""

from model.broken_states import AfterBringing
from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.holds import owes_until
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    ChangeOutcome,
    Clear,
    Cleared,
    DeathReason,
    Delivery,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    SetInterval,
    Setting,
    Take,
)

LONGEST = 10**9
FAR = 10**18


class PurgeForgetsUnpaidRate(TypeState):
    """Of a queue that has ceased to exist."""

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        queue = self.queues.get(what.queue_id or "")
        if what.counts and queue is not None and not queue.jobs:
            queue.last = None
        return super().clear(what, cursor, limit, now)


class RefusalForgetsUnpaidRate(TypeState):
    """Of a queue that has ceased to exist."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is EnqueueOutcome.QUEUE_FULL and queue is not None and not queue.jobs:
            queue.last = None
        return result


class TendingAtItsLimitForgetsUnpaidRates(TypeState):
    """Of the queues that have ceased to exist, when it ended as many leases as it may."""

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        ended = super()._end_leases(limit, now)
        if len(ended) == limit:
            for queue in self.queues.values():
                if not queue.jobs:
                    queue.last = None
        return ended


class DeathForgetsUnpaidRate(TypeState):
    """Of a queue whose last job died."""

    def _die(self, queue: Queue, job: Job, reason: DeathReason, now: int) -> None:
        super()._die(queue, job, reason, now)
        if not queue.jobs:
            queue.last = None


class AskingInVainDelays(TypeState):
    """A dequeue that comes too early begins the interval of the first queue in line anew."""

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        answer = super().dequeue(take, call)
        queue = self.line.first(FAR)
        if not answer.jobs and isinstance(queue, Queue):
            self.line.leave(queue)
            queue.last = call.now
            self.line.enter(queue, call.now + queue.interval, queue.place_number)
        return answer


class RedeliveryIsFree(TypeState):
    """A job that came back is served without counting towards the rate."""

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        last = queue.last
        job = super()._serve(queue, lease_time, call)
        if job.attempt > 1:
            queue.last = last
            if queue.head is not None:
                self.line.leave(queue)
                self.line.enter(queue, max(call.now, owes_until(queue)), queue.place_number)
        return job


class LongIntervalsAreCut(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if job.interval is not None:
            job = replace(job, interval=min(job.interval, LONGEST))
        return super().enqueue(job, now)

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if isinstance(change, SetInterval):
            change = replace(change, interval=min(change.interval, LONGEST))
        return super().configure(change, now)


class RestIsSavedUp(TypeState):
    """After a rest, the next dequeues may come closer than an interval."""

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        due = owes_until(queue) if queue.last is not None else call.now
        job = super()._serve(queue, lease_time, call)
        queue.last = max(due, call.now - queue.interval)
        if queue.head is not None:
            self.line.leave(queue)
            self.line.enter(queue, max(call.now, owes_until(queue)), queue.place_number)
        return job


class IntervalOf0ForgetsTheLatestDequeue(AfterBringing):
    def _brought(self, queue: Queue, place: tuple[float, int] | None, now: int) -> None:
        if queue.interval == 0:
            queue.last = None
