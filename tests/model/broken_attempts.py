"""Memory stores and states that are broken on purpose, one fault each: repeated calls, batches."""

from collections.abc import Sequence
from dataclasses import replace

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
)


class RepeatOutlivesExpiry(TypeState):
    """A dequeue that is repeated gets leases that have expired, until they are reclaimed."""

    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        return super().repeat(attempt_id, 0)


class RepeatIsRemembered(TypeState):
    """A second repetition gets what the first got, though some of it was ended since."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[str, tuple[LeasedJob, ...]] = {}

    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        jobs = super().repeat(attempt_id, now)
        if not jobs:
            self._given.pop(attempt_id, None)
            return jobs
        given = self._given.setdefault(attempt_id, jobs)
        standing = {job.token: job for job in jobs}
        return tuple(standing.get(job.token, job) for job in given)


class RepeatLengthensLeases(TypeState):
    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        jobs = super().repeat(attempt_id, now)
        for given in jobs:
            queue = self.queues[given.queue_id]
            job = queue.jobs[given.job_id]
            token = job.token
            queue.end_lease(job)
            job.token, job.expires_at = token, job.expires_at + 1
            queue.add_lease(job)
            self._note_expiry(queue)
        return tuple(replace(job, expires_at=job.expires_at + 1) for job in jobs)


class RepeatIsCounted(TypeState):
    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        jobs = super().repeat(attempt_id, now)
        for job in jobs:
            self.queues[job.queue_id].tally.add(now, dequeues=1)
        return jobs


class RepeatGetsOneJob(TypeState):
    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        return super().repeat(attempt_id, now)[:1]


class EmptyAnswerIsRepeated(TypeState):
    """An attempt id that found nothing finds nothing any more for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._in_vain: dict[int, set[str]] = {}
        self._asked: str | None = None

    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        self._asked = attempt_id
        return super().repeat(attempt_id, now)

    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        asked, self._asked = self._asked, None
        in_vain = self._in_vain.setdefault(now, set())
        if asked in in_vain:
            return Dequeued((), now, now=now)
        answer = super().dequeue(count, lease, now)
        if asked is not None and not answer.jobs:
            in_vain.add(asked)
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

    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        outcomes: dict[LeaseRef, LeaseOutcome] = {}
        for ref in leases:
            if ref not in outcomes:
                [outcomes[ref]] = await super().finish(queue_type, [ref], receipt_time=receipt_time)
        return [outcomes[ref] for ref in leases]


class BytesDoNotEndABatch(TypeState):
    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        jobs: list[LeasedJob] = []
        while len(jobs) < count and self.line and self.line[0][0] <= now:
            jobs.append(self._serve(self.line.pop(0)[2], lease, now))
        ready_at = self._next_ready_at(now) if len(jobs) < count else None
        return Dequeued(tuple(jobs), ready_at, now=now)
