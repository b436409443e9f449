"""Which places in rows, and which shared limits, `tend` is to look at, a few in each call."""

from itertools import islice
from typing import TypeAlias

from sortedcontainers import SortedDict

from sharq_memory.places import Places
from sharq_memory.queue import Queue
from sharq_memory.terms import Names

Spot: TypeAlias = tuple[int | float, int]
"""(ready since, place number)."""

Walk: TypeAlias = tuple[Spot, Names, Spot]
"""The rows from some names on: that of these names from the second place on, all others from the
first place on."""


class Doubts:
    """Places that may lie further ahead than their holds, and limits whose `last` may lie ahead."""

    __slots__ = ("limits", "walk")

    def __init__(self) -> None:
        self.walk: Walk | None = None  # None while no place is doubted
        self.limits: str | None = None  # those behind this name are doubted

    def __bool__(self) -> bool:
        """Whether anything is doubted."""
        return self.walk is not None or self.limits is not None

    def doubt_places(self, start: Spot) -> None:
        """Doubt the places in all rows, from `start` on."""
        if self.walk is not None:
            start = min(start, self.walk[0])
        self.walk = start, (), start

    def doubt_limits(self) -> None:
        """Doubt all shared limits."""
        self.limits = ""

    def next_queues(self, rows: SortedDict, room: int) -> list[Queue]:
        """Return the queues at the next doubtful places; doubt these no more.

        A row that is looked at takes room for one, and so does each of its places.
        """
        found: list[Queue] = []
        while self.walk is not None and room > 0:
            start, after, at = self.walk
            names = next(rows.irange(after), None)
            if names is None:
                self.walk = None
                break
            places: Places = rows[names].places
            doubtful = list(islice(places.starting_at(at if names == after else start), room))
            found += [place[-1] for place in doubtful]
            if len(doubtful) == room:
                ready_since, number, _ = doubtful[-1]
                self.walk = start, names, (ready_since, number + 1)
                break
            self.walk = start, (*names, ""), start
            room -= len(doubtful) + 1
        return found

    def next_limits(self, limits: SortedDict, room: int) -> list[str]:
        """Return the names of up to `room` doubted limits; doubt these no more."""
        if self.limits is None:
            return []
        names = list(islice(limits.irange(self.limits, inclusive=(False, True)), room))
        self.limits = names[-1] if len(names) == room else None
        return names
