"""Which queue has the lease that expires first."""

from math import inf

from sharq_memory.places import Places
from sharq_memory.queue import Queue


class Expiring:
    """The queues that have leases, each by its first expiry."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries = Places()  # (first expiry, queue id, Queue)

    def list(self, queue: Queue, first: int | None) -> None:
        """List `queue` under the first expiry (ms) of its leases, if it has any."""
        if queue.expiring is not None:
            self.entries.remove(queue.expiring, queue.queue_id, queue)
        if first is not None:
            self.entries.append((first, queue.queue_id, queue))
        queue.expiring = first

    def first_expired(self, now: int) -> Queue | None:
        """Return the queue whose lease expired first, if one has expired at `now` (ms)."""
        first = self.entries.first()
        return None if first is None or first[0] > now else first[2]

    def due(self) -> float:
        """Return the instant (ms) at which the first lease expires."""
        first = self.entries.first()
        return inf if first is None else first[0]
