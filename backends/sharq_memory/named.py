"""Some queues of a type, in the order of the line."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from sharq_memory.benches import Benches
from sharq_memory.holds import uses_of
from sharq_memory.queue import Queue


class NamedQueues:
    """The queues that a take names, by their places, which serving them moves back.

    Those that a shared limit holds are passed over: none opens while they are served.
    """

    __slots__ = ("_benches", "_places")

    def __init__(self, queues: Iterable[Queue], benches: Benches) -> None:
        self._benches = benches
        self._places = [
            (*queue.place(), queue) for queue in queues if queue.ready_since is not None
        ]
        heapify(self._places)

    def first(self, now: int) -> Queue | None:
        """Return the queue to serve at `now` (ms), if one is ready."""
        while self._places:
            ready_since, number, queue = self._places[0]
            is_there = queue.ready_since is not None and queue.place() == (ready_since, number)
            if is_there and ready_since > now:
                return None
            if is_there and self._benches.are_open(uses_of(queue), now):
                return queue
            heappop(self._places)
            if not is_there and queue.ready_since is not None:
                heappush(self._places, (*queue.place(), queue))
        return None
