"""The steps of a walk: one call, a watcher that comes or goes, or the passing of time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sharq_plug.model import Clear, LeaseRef, Listing, Settlement
from sharq_plug.testing.model_check.operations import Item
from sharq_plug.testing.model_check.walk import Pick, Walk


class Step(Protocol):
    """Something to do to a store."""

    async def take(self, walk: Walk) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True)
class OneCall:
    """Make one call."""

    queue_type: str | None
    items: list[Item]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.ask(self.queue_type, self.items)


@dataclass(frozen=True, slots=True)
class Settle:
    """Settle leases, standing and other ones: each as its function says."""

    queue_type: str
    picks: list[tuple[Pick, Callable[[LeaseRef], Settlement]]]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        items = [settled(walk.picked(self.queue_type, pick)) for pick, settled in self.picks]
        await walk.ask(self.queue_type, items)


@dataclass(frozen=True, slots=True)
class TendOnce:
    """Tend, with the retention of the walk."""

    limit: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.tend(self.limit)


@dataclass(frozen=True, slots=True)
class ClearOut:
    """Clear a queue or a type to the end, in steps of `limit`."""

    queue_type: str
    what: Clear
    limit: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, self.what, limit=self.limit)


@dataclass(frozen=True, slots=True)
class FollowListing:
    """Follow a listing to the end, in steps of `limit`."""

    queue_type: str | None
    listing: Listing
    limit: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.twins.follow(self.queue_type, self.listing, limit=self.limit)


@dataclass(frozen=True, slots=True)
class StartWatching:
    """Watch a type from now on."""

    queue_type: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.twins.watch(self.queue_type)


@dataclass(frozen=True, slots=True)
class StopWatching:
    """Stop watching a type, if anybody watches it."""

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
