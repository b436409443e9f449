"""All queues of one type: every verb of the contract, item by item."""

from sharq_memory.amending import Amending
from sharq_memory.clearing import Clearing
from sharq_memory.configuring import Configuring
from sharq_memory.dequeuing import Dequeuing
from sharq_memory.listing import Paging
from sharq_memory.settling import Settling
from sharq_memory.tally import Tally
from sharq_plug.model import View


class TypeState(Dequeuing, Settling, Amending, Configuring, Clearing, Paging):
    """Every verb for one queue type, one item at a time at an instant `now` (ms)."""

    def look(self, queue_id: str | None, now: int) -> View:
        """Return what there is in one queue, or in all together."""
        if queue_id is None:
            return View(
                self.tally.counts(now),
                type=self.view(now),
                totals=self.totals.totals(now),
                rules=self.type_rules(now),
            )
        queue = self.queues.get(queue_id)
        tally = Tally() if queue is None else queue.tally
        return View(
            tally.counts(now), queue=self.view_of(queue_id, now), rules=self.rules_of(queue_id, now)
        )
