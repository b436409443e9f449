"""The minute counts that a sequential history must lead to."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import TypeAlias

from sharq_plug.model import COUNTED_MINUTES, MINUTE, MinuteCounts, counted_minutes

Counted: TypeAlias = tuple[str | None, str | None]
"""What is counted for: (type, queue), (type, None), or (None, None) for everything."""


@dataclass(slots=True)
class Tallies:
    """Count enqueues and dequeues by queue, by type, and of everything."""

    _enqueues: dict[Counted, Counter[int]] = field(default_factory=dict)
    _dequeues: dict[Counted, Counter[int]] = field(default_factory=dict)
    _doubted: dict[Counted, int] = field(default_factory=dict)

    def enqueued(self, queue_type: str, queue_id: str, now: int) -> None:
        """Count an enqueue at `now` (ms)."""
        _count(self._enqueues, queue_type, queue_id, now)

    def dequeued(self, queue_type: str, queue_id: str, now: int) -> None:
        """Count a dequeue at `now` (ms)."""
        _count(self._dequeues, queue_type, queue_id, now)

    def purged(self, queue_type: str, queue_id: str) -> None:
        """Forget the counts of one queue; its type's stay."""
        self._enqueues.pop((queue_type, queue_id), None)
        self._dequeues.pop((queue_type, queue_id), None)

    def doubt_others(self, queue_type: str, queue_ids: Set[str], now: int) -> None:
        """Note that the counts of all other queues of a type may have been forgotten or not."""
        for counted in self._enqueues:
            if counted[0] == queue_type and counted[1] not in queue_ids | {None}:
                self._doubted[counted] = now + COUNTED_MINUTES * MINUTE

    def are_known(self, queue_type: str | None, queue_id: str | None, now: int) -> bool:
        """Return whether the counts that a look must find are known."""
        return self._doubted.get((queue_type, queue_id), now) <= now

    def expected(self, queue_type: str | None, queue_id: str | None, now: int) -> MinuteCounts:
        """Return what a look at `now` (ms) must find."""
        counted = (queue_type, queue_id)
        enqueues = self._enqueues.get(counted, Counter())
        dequeues = self._dequeues.get(counted, Counter())
        minutes = counted_minutes(now)
        return MinuteCounts(
            {minute: enqueues[minute] for minute in minutes},
            {minute: dequeues[minute] for minute in minutes},
        )


def _count(counts: dict[Counted, Counter[int]], queue_type: str, queue_id: str, now: int) -> None:
    for counted in ((queue_type, queue_id), (queue_type, None), (None, None)):
        counts.setdefault(counted, Counter())[now - now % MINUTE] += 1
