"""The steps of a walk: one call each, or the passing of time."""

from dataclasses import dataclass
from typing import Protocol

from sharq_plug.model import NewJob
from sharq_plug.testing.model_check.walk import Pick, Walk


class Step(Protocol):
    """Something to do to a store."""

    async def take(self, walk: Walk) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Enqueue jobs of any queues."""

    queue_type: str
    jobs: list[NewJob]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.enqueue(self.queue_type, self.jobs)


@dataclass(frozen=True, slots=True)
class Dequeue:
    """Dequeue jobs."""

    queue_type: str
    count: int
    lease: int
    attempt_id: str | None

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.dequeue(
            self.queue_type, count=self.count, lease=self.lease, attempt_id=self.attempt_id
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """Finish leases, standing and other ones."""

    queue_type: str
    picks: list[Pick]
    receipt_time: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        claims = walk.claims(self.queue_type, self.picks)
        await walk.finish(self.queue_type, claims, receipt_time=self.receipt_time)


@dataclass(frozen=True, slots=True)
class Release:
    """Release leases, standing and other ones."""

    queue_type: str
    picks: list[Pick]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.release(self.queue_type, walk.claims(self.queue_type, self.picks))


@dataclass(frozen=True, slots=True)
class Reclaim:
    """Reclaim some leases."""

    queue_type: str
    limit: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.reclaim(self.queue_type, limit=self.limit)


@dataclass(frozen=True, slots=True)
class SetInterval:
    """Change an interval."""

    queue_type: str
    queue_id: str
    interval: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.set_interval(self.queue_type, self.queue_id, self.interval)


@dataclass(frozen=True, slots=True)
class Clear:
    """Clear a queue."""

    queue_type: str
    queue_id: str
    purge: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, self.queue_id, purge=self.purge)


@dataclass(frozen=True, slots=True)
class Watch:
    """Watch a type from now on."""

    queue_type: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.twins.watch(self.queue_type)


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave off watching a type, if anybody watches it."""

    queue_type: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.twins.leave(self.queue_type)


@dataclass(frozen=True, slots=True)
class Advance:
    """Let time pass."""

    duration: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.advance(self.duration)


@dataclass(frozen=True, slots=True)
class AdvanceTo:
    """Let time pass until something is due, or 1 ms less or more."""

    which: int
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.advance_to(self.which, self.early)


@dataclass(frozen=True, slots=True)
class Look:
    """Look at a queue, at the counts, and at the listings."""

    queue_type: str
    queue_id: str
    limit: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.twins.measure(self.queue_type, self.queue_id)
        await walk.twins.count(self.queue_type)
        await walk.twins.count(None)
        await walk.twins.list_queues(self.queue_type, limit=self.limit)
        await walk.twins.list_types(limit=self.limit)
