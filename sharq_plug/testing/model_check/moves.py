"""Steps of several calls that seldom meet by chance: what a worker does, and close shaves."""

from dataclasses import dataclass
from functools import partial

from sharq_plug.model import NewJob
from sharq_plug.testing.model_check.walk import JOB_IDS, RECEIPT_TIME, Manner, Walk

LONG_LEASE = 5000
SHORT_LEASE = 20


@dataclass(frozen=True, slots=True)
class Fill:
    """Enqueue several jobs of one queue."""

    queue_type: str
    queue_id: str
    interval: int
    requeue_limit: int
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        jobs = [
            NewJob(self.queue_id, job_id, b"", self.interval, self.requeue_limit)
            for job_id in JOB_IDS[: self.count]
        ]
        await walk.enqueue(self.queue_type, jobs)


@dataclass(frozen=True, slots=True)
class Work:
    """Dequeue jobs and finish them at once."""

    queue_type: str
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=LONG_LEASE)
        await walk.finish(self.queue_type, claims)


@dataclass(frozen=True, slots=True)
class HandBack:
    """Dequeue jobs and release them at once."""

    queue_type: str
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=LONG_LEASE)
        await walk.release(self.queue_type, claims)


@dataclass(frozen=True, slots=True)
class FinishAgain:
    """Dequeue jobs and finish them, and again `early` ms before the receipts may go.

    In between somebody shows such a token for another job.
    """

    queue_type: str
    count: int
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=LONG_LEASE)
        await walk.finish(self.queue_type, claims)
        other = walk.claims(self.queue_type, [(Manner.OTHER_JOB, self.count)])
        await walk.finish(self.queue_type, other)
        await walk.advance(RECEIPT_TIME - self.early)
        await walk.finish(self.queue_type, claims)


@dataclass(frozen=True, slots=True)
class Refill:
    """Empty a queue, and enqueue again `early` ms before its rate is paid off."""

    queue_type: str
    queue_id: str
    interval: int
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        job = NewJob(self.queue_id, JOB_IDS[0], b"", self.interval)
        await walk.enqueue(self.queue_type, [job])
        _, claims = await walk.dequeue(self.queue_type, count=100, lease=LONG_LEASE)
        await walk.finish(self.queue_type, claims)
        await walk.advance(max(0, self.interval - self.early))
        await walk.enqueue(self.queue_type, [job])
        await walk.dequeue(self.queue_type, count=1, lease=LONG_LEASE)


@dataclass(frozen=True, slots=True)
class LetExpire:
    """Dequeue jobs, reclaim them at the very ms at which they expire, and finish them too late."""

    queue_type: str
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=SHORT_LEASE)
        await walk.advance(SHORT_LEASE)
        await walk.reclaim(self.queue_type, limit=100)
        await walk.finish(self.queue_type, claims)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Dequeue jobs, and repeat that `early` ms before their leases expire."""

    queue_type: str
    count: int
    attempt_id: str
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        again = partial(
            walk.dequeue,
            self.queue_type,
            count=self.count,
            lease=SHORT_LEASE,
            attempt_id=self.attempt_id,
        )
        await again()
        await walk.advance(SHORT_LEASE - self.early)
        await again()
