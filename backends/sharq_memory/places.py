"""Queues by an instant, in their order: their places in line, and when their leases expire."""

from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from typing import Any, TypeAlias

from sortedcontainers import SortedList

from sharq_memory.queue import Queue

Place: TypeAlias = tuple[Any, ...]
"""(an instant, the place number or the queue id, Queue): no two share the first two."""

KEPT = 1000
"""Slots of the run that may be empty before it is packed."""


class Places:
    """A sorted collection that is quick where places come in order and go in order.

    A queue that is ready gets a place behind all that are ready, and most leases expire in the
    order in which they began. So most places stand in `_run`, a list: they are appended at its end
    and taken at `_head`. What leaves from between leaves the first two values of its place there,
    which sort as it did. `_rest` holds all others.
    """

    __slots__ = ("_gone", "_head", "_rest", "_run")

    def __init__(self) -> None:
        self._run: list[Place] = []
        self._head = 0  # the first place of the run, unless it is empty
        self._gone = 0  # how many left from behind it
        self._rest = SortedList()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._run) - self._head - self._gone + len(self._rest)

    def __iter__(self) -> Iterator[Place]:
        """Iterate over all, in their order."""
        return self.starting_at((0,))

    def starting_at(self, start: Place) -> Iterator[Place]:
        """Iterate over those that do not sort before `start`; none may come or go meanwhile."""
        run = self._run
        begin = bisect_left(run, start, self._head)
        behind = (run[at] for at in range(begin, len(run)) if len(run[at]) > 2)  # noqa: PLR2004
        return merge(behind, self._rest.irange(minimum=start))

    def first(self) -> Place | None:
        """Return the first place."""
        first = self._run[self._head] if self._run else None
        if self._rest:
            other: Place = self._rest[0]
            if first is None or other < first:
                return other
        return first

    def append(self, place: Place) -> None:
        """Add a place that mostly sorts behind all others, but for those that were `add`ed."""
        if not self._run or self._run[-1] < place:
            self._run.append(place)
        else:
            self._rest.add(place)

    def add(self, place: Place) -> None:
        """Add a place that sorts anywhere, as that of a queue that is held."""
        self._rest.add(place)

    def remove(self, instant: int, key: int | str, queue: Queue) -> None:
        """Remove the place of a queue."""
        run, head = self._run, self._head
        if run and run[head][1] == key:
            run[head] = ()
            self._head = head + 1
            if self._gone or head > KEPT or head + 1 == len(run):
                self._pack()
            return
        place = (instant, key, queue)
        at = bisect_left(run, place, head)
        if at < len(run) and run[at] == place:
            run[at] = (instant, key)
            self._gone += 1
            self._pack()
        else:
            self._rest.remove(place)

    def _pack(self) -> None:
        """Let the run begin with a place, and hold few empty slots."""
        run = self._run
        while self._head < len(run) and len(run[self._head]) < 3:  # noqa: PLR2004
            self._head += 1
            self._gone -= 1
        if self._head == len(run):
            run.clear()
            self._head = 0
        elif self._head > KEPT + len(run) // 2:
            del run[: self._head]
            self._head = 0
        elif self._gone > KEPT + len(run) // 2:
            self._run = [place for place in run if len(place) > 2]  # noqa: PLR2004
            self._head = self._gone = 0
