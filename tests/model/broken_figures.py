"""Memory stores that are broken on purpose, one fault each: figures, and times that are told."""

from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    Delivery,
    Ended,
    KnownTypes,
    Listing,
    Page,
    Settled,
    Settlement,
    TypeFigures,
)


class LeasesAreHeldTooLong(TypeState):
    """A lease that ends is told to have been held 1 ms longer than it was."""

    def settle(self, item: Settlement, now: int) -> Settled:
        settled = super().settle(item, now)
        return Ended(settled.held + 1) if isinstance(settled, Ended) else settled


class DueTimesAreForgotten(TypeState):
    """A job that was delayed is delivered as if it had not been."""

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        return replace(super()._serve(queue, lease_time, call), due_at=None)


class FiguresForgetTheGate(TypeState):
    """Queues count as ready while the gate of their type is closed."""

    def figures(self, now: int) -> TypeFigures:
        ready = self.view(now).ready_queues
        return replace(super().figures(now), ready_queues=ready)


class EndedTypesAreUnknown(MemoryStore):
    """A type is not known any more once its last queue and letter are gone."""

    async def page(
        self,
        queue_type: str | None,
        listing: Listing,
        *,
        cursor: str | None = None,
        limit: int,
    ) -> Page:
        page = await super().page(queue_type, listing, cursor=cursor, limit=limit)
        if not isinstance(listing, KnownTypes):
            return page
        types = self._machine.types
        left = [name for name in page.items if types[str(name)].existing or types[str(name)].dead]
        return replace(page, items=tuple(left))
