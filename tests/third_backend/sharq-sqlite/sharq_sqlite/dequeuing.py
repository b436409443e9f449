"""A dequeue: what its takes share."""

from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    MAX_ENDED,
    Delivery,
    Dequeued,
    EndedLease,
    Take,
)
from sharq_sqlite.items import Items


class Dequeue:
    """One call. Its takes share its bounds: bytes of payload, and expired leases that it ends."""

    def __init__(self, items: Items, queue_type: str, now: int) -> None:
        self._items = items
        self._type = queue_type
        self._now = now
        self._size = 0
        self._ended = 0
        self._is_full = False

    def take(self, take: Take) -> Dequeued:
        """Serve one take."""
        if take.attempt_id is not None:
            repeated = self._items.repeat(self._type, take.attempt_id, self._now)
            if repeated:
                return Dequeued(tuple(repeated), now=self._now, is_repeated=True)
        jobs: list[Delivery] = []
        ended: list[EndedLease] = []
        self._serve(jobs, take)
        if len(jobs) < take.count and not self._is_full:
            ended = self._items.end_leases(self._now, MAX_ENDED - self._ended, self._type)
            self._ended += len(ended)
            self._serve(jobs, take)
        if take.attempt_id is not None:
            self._items.remember(self._type, take.attempt_id, jobs)
        is_short = len(jobs) < take.count
        ready_at = self._items.next_ready_at(self._type, self._now) if is_short else None
        return Dequeued(tuple(jobs), self._now, ready_at, tuple(ended))

    def _serve(self, jobs: list[Delivery], take: Take) -> None:
        """Add deliveries to `jobs`, each from the first ready queue in line."""
        while len(jobs) < take.count and not self._is_full:
            queue = self._items.first_ready(self._type, self._now)
            if queue is None:
                return
            size = self._size + self._items.next_size(queue)
            self._is_full = self._size > 0 and size > MAX_DEQUEUE_BYTES
            if not self._is_full:
                self._size = size
                jobs.append(self._items.serve(queue, take.lease_time, self._now))
