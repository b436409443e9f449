"""Memory states that are broken on purpose, one fault each: dead letters, requeues, reclaims."""

from dataclasses import replace

from sharq_memory.dead import DeadLetters
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Cleared,
    EnqueueOutcome,
    EnqueueResult,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Reclaimed,
)

FOR_EVER = 2
"""How often a job without a limit comes back, where that is broken."""


class SecondDeathReplacesTheFirst(TypeState):
    def _die(self, queue: Queue, job: Job, now: int) -> None:
        if job.job_id in self.dead.get(queue.queue_id, ()):
            self.dead[queue.queue_id] = DeadLetters()
        super()._die(queue, job, now)


class DeadLetterHoldsItsId(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if job.job_id in self.dead.get(job.queue_id, ()):
            return EnqueueResult(EnqueueOutcome.DUPLICATE)
        return super().enqueue(job, now)


class ForEverHasAnEnd(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if job.requeue_limit == -1:
            job = replace(job, requeue_limit=FOR_EVER)
        return super().enqueue(job, now)


class ReleaseGivesRequeuesBack(TypeState):
    def __init__(self) -> None:
        super().__init__()
        self._limits: dict[tuple[str, str], int] = {}

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.QUEUED:
            self._limits[job.queue_id, job.job_id] = job.requeue_limit
        return result

    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        outcome = super().release(ref, now)
        if outcome is LeaseOutcome.ENDED:
            limit = self._limits[ref.queue_id, ref.job_id]
            self.queues[ref.queue_id].jobs[ref.job_id].requeues = limit
        return outcome


class ClearingTakesDeadLetters(TypeState):
    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        self.dead.pop(queue_id, None) if not purge else None
        return super().clear(queue_id, purge=purge)


class TheDeadAreCalledRequeued(TypeState):
    def reclaim(self, limit: int, now: int) -> Reclaimed:
        answer = super().reclaim(limit, now)
        return replace(answer, requeued=answer.requeued + answer.dead, dead=0)


class ReclaimGoesPastItsLimit(TypeState):
    def reclaim(self, limit: int, now: int) -> Reclaimed:
        return super().reclaim(limit + 1, now)


class ReclaimSaysItIsDone(TypeState):
    """Though its limit was reached, and more leases have expired."""

    def reclaim(self, limit: int, now: int) -> Reclaimed:
        return replace(super().reclaim(limit, now), more=False)


class ReclaimGoesByQueue(TypeState):
    """Not by which lease expired first."""

    def reclaim(self, limit: int, now: int) -> Reclaimed:
        for queue in sorted(self.queues.values(), key=lambda queue: queue.queue_id):
            first = queue.first_lease()
            if first is not None and first.expires_at <= now:
                self.expiring.remove((queue.expiring, queue.queue_id, queue))
                queue.expiring = 0
                self.expiring.add((0, queue.queue_id, queue))
        return super().reclaim(limit, now)
