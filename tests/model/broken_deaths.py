"""Memory states that are broken on purpose, one fault each: dead letters, requeues, reclaims."""

import sys

from model.broken_states import AfterReleasing
from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    MAX_ENDED,
    Clear,
    Cleared,
    DeathReason,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    JobState,
    NewJob,
    Retention,
    Take,
    Tended,
)
from sharq_plug.store import DEFAULT_RETENTION

FOR_EVER = 2
"""How often a job without a limit comes back, where that is broken."""


class SecondDeathReplacesTheFirst(TypeState):
    def _die(self, queue: Queue, job: Job, reason: DeathReason, now: int) -> None:
        earlier = self.dead.newest(queue.queue_id, job.job_id)
        if earlier is not None:
            self._drop_letter(earlier, now)
        super()._die(queue, job, reason, now)


class DeadLetterHoldsItsId(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if self.dead.newest(job.queue_id, job.job_id) is not None:
            return EnqueueResult(EnqueueOutcome.DUPLICATE)
        return super().enqueue(job, now)


class ForEverHasAnEnd(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        if job.requeue_limit == -1:
            job = replace(job, requeue_limit=FOR_EVER)
        return super().enqueue(job, now)


class ReleaseGivesRequeuesBack(AfterReleasing):
    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._limits: dict[tuple[str, str], int] = {}

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        if result.outcome is EnqueueOutcome.QUEUED:
            self._limits[job.queue_id, job.job_id] = job.requeue_limit
        return result

    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        job.requeues = self._limits[queue.queue_id, job.job_id]


class ClearingTakesDeadLetters(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        for number in list(self.dead.numbers(what.queue_id or "")):
            if JobState.DEAD not in what.states:
                self._discard(number, now)
        return super().clear(what, cursor, limit, now)


class TheDeadAreCalledRequeued(TypeState):
    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        return [replace(lease, is_dead=False) for lease in super()._end_leases(limit, now)]


class TendingGoesPastItsLimit(TypeState):
    def tend(self, limit: int, retention: Retention, now: int) -> list[EndedLease]:
        return super().tend(limit + 1, retention, now)


class TendingForgetsToSayMore(MemoryStore):
    """Though its limit was reached, and more leases have expired."""

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        return replace(await super().tend(limit=limit, retention=retention), more=False)


class TendingLeavesOutAType(MemoryStore):
    """The last one, and does not say that there is more to do."""

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        last = [*self._machine.types.values()][-1:]
        for state in last:
            state.tend = lambda limit, retention, now: []
        tended = await super().tend(limit=limit, retention=retention)
        for state in last:
            del state.tend
        return replace(tended, more=False)


class DequeueEndsMoreThanItsBound(TypeState):
    """All leases that have expired."""

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        call.leases = sys.maxsize
        return super().dequeue(take, call)


class EachTakeHasItsOwnBound(TypeState):
    """On the leases that it ends, in a call with several takes."""

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        call.leases = MAX_ENDED
        return super().dequeue(take, call)


class DequeueEndsNoLeases(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        call.leases = 0
        return super().dequeue(take, call)


class DequeueKeepsQuietAboutWhatItEnded(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        return replace(super().dequeue(take, call), ended=())


class DequeueEndsLeasesTooSoon(TypeState):
    """Before it has looked for a job that is ready."""

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        ended = self._end_leases(call.leases, call.now)
        call.leases -= len(ended)
        answer = super().dequeue(take, call)
        return replace(answer, ended=(*ended, *answer.ended))


class LeasesEndByQueue(TypeState):
    """Not by which lease expired first."""

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        for queue in self.queues.values():
            if queue.leases and queue.first_lease().expires_at <= now:
                self.expiring.list(queue, 0)
        return super()._end_leases(limit, now)
