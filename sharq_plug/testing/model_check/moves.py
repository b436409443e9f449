"""Moves of several calls that seldom meet by chance: what a worker does, and close shaves."""

from dataclasses import dataclass

from sharq_plug.model import ALL_STATES, MINUTE, Clear, Fail, LeaseRef, NewJob, Release, Take
from sharq_plug.testing.model_check.operations import Look
from sharq_plug.testing.model_check.steps import Step
from sharq_plug.testing.model_check.walk import (
    JOB_IDS,
    QUEUE_IDS,
    RECEIPT_TIME,
    Walk,
    without_tokens,
)

LONG_LEASE_TIME = 5000
SHORT_LEASE_TIME = 20


@dataclass(frozen=True, slots=True)
class Fill:
    """Enqueue several jobs of one queue."""

    queue_type: str
    queue_id: str
    interval: int | None
    requeue_limit: int
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        jobs = [
            NewJob(self.queue_id, job_id, b"", self.interval, self.requeue_limit)
            for job_id in JOB_IDS[: self.count]
        ]
        await walk.ask(self.queue_type, jobs)


@dataclass(frozen=True, slots=True)
class Work:
    """Dequeue jobs and finish them at once; `doubles` names the first of them three times."""

    queue_type: str
    count: int
    doubles: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        leases = await walk.take(self.queue_type, Take(self.count, LONG_LEASE_TIME))
        first = without_tokens(leases[:1]) if self.doubles else []
        await walk.finish(self.queue_type, [*first, *first, *leases])


@dataclass(frozen=True, slots=True)
class HandBack:
    """Dequeue jobs and release them at once, finish them too late, and dequeue them again.

    They are finished with tokens and without. With `fails` each has failed once before.
    """

    queue_type: str
    count: int
    fails: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        if self.fails:
            leases = await walk.take(self.queue_type, Take(self.count, LONG_LEASE_TIME))
            await walk.ask(self.queue_type, [Fail(lease, delay=0) for lease in leases])
        leases = await walk.take(self.queue_type, Take(self.count, LONG_LEASE_TIME))
        await walk.ask(self.queue_type, [Release(lease) for lease in leases])
        await walk.finish(self.queue_type, leases)
        await walk.finish(self.queue_type, without_tokens(leases))
        await walk.take(self.queue_type, Take(self.count, LONG_LEASE_TIME))


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
        leases = await walk.take(self.queue_type, Take(self.count, LONG_LEASE_TIME))
        for lease in leases:
            receipt_time = RECEIPT_TIME if lease is leases[0] else self.receipt_time
            await walk.finish(self.queue_type, [lease], receipt_time=receipt_time)
        await walk.finish(self.queue_type, leases)
        other = JOB_IDS[self.count % len(JOB_IDS)]
        strange = [LeaseRef(lease.queue_id, other, lease.token) for lease in leases[:1]]
        await walk.finish(self.queue_type, strange)
        if leases and self.clears:
            await walk.clear(self.queue_type, Clear(leases[0].queue_id))
        await walk.advance(RECEIPT_TIME - self.early)
        await walk.finish(self.queue_type, leases)


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
        await walk.clear(self.queue_type, Clear(self.queue_id))
        await walk.ask(self.queue_type, [job])
        await walk.advance(self.interval)
        leases = await walk.take(self.queue_type, Take(100, 1))
        paid_at = walk.now + self.interval
        if self.dies:
            await walk.advance(1)
            await walk.tend()
        else:
            await walk.finish(self.queue_type, leases)
        for step in self.meanwhile:
            await step.take(walk)
        await walk.advance(max(0, paid_at - self.early - walk.now))
        await walk.ask(self.queue_type, [job])
        await walk.take(self.queue_type, Take(100, LONG_LEASE_TIME))


