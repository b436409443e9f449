"""All queues of one type: every verb of the contract, item by item."""

from typing import assert_never

from sharq_memory.amending import Amending
from sharq_memory.clearing import Clearing
from sharq_memory.dequeuing import Dequeuing
from sharq_memory.limits import paid_at
from sharq_memory.listing import Paging
from sharq_memory.settling import Settling
from sharq_memory.tally import Tally
from sharq_plug.model import ChangeOutcome, SetInterval, Setting, View


class TypeState(Dequeuing, Settling, Amending, Clearing, Paging):
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

    def look(self, queue_id: str | None, now: int) -> View:
        """Return what there is in one queue, or in all together."""
        if queue_id is None:
            return View(self.tally.counts(now), type=self.view(now), totals=self.totals.totals(now))
        queue = self.queues.get(queue_id)
        tally = Tally() if queue is None else queue.tally
        return View(tally.counts(now), queue=self.view_of(queue_id, now))
