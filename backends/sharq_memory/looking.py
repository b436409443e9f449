"""Looks: what there is in a queue, or in all queues of a type together."""

from math import inf

from sharq_memory.kept import Kept
from sharq_memory.queue import Queue
from sharq_plug.model import QueueView, TypeView


class Looking(Kept):
    """How a queue and a type are looked at; nothing changes."""

    def view_of(self, queue_id: str, now: int) -> QueueView:
        """Return what there is in one queue."""
        queue = self.queues.get(queue_id) or Queue(queue_id)
        waiting, since = queue.waiting_at(now), queue.ready_since
        return QueueView(
            queue_id,
            waiting=waiting,
            leased=queue.leased,
            dead=self.dead.of_queue(queue_id),
            delayed=queue.unleased - waiting,
            ready_since=None if since is None or since > now else since,
            next_ready_at=at_or_after(now, queue.foreseen()),
        )

    def view(self, now: int) -> TypeView:
        """Return what there is in all queues together."""
        totals = self.totals
        since = self.line.ready_at()
        return TypeView(
            self.queue_type,
            waiting=totals.living - totals.leased - totals.delayed,
            leased=totals.leased,
            dead=len(self.dead),
            delayed=totals.delayed,
            queues=self.existing,
            ready_queues=self.line.ready_queues(now),
            ready_since=int(since) if since <= now else None,
            next_ready_at=at_or_after(now, min(since, self.expiring.due())),
        )


def at_or_after(now: int, foreseen: float) -> int | None:
    """Return the instant (ms) that is foreseen, or `now` if it is past; None if none is."""
    return max(now, int(foreseen)) if foreseen < inf else None