@dataclass(frozen=True, slots=True)
class EndOneLease:
    """Let a lease of a queue expire, and end exactly one lease of each type."""

    queue_type: str
    queue_id: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.ask(self.queue_type, [NewJob(self.queue_id, JOB_IDS[0], b"", 0)])
        await walk.take(self.queue_type, Take(1, 1))
        await walk.advance(1)
        await walk.tend(limit=1)


@dataclass(frozen=True, slots=True)
class Tie:
    """Let two queues be served in one ms, do something to the first, and see who is first then.

    Before that, all that is ready is dequeued, so that few other queues stand between them.
    """

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
        await walk.take(self.queue_type, Take(1000, LONG_LEASE_TIME))
        await walk.ask(self.queue_type, jobs)
        await walk.advance(self.interval)
        await walk.take(self.queue_type, Take(2, LONG_LEASE_TIME))
        for step in self.meanwhile:
            await step.take(walk)
        await walk.advance(self.interval)
        for _ in range(2):
            await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME))


@dataclass(frozen=True, slots=True)
class LetExpire:
    """Dequeue jobs, end their leases at the very ms of their expiry, and finish them too late.

    Tending ends them, or (`by_take`) a take of `count` jobs that finds nothing ready.
    """

    queue_type: str
    count: int
    by_take: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        leases = await walk.take(self.queue_type, Take(self.count, SHORT_LEASE_TIME))
        await walk.advance(SHORT_LEASE_TIME)
        if self.by_take:
            await walk.take(self.queue_type, Take(self.count, LONG_LEASE_TIME))
        else:
            await walk.tend()
        await walk.finish(self.queue_type, leases)


@dataclass(frozen=True, slots=True)
class LetMany:
    """Let `count` leases of a queue expire at once, and come for each job again in two takes.

    At the end the queue is cleared.
    """

    queue_type: str
    queue_id: str
    requeue_limit: int
    count: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        jobs = [
            NewJob(self.queue_id, f"m{number}", b"", 0, self.requeue_limit)
            for number in range(self.count)
        ]
        await walk.ask(self.queue_type, jobs)
        await walk.take(self.queue_type, Take(1000, SHORT_LEASE_TIME))
        await walk.advance(SHORT_LEASE_TIME)
        half = Take(self.count // 2, LONG_LEASE_TIME)
        await walk.ask(self.queue_type, [half, half])
        await walk.take(self.queue_type, Take(1000, LONG_LEASE_TIME))
        await walk.clear(self.queue_type, Clear(self.queue_id, ALL_STATES, counts=True))


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
        take = Take(self.count, SHORT_LEASE_TIME, self.attempt_id)
        leases = await walk.take(self.queue_type, take)
        if self.ends:
            await walk.take(self.queue_type, take)
            await walk.finish(self.queue_type, leases[:1])
            await walk.take(self.queue_type, take)
        await walk.advance(SHORT_LEASE_TIME - self.early)
        await walk.take(self.queue_type, take)


@dataclass(frozen=True, slots=True)
class RepeatInVain:
    """Dequeue when no job is ready, and repeat that when one is."""

    queue_type: str
    queue_id: str
    attempt_id: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        take = Take(1, LONG_LEASE_TIME, self.attempt_id)
        await walk.take(self.queue_type, Take(1000, LONG_LEASE_TIME))
        await walk.take(self.queue_type, take)
        await walk.ask(self.queue_type, [NewJob(self.queue_id, JOB_IDS[0], b"", 0)])
        await walk.take(self.queue_type, take)


@dataclass(frozen=True, slots=True)
class LookLater:
    """Let a queue count, and look at its counts some minutes later."""

    queue_type: str
    queue_id: str
    minutes: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.ask(self.queue_type, [NewJob(self.queue_id, JOB_IDS[0], b"", 0)])
        await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME))
        await walk.advance(self.minutes * MINUTE)
        await walk.ask(self.queue_type, [Look(self.queue_id)])
        await walk.ask(self.queue_type, [Look()])
