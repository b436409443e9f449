"""Counts by the minute, for as long as they count."""

from collections.abc import Sequence
from typing import Any, Self

from msgspec import Struct

from sharq_plug.model import COUNTED_MINUTES, MINUTE, MinuteCounts, counted_minutes


class Tally(Struct, gc=False, eq=False):
    """Count enqueues and dequeues of the last ten minutes.

    The latest minute that counts (its epoch) stands by itself, so that counting is quick.
    """

    minute: int = -COUNTED_MINUTES * MINUTE
    enqueues: int = 0
    dequeues: int = 0
    others: tuple[tuple[int, int, int], ...] = ()
    """(minute's epoch, enqueues, dequeues), oldest first. Where the clock has stepped back, some
    lie ahead: they count when their time comes."""

    def add_enqueues(self, now: int, count: int) -> None:
        """Count enqueues at `now` (ms)."""
        minute = now - now % MINUTE
        if minute != self.minute:
            self._begin(minute)
        self.enqueues += count

    def add_dequeues(self, now: int, count: int) -> None:
        """Count dequeues at `now` (ms)."""
        minute = now - now % MINUTE
        if minute != self.minute:
            self._begin(minute)
        self.dequeues += count

    def row(self) -> tuple[Any, ...]:
        """Return this as plain values."""
        return self.minute, self.enqueues, self.dequeues, self.others

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        """Return what `row` was made of."""
        minute, enqueues, dequeues, others = row
        return cls(minute, enqueues, dequeues, tuple(tuple(other) for other in others))

    def counts(self, now: int) -> MinuteCounts:
        """Return what counts at `now` (ms)."""
        minutes = counted_minutes(now)
        enqueues = dict.fromkeys(minutes, 0)
        dequeues = dict.fromkeys(minutes, 0)
        for minute, enqueued, dequeued in self._all():
            if minute in enqueues:
                enqueues[minute] = enqueued
                dequeues[minute] = dequeued
        return MinuteCounts(enqueues, dequeues)

    @property
    def counts_until(self) -> int:
        """The instant (ms) from which on nothing of this counts; 0 if nothing ever did."""
        latest = max(self.minute, self.others[-1][0]) if self.others else self.minute
        return latest + COUNTED_MINUTES * MINUTE

    def _begin(self, minute: int) -> None:
        oldest = counted_minutes(minute).start
        counted = {other[0]: other for other in self._all() if other[0] >= oldest}
        self.minute, self.enqueues, self.dequeues = counted.pop(minute, (minute, 0, 0))
        self.others = tuple(counted[epoch] for epoch in sorted(counted))

    def _all(self) -> tuple[tuple[int, int, int], ...]:
        return (*self.others, (self.minute, self.enqueues, self.dequeues))
