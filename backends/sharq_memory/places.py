"""Queues by an instant, in their order: their places, and when their leases expire."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from typing import Any, TypeAlias

from sortedcontainers import SortedList

Place: TypeAlias = tuple[Any, ...]
"""(an instant, the place number or the queue id, what stands there): no two share the first two."""

CHUNK = 1000
"""How many places a chunk holds. Removing one from the middle of so short a list is cheap."""

_first_of = itemgetter(0)


class Places:
    """A sorted collection that is quick where places come in order and go in order.

    A queue that is ready gets a place behind all that are ready, and most leases expire in the
    order in which they began. So most places are in chunks: they are appended to the last chunk
    and taken from the first one, at `_head`. `_rest` holds all others.
    """

    __slots__ = ("_chunks", "_first", "_has_rest", "_head", "_last", "_rest")

    def __init__(self) -> None:
        self._first: list[Place] = []
        self._head = 0  # the first place of the first chunk; empty slots are before it
        self._chunks: list[list[Place]] = []  # those behind the first; none is empty
        self._last = self._first
        self._rest = SortedList()
        self._has_rest = False  # whether it is not empty: this is asked very often

    def __len__(self) -> int:
        """How many there are."""
        return len(self._first) - self._head + sum(map(len, self._chunks)) + len(self._rest)

    def __iter__(self) -> Iterator[Place]:
        """Iterate over all, in their order."""
        return self.starting_at((0,))

    def starting_at(self, start: Place) -> Iterator[Place]:
        """Iterate over those that do not sort before `start`; none may come or go meanwhile."""
        chunk, nth, at = self._find(start)
        behind = chain(islice(chunk, at, None), *islice(self._chunks, nth, None))
        return merge(behind, self._rest.irange(minimum=start))

    def rank(self, start: Place) -> int:
        """Return how many sort before `start`."""
        _, nth, at = self._find(start)
        if nth:
            at += len(self._first) + sum(map(len, islice(self._chunks, nth - 1)))
        return at - self._head + int(self._rest.bisect_left(start))

    def first(self) -> Place | None:
        """Return the first place."""
        first = self._first[self._head] if self._first else None
        if self._has_rest:
            other: Place = self._rest[0]
            if first is None or other < first:
                return other
        return first

    def append(self, place: Place) -> None:
        """Add a place that mostly sorts behind all others, but for those that were `add`ed."""
        last = self._last
        if last and last[-1] > place:
            self.add(place)
        elif len(last) < CHUNK:
            last.append(place)
        else:
            self._last = [place]
            self._chunks.append(self._last)

    def add(self, place: Place) -> None:
        """Add a place that sorts anywhere, as that of a queue that is held."""
        self._rest.add(place)
        self._has_rest = True

    def remove(self, instant: float, key: int | str, standing: object) -> None:
        """Remove the place of what stands there."""
        first, head = self._first, self._head
        if first and first[head][1] == key:
            first[head] = ()
            self._head = head + 1
            if head + 1 == len(first):
                self._leave_first()
            return
        place = (instant, key, standing)
        chunk, nth, at = self._find(place)
        if at == len(chunk) or chunk[at] != place:
            self._rest.remove(place)
            self._has_rest = bool(self._rest)
            return
        del chunk[at]
        if not chunk:
            del self._chunks[nth - 1]
            self._last = self._chunks[-1] if self._chunks else self._first

    def _leave_first(self) -> None:
        """Go on with the next chunk, if there is one."""
        if self._chunks:
            self._first = self._chunks.pop(0)
        else:
            self._first.clear()
        self._head = 0

    def _find(self, start: Place) -> tuple[list[Place], int, int]:
        """Return the chunk in which `start` sorts, its number (0 is the first), and the index."""
        nth = bisect_right(self._chunks, start, key=_first_of)
        if nth:
            chunk = self._chunks[nth - 1]
            return chunk, nth, bisect_left(chunk, start)
        return self._first, 0, bisect_left(self._first, start, self._head)
