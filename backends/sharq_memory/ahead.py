"""Places in line that lie ahead of now, after the clock has stepped back."""

from itertools import islice
from typing import Any, TypeAlias

from sortedcontainers import SortedList

Place: TypeAlias = tuple[int, int, Any]
"""(ready since, place number, Queue)."""

BEHIND_ALL = float("inf")
"""Behind the last place number of an instant."""


class PlacesAhead:
    """Notice that the clock stepped back, and go once through the places that lie ahead since."""

    __slots__ = ("_latest", "_seen")

    def __init__(self) -> None:
        self._latest: int | None = None  # when the latest place was given (ms)
        self._seen: tuple[Any, ...] | None = None  # the place that was looked at last

    @property
    def are_doubtful(self) -> bool:
        """Whether there are places to look at."""
        return self._seen is not None

    def note_place(self, now: int) -> None:
        """Note that a place is given at `now` (ms)."""
        if self._latest is None or now > self._latest:
            self._latest = now

    def note_look(self, now: int) -> None:
        """Note that the places are looked at, at `now` (ms)."""
        if self._latest is not None and now < self._latest:
            self._latest = now
            self._seen = (now, BEHIND_ALL)

    def next_places(self, line: SortedList, limit: int) -> list[Place]:
        """Return the next places of `line` to look at, up to `limit`."""
        if self._seen is None:
            return []
        places = list(islice(line.irange(minimum=self._seen, inclusive=(False, True)), limit))
        self._seen = places[-1] if len(places) == limit else None
        return places
