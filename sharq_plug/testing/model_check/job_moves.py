"""Moves of several calls around jobs by their ids and takes of named queues."""

from collections.abc import Sequence
from dataclasses import dataclass

from sharq_plug.model import (
    ALL_STATES,
    Cancel,
    Clear,
    Deduplicate,
    Extras,
    Fail,
    JobRef,
    NewJob,
    Release,
    Reschedule,
    Take,
)
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME
from sharq_plug.testing.model_check.walk import JOB_IDS, Walk

FIRST, SECOND, THIRD = JOB_IDS[:3]


@dataclass(frozen=True, slots=True)
class CancelKeyed:
    """Cancel a job that has a key, and enqueue another one with the same key.

    With `takes_over` the key was forgotten by then, and a second job has it. With `is_leased` the
    first job is leased.
    """

    queue_type: str
    queue_id: str
    keep_for: int
    takes_over: bool
    is_leased: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id))
        await walk.ask(self.queue_type, [self._new(FIRST)])
        if self.is_leased:
            await walk.take(self.queue_type, Take(100, LONG_LEASE_TIME))
        if self.takes_over:
            await walk.advance(self.keep_for)
            await walk.ask(self.queue_type, [self._new(SECOND)])
        await walk.ask(self.queue_type, [Cancel(JobRef(self.queue_id, FIRST), leased=True)])
        await walk.ask(self.queue_type, [self._new(THIRD)])
        await walk.ask(self.queue_type, [JobRef(self.queue_id, job_id) for job_id in JOB_IDS[:3]])

    def _new(self, job_id: str) -> NewJob:
        extras = Extras(deduplicate=Deduplicate("k", self.keep_for))
        return NewJob(self.queue_id, job_id, b"", 0, extras=extras)


@dataclass(frozen=True, slots=True)
class CancelLetters:
    """Let a job id die twice, and cancel and look until nothing is left of it."""

    queue_type: str
    queue_id: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        ref = JobRef(self.queue_id, FIRST)
        await walk.clear(self.queue_type, Clear(self.queue_id, ALL_STATES, counts=True))
        for error in ("first", "second"):
            await walk.ask(self.queue_type, [NewJob(self.queue_id, FIRST, b"", 0)])
            named = Take(1, LONG_LEASE_TIME, queues=(self.queue_id,))
            leases = await walk.take(self.queue_type, named)
            await walk.ask(self.queue_type, [Fail(lease, error, dead=True) for lease in leases])
        for _ in range(3):
            await walk.ask(self.queue_type, [ref])
            await walk.ask(self.queue_type, [Cancel(ref)])


@dataclass(frozen=True, slots=True)
class LetGo:
    """Reschedule one of three jobs, and look at all, until their ttl has passed but for `early` ms.

    With `is_back` it is the last one, which was delivered before: it has the highest priority. Then
    all are dequeued, one by one.
    """

    queue_type: str
    queue_id: str
    which: int
    priority: int | None
    delay: int | None
    ttl: int
    is_back: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        refs = [JobRef(self.queue_id, job_id) for job_id in JOB_IDS[:3]]
        jobs = [
            NewJob(self.queue_id, ref.job_id, b"", 0, extras=Extras(priority=rank, ttl=self.ttl))
            for rank, ref in zip([0, 0, 1], refs, strict=True)
        ]
        one = Take(1, LONG_LEASE_TIME, queues=(self.queue_id,))
        await walk.clear(self.queue_type, Clear(self.queue_id))
        await walk.ask(self.queue_type, jobs)
        if self.is_back:
            leases = await walk.take(self.queue_type, one)
            await walk.ask(self.queue_type, [Release(lease) for lease in leases])
        await walk.advance(self.ttl // 2)
        moved = refs[-1 if self.is_back else self.which]
        change = Reschedule(moved, priority=self.priority, delay=self.delay)
        await walk.ask(self.queue_type, [change])
        await walk.ask(self.queue_type, refs)
        await walk.advance(max(0, self.ttl - self.ttl // 2 - self.early))
        await walk.ask(self.queue_type, refs)
        for _ in jobs:
            await walk.take(self.queue_type, one)


@dataclass(frozen=True, slots=True)
class TakeOf:
    """Fill queues that take turns with two jobs each, and dequeue from one of them, or together."""

    queue_type: str
    queue_ids: Sequence[str]
    interval: int
    names: tuple[str, ...] | None
    count: int
    together: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        jobs = [
            NewJob(queue_id, job_id, b"", self.interval)
            for job_id in JOB_IDS[:2]
            for queue_id in self.queue_ids
        ]
        await walk.ask(self.queue_type, jobs)
        take = Take(self.count, LONG_LEASE_TIME, queues=self.names, together=self.together)
        for _ in self.queue_ids:
            await walk.take(self.queue_type, take)
