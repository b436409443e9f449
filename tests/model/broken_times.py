"""Memory states that are broken on purpose, one fault each: delays, ttls, priorities, joining."""

import sys

from model.broken_states import Renumbering
from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    DeathReason,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Extras,
    NewJob,
    QueueView,
    Retention,
    Take,
)

FAR = 10**18


class TtlEndsWithTheFirstLease(TypeState):
    """A job that was leased once is delivered again, though its ttl has passed."""

    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        if job.rare is not None:
            job.rare.ends_at = None
        return super()._come_back(queue, job, now, delay)


class TtlKillsALease(TypeState):
    """`tend` ends a lease that stands when the ttl of its job has passed, and the job with it."""

    def tend(self, limit: int, retention: Retention, now: int) -> list[EndedLease]:
        for queue in [*self.queues.values()]:
            for job in [job for job in queue.jobs.values() if job.token is not None]:
                if job.rare is not None and (job.rare.ends_at or now) < now:
                    queue.end_lease(job)
                    self._die(queue, job, DeathReason.EXPIRED, now)
        return super().tend(limit, retention, now)


class TtlIsOneMore(TypeState):
    """A job still goes in the very ms in which its ttl has passed."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        extras = job.extras
        if extras is not None and extras.ttl is not None:
            job = replace(job, extras=replace(extras, ttl=extras.ttl + 1))
        return super().enqueue(job, now)


class TtlBeginsAtTheEnqueue(TypeState):
    """Also that of a delayed job."""

    def _add_rare(self, queue: Queue, job: Job, extras: Extras, now: int) -> None:
        due_at = max(now, extras.at if extras.at is not None else now + (extras.delay or 0))
        if extras.ttl is not None:
            extras = replace(extras, ttl=max(1, extras.ttl - (due_at - now)))
        super()._add_rare(queue, job, extras, now)


class DelayedJobTakesANewNumber(Renumbering):
    """When it joins."""

    def _join_due(self, queue: Queue, limit: int, now: int) -> int:
        delayed = [entry[-1] for entry in queue.delayed or () if entry[0] <= now][:limit]
        joined = super()._join_due(queue, limit, now)
        for job in delayed:
            self._renumber(queue, job, now, now)
        return joined


class DueJobOvertakes(TypeState):
    """A job that joins stands before all of its priority, as if it had come back."""

    def _join_due(self, queue: Queue, limit: int, now: int) -> int:
        for entry in [entry for entry in queue.delayed or () if entry[0] <= now][:limit]:
            entry[-1].come_back()
        return super()._join_due(queue, limit, now)


class DelayEndsTooSoon(TypeState):
    """By 1 ms."""

    def _put(self, queue: Queue, job: Job, now: int, at: int) -> None:
        super()._put(queue, job, now, at - 1)


class DelayIsCountedFromTheEnqueue(TypeState):
    """Also that of a job which is released or failed."""

    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        delay = max(0, job.enqueued_at + delay - now)
        return super()._come_back(queue, job, now, delay)


class DueJobIsNotCountedAsWaiting(TypeState):
    """Until it has joined."""

    def view_of(self, queue_id: str, now: int) -> QueueView:
        view = super().view_of(queue_id, now)
        due = self.queues[queue_id].due_jobs(now) if queue_id in self.queues else 0
        return replace(view, waiting=view.waiting - due, delayed=view.delayed + due)


class DelayedJobsDoNotFillAQueue(TypeState):
    """`max_queued_length` counts those alone that wait."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        is_full = result.outcome is EnqueueOutcome.QUEUE_FULL
        if is_full and queue is not None and queue.waiting < (job.max_queued_length or 0):
            job = replace(job, max_queued_length=None)
            return replace(super().enqueue(job, now), queue_length=result.queue_length)
        return result


class JoinsHaveNoBound(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        call.moves = sys.maxsize
        return super().dequeue(take, call)


class ReturnedPriorityGoesLast(Renumbering):
    """A job with a priority that came back stands behind all others of this priority."""

    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        has_come = super()._come_back(queue, job, now, delay)
        if has_come and job.priority:
            self._renumber(queue, job, now, now + delay)
        return has_come


class NextReadyForgetsDelayedJobs(TypeState):
    def _next_ready_at(self, take: Take, call: DequeueCall) -> int | None:
        queue = self.line.first(FAR)
        is_delayed = isinstance(queue, Queue) and queue.head is None and not call.is_over
        return None if is_delayed else super()._next_ready_at(take, call)
