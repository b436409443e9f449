"""Queues without jobs, until nobody asks for their debts and their counts any more."""

from math import inf

from sortedcontainers import SortedList

from sharq_memory.holds import owes_until
from sharq_memory.queue import Queue
from sharq_plug.model import NO_SETTINGS


class Forgetting:
    """Queues that ceased to exist, by when to look at them again.

    Most are back before that, so an entry stays when its queue exists again.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries = SortedList()  # (an instant, queue id, Queue)

    def add(self, queue: Queue) -> float:
        """Have `queue` looked at as soon as it may be forgotten; return when (ms).

        A queue with settings of its own is not forgotten.
        """
        instant = forgotten_from(queue)
        if queue.looked_at is not None:
            if queue.looked_at <= instant:
                return queue.looked_at
            self.entries.remove((queue.looked_at, queue.queue_id, queue))
        if instant < inf:
            self.list(queue, int(instant))
        return instant

    def list(self, queue: Queue, instant: int) -> None:
        """Have `queue`, which is not listed, looked at at an instant (ms)."""
        self.entries.add((instant, queue.queue_id, queue))
        queue.looked_at = instant

    def due(self) -> float:
        """Return the instant (ms) at which there is a queue to be looked at."""
        return self.entries[0][0] if self.entries else inf

    def next(self, now: int) -> Queue | None:
        """Look at the first queue; return it if it can be forgotten at `now` (ms)."""
        _, _, queue = self.entries.pop(0)
        queue.looked_at = None
        if queue.jobs:
            return None
        if forgotten_from(queue) > now:
            self.add(queue)
            return None
        forgotten: Queue = queue
        return forgotten


def forgotten_from(queue: Queue) -> float:
    """Return the instant (ms) from which on nobody asks for `queue` if it has no jobs."""
    if queue.terms is not None and queue.terms.settings != NO_SETTINGS:
        return inf
    return max(owes_until(queue), queue.tally.counts_until)
