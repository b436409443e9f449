"""Moves of several calls around the times of jobs: delays, ttls, keys, penalties, longer leases."""

from collections.abc import Sequence
from dataclasses import dataclass

from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Deduplicate,
    Extend,
    Extras,
    Fail,
    NewJob,
    Release,
    RequeueDelay,
    Take,
)
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME, SHORT_LEASE_TIME
from sharq_plug.testing.model_check.operations import Look
from sharq_plug.testing.model_check.walk import JOB_IDS, Walk

KEY = "k"


@dataclass(frozen=True, slots=True)
class ComeDue:
    """Delay a job, enqueue others around it, and dequeue `early` ms before its time.

    The first job has the lower number. With `is_alone` there is no other, so it holds its queue.
    `watches`: somebody watches while they are enqueued.
    """

    queue_type: str
    queue_id: str
    delay: int
    is_alone: bool
    watches: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id))
        delayed = _new(self.queue_id, JOB_IDS[0], Extras(delay=self.delay))
        others = [] if self.is_alone else [_new(self.queue_id, JOB_IDS[1])]
        if self.watches:
            await walk.twins.watch(self.queue_type)
        await walk.ask(self.queue_type, [delayed, *others])
        if self.watches:
            await walk.twins.leave(self.queue_type)
        await walk.advance(max(0, self.delay - self.early))
        await walk.ask(self.queue_type, [Look(self.queue_id)])
        await walk.ask(self.queue_type, [_new(self.queue_id, JOB_IDS[2], limit=2)])
        await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME))
        await walk.take(self.queue_type, Take(5, LONG_LEASE_TIME))


@dataclass(frozen=True, slots=True)
class Ranked:
    """Enqueue jobs of these priorities, hand some back, and dequeue all."""

    queue_type: str
    queue_id: str
    priorities: Sequence[int]
    delay: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id))
        jobs = [
            _new(self.queue_id, job_id, Extras(priority=priority))
            for job_id, priority in zip(JOB_IDS, self.priorities, strict=False)
        ]
        await walk.ask(self.queue_type, jobs)
        leases = await walk.take(self.queue_type, Take(3, LONG_LEASE_TIME))
        await walk.ask(self.queue_type, [Release(lease, self.delay) for lease in leases[1:]])
        await walk.advance(self.delay)
        for _ in jobs:
            await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME))


@dataclass(frozen=True, slots=True)
class Outlive:
    """Lease a job that has a ttl, and do something with it `early` ms before that has passed.

    It is released, failed, left alone (`keeps`), or its lease ends then; or it was never leased
    (`waits`). The ttl begins when its delay has passed.
    """

    queue_type: str
    queue_id: str
    delay: int
    ttl: int
    does: str
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id))
        extras = Extras(ttl=self.ttl, delay=self.delay)
        await walk.ask(self.queue_type, [_new(self.queue_id, JOB_IDS[0], extras)])
        await walk.advance(self.delay)
        lease_time = max(1, self.ttl - self.early) if self.does == "expires" else LONG_LEASE_TIME
        take = Take(5, lease_time)
        leases = [] if self.does == "waits" else await walk.take(self.queue_type, take)
        await walk.advance(max(1, self.ttl - self.early))
        match self.does:
            case "release":
                await walk.ask(self.queue_type, [Release(lease) for lease in leases])
            case "fail":
                await walk.ask(self.queue_type, [Fail(lease, delay=1) for lease in leases])
            case _:
                await walk.tend()
        await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME))
        await walk.ask(self.queue_type, [Look(self.queue_id)])
        await walk.finish(self.queue_type, leases)


@dataclass(frozen=True, slots=True)
class FailOften:
    """Fail a job again and again, each time `early` ms before it is back, until it is dead."""

    queue_type: str
    queue_id: str
    requeue_delay: RequeueDelay
    requeue_limit: int
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id))
        extras = Extras(requeue_delay=self.requeue_delay)
        job = NewJob(self.queue_id, JOB_IDS[0], b"", 0, self.requeue_limit, extras=extras)
        await walk.ask(self.queue_type, [job])
        for penalties in range(1, 4):
            leases = await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME))
            await walk.ask(self.queue_type, [Fail(lease, "it broke") for lease in leases])
            delay = self.requeue_delay.after(penalties)
            await walk.advance(max(0, delay - self.early))
            await walk.take(self.queue_type, Take(1, SHORT_LEASE_TIME))
            await walk.advance(SHORT_LEASE_TIME)
            await walk.tend()
            await walk.advance(max(0, self.requeue_delay.after(penalties + 1) - self.early))


