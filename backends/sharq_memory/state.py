"""All queues of one type: every verb of the contract, item by item."""

from typing import assert_never

from sharq_memory.amending import Amending
from sharq_memory.dequeuing import Dequeuing
from sharq_memory.enqueueing import Enqueueing
from sharq_memory.limits import paid_at
from sharq_memory.queue import Queue
from sharq_memory.settling import Settling
from sharq_memory.tally import Tally
from sharq_plug.model import ChangeOutcome, Cleared, SetInterval, Setting, View


class TypeState(Enqueueing, Dequeuing, Settling, Amending):
    """Every verb for one queue type, one item at a time at an instant `now` (ms)."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        """Change what is set for a queue that exists."""
        queue = self.queues.get(change.queue_id)
        if queue is None or not queue.jobs:
            return ChangeOutcome.UNKNOWN
        before = max(paid_at(queue), queue.ready_since or 0)
        match change:
            case SetInterval():
                queue.interval = change.interval
            case _:
                assert_never(change)
        self._changed(queue, now, before)
        return ChangeOutcome.CHANGED

    def clear(self, queue_id: str, now: int, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` all but its unpaid rate."""
        waiting = delayed = leased = 0
        queue = self.queues.get(queue_id)
        if queue is not None:
            waiting, leased = queue.waiting_at(now), queue.leased
            delayed = queue.unleased - waiting
            if purge:
                queue.tally = Tally()
            if queue.jobs:
                self.garbage.add(queue.jobs, queue.rest, queue.leases, queue.delayed, queue.ending)
                queue.jobs, queue.head, queue.rest, queue.leases = {}, None, None, None
                queue.delayed = queue.ending = None
                self._changed(queue, now)
            else:
                self._leave_behind(queue, now)
        dead = self.dead.pop(queue_id, ()) if purge else ()
        if dead or queue is not None:
            self.due = 0
        return Cleared(waiting, leased, len(dead), delayed)

    def look(self, queue_id: str, now: int) -> View:
        """Return what there is in one queue."""
        queue = self.queues.get(queue_id) or Queue(queue_id)
        dead = len(self.dead.get(queue_id, ()))
        waiting = queue.waiting_at(now)
        delayed = queue.unleased - waiting
        return View(queue.tally.counts(now), waiting, queue.leased, dead, delayed)
