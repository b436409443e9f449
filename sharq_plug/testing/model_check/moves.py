"""Steps of several calls that seldom meet by chance: what a worker does, and close shaves."""

from dataclasses import dataclass
from functools import partial

from sharq_plug.model import MINUTE, NewJob
from sharq_plug.testing.model_check.steps import Step
from sharq_plug.testing.model_check.walk import JOB_IDS, QUEUE_IDS, RECEIPT_TIME, Manner, Walk

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
    """Dequeue jobs and finish them at once; `doubles` names the first of them three times."""

    queue_type: str
    count: int
    doubles: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=LONG_LEASE)
        first = walk.without_tokens(claims[:1]) if self.doubles else []
        await walk.finish(self.queue_type, [*first, *first, *claims])


@dataclass(frozen=True, slots=True)
class HandBack:
    """Dequeue jobs and release them at once, and finish them too late, with tokens and without."""

    queue_type: str
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=LONG_LEASE)
        await walk.release(self.queue_type, claims)
        await walk.finish(self.queue_type, claims)
        await walk.finish(self.queue_type, walk.without_tokens(claims))


@dataclass(frozen=True, slots=True)
class FinishAgain:
    """Dequeue jobs and finish them, and again, and `early` ms before the receipts may go once more.

    The first has the usual receipt time, the others `receipt_time`. In between somebody shows such
    a token for another job; `clears` has the queue of the first cleared.
    """

    queue_type: str
    count: int
    receipt_time: int
    clears: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        _, claims = await walk.dequeue(self.queue_type, count=self.count, lease=LONG_LEASE)
        for claim in claims:
            receipt_time = RECEIPT_TIME if claim is claims[0] else self.receipt_time
            await walk.finish(self.queue_type, [claim], receipt_time=receipt_time)
        await walk.finish(self.queue_type, claims)
        other = walk.claims(self.queue_type, [(Manner.OTHER_JOB, self.count)])
        await walk.finish(self.queue_type, other)
        if claims and self.clears:
            await walk.clear(self.queue_type, claims[0].ref.queue_id, purge=False)
        await walk.advance(RECEIPT_TIME - self.early)
        await walk.finish(self.queue_type, claims)


@dataclass(frozen=True, slots=True)
class Refill:
    """Empty a queue, do something else, enqueue again `early` ms before the rate is paid off.

    The queue's last job is finished, or it dies.
    """

    queue_type: str
    queue_id: str
    interval: int
    dies: bool
    meanwhile: list[Step]
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        job = NewJob(self.queue_id, JOB_IDS[0], b"", self.interval, requeue_limit=0)
        await walk.clear(self.queue_type, self.queue_id, purge=False)
        await walk.enqueue(self.queue_type, [job])
        _, claims = await walk.dequeue(self.queue_type, count=100, lease=1)
        paid_at = walk.now + self.interval
        if self.dies:
            await walk.advance(1)
            await walk.reclaim(self.queue_type, limit=100)
        else:
            await walk.finish(self.queue_type, claims)
        for step in self.meanwhile:
            await step.take(walk)
        await walk.advance(max(0, paid_at - self.early - walk.now))
        await walk.enqueue(self.queue_type, [job])
        await walk.dequeue(self.queue_type, count=100, lease=LONG_LEASE)


@dataclass(frozen=True, slots=True)
class ReclaimOne:
    """Let a lease of a queue expire, and reclaim exactly one."""

    queue_type: str
    queue_id: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.enqueue(self.queue_type, [NewJob(self.queue_id, JOB_IDS[0], b"", 0)])
        await walk.dequeue(self.queue_type, count=1, lease=1)
        await walk.advance(1)
        await walk.reclaim(self.queue_type, limit=1)


@dataclass(frozen=True, slots=True)
class Tie:
    """Let two queues be served in one ms, do something to the first, and see who is first then."""

    queue_type: str
    interval: int
    meanwhile: list[Step]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        jobs = [
            NewJob(queue_id, job_id, b"", self.interval)
            for queue_id in QUEUE_IDS[:2]
            for job_id in JOB_IDS[:3]
        ]
        await walk.enqueue(self.queue_type, jobs)
        await walk.dequeue(self.queue_type, count=2, lease=LONG_LEASE)
        for step in self.meanwhile:
            await step.take(walk)
        await walk.advance(self.interval)
        for _ in range(2):
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
    """Dequeue jobs, and repeat that `early` ms before their leases expire.

    `ends` also repeats it at once, and again when the first job is finished.
    """

    queue_type: str
    count: int
    attempt_id: str
    ends: bool
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
        _, claims = await again()
        if self.ends:
            await again()
            await walk.finish(self.queue_type, claims[:1])
            await again()
        await walk.advance(SHORT_LEASE - self.early)
        await again()


@dataclass(frozen=True, slots=True)
class LookLater:
    """Let a queue count, and look at its counts so many minutes later."""

    queue_type: str
    queue_id: str
    minutes: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.enqueue(self.queue_type, [NewJob(self.queue_id, JOB_IDS[0], b"", 0)])
        await walk.dequeue(self.queue_type, count=1, lease=LONG_LEASE)
        await walk.advance(self.minutes * MINUTE)
        await walk.twins.measure(self.queue_type, self.queue_id)
        await walk.twins.count(self.queue_type)
