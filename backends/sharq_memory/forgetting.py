"""Queues without jobs, until nobody asks for their rate and their counts any more."""

from sortedcontainers import SortedList

from sharq_memory.queue import Queue


class Forgetting:
    """Queues that ceased to exist, by when to look at them again.

    Most are back before that, so an entry stays when its queue exists again.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries = SortedList()  # (an instant, queue id, Queue)

    def add(self, queue: Queue) -> None:
        """See to it that `queue` is looked at as soon as it may be forgotten."""
        instant = queue.forgotten_from
        if queue.looked_at is not None:
            if queue.looked_at <= instant:
                return
            self.entries.remove((queue.looked_at, queue.queue_id, queue))
        self.entries.add((instant, queue.queue_id, queue))
        queue.looked_at = instant

    def is_due(self, now: int) -> bool:
        """Return whether there is a queue to be looked at."""
        return bool(self.entries) and self.entries[0][0] <= now

    def next(self, now: int) -> Queue | None:
        """Look at the first queue; return it if it can be forgotten at `now` (ms)."""
        _, _, queue = self.entries.pop(0)
        queue.looked_at = None
        if queue.jobs:
            return None
        if queue.forgotten_from > now:
            self.add(queue)
            return None
        found: Queue = queue
        return found
