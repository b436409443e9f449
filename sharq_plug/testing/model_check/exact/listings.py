"""Listings, step by step: how far each has come."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sharq_plug.model import Listing

Followed: TypeAlias = tuple[str | None, Listing, str]
"""A listing of a queue type (None: of types) that a cursor leads on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listing can show, and the place that it has in the order of the listing.

    `key` tells it from all others; so does `value`, but for dead letters of one job id.
    """

    key: str | int
    place: Any
    value: Any


@dataclass(slots=True)
class Progress:
    """A listing that was begun when `first` could be listed.

    `always` has the keys that could be listed at each instant since, at the same place. `shown` has
    those that were listed, in this order.
    """

    first: list[Entry]
    always: dict[str | int, Any]
    shown: list[str | int] = field(default_factory=list)

    @classmethod
    def begun(cls, there: list[Entry]) -> "Progress":
        """Return the progress of a listing that begins now."""
        return cls(there, {entry.key: entry.place for entry in there})

    def note(self, now_there: list[Entry]) -> None:
        """Note what can be listed now."""
        places = {entry.key: entry.place for entry in now_there}
        self.always = {
            key: place
            for key, place in self.always.items()
            if key in places and places[key] == place
        }


@dataclass(slots=True)
class Listings:
    """Follow listings from their first step, the one without a cursor, to their last."""

    _followed: dict[Followed, Progress] = field(default_factory=dict)

    def resume(self, followed: Followed) -> Progress | None:
        """Return how far a listing has come, unless its cursor was not seen."""
        return self._followed.pop(followed, None)

    def keep(self, followed: Followed, progress: Progress) -> None:
        """Note that a cursor leads on."""
        self._followed[followed] = progress

    def note(self, entries: Callable[[str | None, Listing], list[Entry]]) -> None:
        """Note for each listing what can be listed now."""
        for (queue_type, listing, _), progress in self._followed.items():
            progress.note(entries(queue_type, listing))
