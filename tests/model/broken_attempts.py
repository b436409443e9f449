"""Memory stores and states that are broken on purpose, one fault each: repeated calls, batches."""

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    Delivery,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeaseRef,
    NewJob,
    Settled,
    Settlement,
    Take,
)


class RepeatOutlivesExpiry(TypeState):
    """A dequeue that is repeated gets leases that have expired, until they are reclaimed."""

    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        return super()._repeat(attempt_id, 0)


class RepeatIsRemembered(TypeState):
    """A second repetition gets what the first got, though some of it was ended since."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._given: dict[str, tuple[Delivery, ...]] = {}

    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        jobs = super()._repeat(attempt_id, now)
        if not jobs:
            self._given.pop(attempt_id, None)
            return jobs
        given = self._given.setdefault(attempt_id, jobs)
        standing = {job.token: job for job in jobs}
        return tuple(standing.get(job.token, job) for job in given)


class RepeatLengthensLeases(TypeState):
    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        jobs = super()._repeat(attempt_id, now)
        for given in jobs:
            queue = self.queues[given.queue_id]
            job = queue.jobs[given.job_id]
            queue.extend_lease(job, job.expires_at + 1)
            self.expiring.list(queue, queue.first_lease().expires_at)
        return tuple(replace(job, expires_at=job.expires_at + 1) for job in jobs)


class RepeatIsCounted(TypeState):
    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        jobs = super()._repeat(attempt_id, now)
        for job in jobs:
            self.queues[job.queue_id].tally.add_dequeues(now, 1)
        return jobs


class RepeatGetsOneJob(TypeState):
    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        return super()._repeat(attempt_id, now)[:1]


class EmptyAnswerIsRepeated(TypeState):
    """An attempt id that found nothing finds nothing any more for a while."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._in_vain: dict[int, set[str]] = {}

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        in_vain = self._in_vain.setdefault(call.now, set())
        if take.attempt_id in in_vain:
            return Dequeued((), now=call.now, next_ready_at=call.now)
        answer = super().dequeue(take, call)
        if take.attempt_id is not None and not answer.jobs:
            in_vain.add(take.attempt_id)
        return answer


class BatchEndsAtARefusal(MemoryStore):
    """What comes after a job that is refused is refused too."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        results: list[EnqueueResult] = []
        for job in jobs:
            if results and results[-1].outcome is EnqueueOutcome.QUEUE_FULL:
                results.append(EnqueueResult(EnqueueOutcome.QUEUE_FULL))
            else:
                results += await super().enqueue(queue_type, [job])
        return results


class BatchSeesNothingOfItself(MemoryStore):
    """Each claim of a batch is judged by what was there before the batch."""

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        outcomes: dict[LeaseRef, Settled] = {}
        for item in items:
            if item.lease not in outcomes:
                [outcomes[item.lease]] = await super().settle(queue_type, [item])
        return [outcomes[item.lease] for item in items]


class BytesDoNotEndABatch(TypeState):
    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        call.room = sys.maxsize
        return super().dequeue(take, call)
