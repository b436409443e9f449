"""Counts by the minute, for as long as they count."""

from sharq_plug.model import COUNTED_MINUTES, MINUTE, MinuteCounts, counted_minutes


class Tally:
    """Count enqueues and dequeues of the last ten minutes."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes: list[list[int]] = []  # [minute's epoch, enqueues, dequeues], oldest first

    def add(self, now: int, *, enqueues: int = 0, dequeues: int = 0) -> None:
        """Count so many at `now` (ms)."""
        minute = now - now % MINUTE
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0, 0])
            oldest = counted_minutes(now).start
            while self._minutes[0][0] < oldest:
                del self._minutes[0]
        self._minutes[-1][1] += enqueues
        self._minutes[-1][2] += dequeues

    def counts(self, now: int) -> MinuteCounts:
        """Return what counts at `now` (ms)."""
        minutes = counted_minutes(now)
        enqueues = dict.fromkeys(minutes, 0)
        dequeues = dict.fromkeys(minutes, 0)
        for minute, enqueued, dequeued in self._minutes:
            if minute in enqueues:
                enqueues[minute] = enqueued
                dequeues[minute] = dequeued
        return MinuteCounts(enqueues, dequeues)

    def counts_until(self) -> int:
        """Return the instant (ms) from which on nothing of this counts; 0 if nothing does."""
        return self._minutes[-1][0] + COUNTED_MINUTES * MINUTE if self._minutes else 0
