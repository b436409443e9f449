"""Some queues of a type, in the order of the line."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from sharq_memory.queue import Queue


class NamedQueues:
    """The queues that a take names, by their places, which serving them moves back."""

    __slots__ = ("_places",)

    def __init__(self, queues: Iterable[Queue]) -> None:
        self._places = [
            (*queue.place(), queue) for queue in queues if queue.ready_since is not None
        ]
        heapify(self._places)

    def first(self, now: int) -> Queue | None:
        """Return the queue to serve at `now` (ms), if one is ready."""
        while self._places:
            ready_since, number, queue = self._places[0]
            if queue.ready_since is not None and queue.place() == (ready_since, number):
                return queue if ready_since <= now else None
            heappop(self._places)
            if queue.ready_since is not None:
                heappush(self._places, (*queue.place(), queue))
        return None