@dataclass(frozen=True, slots=True)
class KeepLonger:
    """Extend leases after `waits` ms, and look at both ends, the old and (`early`) the new one.

    They may have expired by then; with `tends` they may have been ended.
    """

    queue_type: str
    queue_id: str
    count: int
    waits: int
    lease_time: int
    tends: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.ask(self.queue_type, [_new(self.queue_id, JOB_IDS[0])])
        leases = await walk.take(self.queue_type, Take(self.count, SHORT_LEASE_TIME, "longer"))
        await walk.advance(self.waits)
        if self.tends:
            await walk.tend()
        await walk.ask(self.queue_type, [Extend(lease, self.lease_time) for lease in leases])
        await walk.take(self.queue_type, Take(self.count, SHORT_LEASE_TIME, "longer"))
        new_end = walk.now + self.lease_time
        await walk.advance(max(0, SHORT_LEASE_TIME - self.waits))
        await walk.tend()
        await walk.advance(max(0, new_end - self.early - walk.now))
        await walk.tend()
        await walk.finish(self.queue_type, leases)


@dataclass(frozen=True, slots=True)
class SameKey:
    """Enqueue a job with a key, let it end somehow, and enqueue others with the same key.

    One comes at half the key's time, the last one `early` ms before the key is forgotten.
    """

    queue_type: str
    queue_id: str
    keep_for: int
    does: str
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id))
        limit = 0 if self.does == "refuse" else None
        await walk.ask(self.queue_type, [self._new(0, limit)])
        if self.does in {"finish", "fail"}:
            leases = await walk.take(self.queue_type, Take(100, LONG_LEASE_TIME))
            if self.does == "finish":
                await walk.finish(self.queue_type, leases)
            else:
                await walk.ask(self.queue_type, [Fail(lease, dead=True) for lease in leases])
        if self.does == "clear":
            await walk.clear(self.queue_type, Clear(self.queue_id))
        half = self.keep_for // 2
        await walk.advance(half)
        await walk.ask(self.queue_type, [self._new(1)])
        await walk.advance(max(0, self.keep_for - half - self.early))
        await walk.ask(self.queue_type, [self._new(2)])

    def _new(self, number: int, limit: int | None = None) -> NewJob:
        extras = Extras(deduplicate=Deduplicate(KEY, self.keep_for))
        return _new(self.queue_id, JOB_IDS[number], extras, limit=limit)


@dataclass(frozen=True, slots=True)
class ComeDueTogether:
    """Let `count` jobs of a queue fall due or (`dies`) end together, and dequeue twice.

    One job of another queue stands behind. At the end the queue is cleared and forgotten.
    """

    queue_type: str
    queue_ids: Sequence[str]
    count: int
    dies: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_id, other = self.queue_ids
        extras = Extras(ttl=10) if self.dies else Extras(delay=10)
        jobs = [_new(queue_id, f"m{number}", extras) for number in range(self.count)]
        await walk.clear(self.queue_type, Clear(queue_id))
        await walk.ask(self.queue_type, jobs)
        await walk.advance(10)
        await walk.ask(self.queue_type, [_new(other, JOB_IDS[0])])
        await walk.ask(self.queue_type, [Take(2, LONG_LEASE_TIME), Take(1, LONG_LEASE_TIME)])
        await walk.take(self.queue_type, Take(3, LONG_LEASE_TIME))
        await walk.ask(self.queue_type, [Look(queue_id)])
        await walk.clear(self.queue_type, Clear(queue_id, ALL_STATES, counts=True))
        await walk.twins.tend_all()


def _new(
    queue_id: str, job_id: str, extras: Extras | None = None, *, limit: int | None = None
) -> NewJob:
    return NewJob(queue_id, job_id, b"", 0, max_queued_length=limit, extras=extras)
