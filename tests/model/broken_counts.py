"""Memory stores and states that are broken on purpose, one fault each: counts and listings."""

from collections.abc import Sequence

from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_memory.tally import Tally
from sharq_plug.model import (
    Clear,
    Cleared,
    Delivery,
    EnqueueOutcome,
    EnqueueResult,
    Listing,
    MinuteCounts,
    Names,
    NewJob,
    Page,
    QueueView,
    View,
)


class RefusalIsCounted(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is EnqueueOutcome.QUEUE_FULL and queue is not None:
            queue.tally.add_enqueues(now, 1)
        return result


class RedeliveryIsNotCounted(TypeState):
    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        job = super()._serve(queue, lease_time, call)
        if job.attempt > 1:
            queue.tally.add_dequeues(call.now, -1)
        return job


class OldestMinuteIsLost(TypeState):
    def look(self, queue_id: str | None, now: int) -> View:
        metrics = super().look(queue_id, now)
        oldest = min(metrics.counts.enqueues)
        return replace(
            metrics,
            counts=MinuteCounts(
                {**metrics.counts.enqueues, oldest: 0}, {**metrics.counts.dequeues, oldest: 0}
            ),
        )


class LengthCountsTheJobItself(TypeState):
    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        job = super()._serve(queue, lease_time, call)
        return replace(job, queue_length=job.queue_length + 1)


class ExpiredLeasesAreNotLeased(TypeState):
    def view_of(self, queue_id: str, now: int) -> QueueView:
        view = super().view_of(queue_id, now)
        queue = self.queues.get(queue_id)
        leases = () if queue is None else queue.leases or ()
        expired = sum(expires_at <= now for expires_at, *_ in leases)
        return replace(view, leased=view.leased - expired)


class PurgeTakesTheCountsOfItsType(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        if what.counts:
            self.tally = Tally()
        return super().clear(what, cursor, limit, now)


class BatchIsCountedOnce(MemoryStore):
    """In the counts of everything."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        results = await super().enqueue(queue_type, jobs)
        queued = sum(result.outcome is EnqueueOutcome.QUEUED for result in results)
        if queued > 1:
            self._machine.tally.add_enqueues(self._clock.now(), 1 - queued)
        return results


class BrokenListing(MemoryStore):
    """For a store that lists the names of a type, or of the types, in a wrong way."""

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        page = await super().page(queue_type, listing, cursor=cursor, limit=limit)
        if not isinstance(listing, Names):
            return page
        if queue_type is None:
            return self._listed_types(page)
        state = self._machine.types.get(queue_type) or TypeState(queue_type)
        return self._listed(state, page, cursor, limit)

    def _listed(self, state: TypeState, page: Page, cursor: str | None, limit: int) -> Page:
        """Return the page of a type's queues."""
        return page

    def _listed_types(self, page: Page) -> Page:
        """Return the page of the types."""
        return page


class LeasedQueuesAreNotListed(BrokenListing):
    def _listed(self, state: TypeState, page: Page, cursor: str | None, limit: int) -> Page:
        names = tuple(name for name in page.items if state.queues[name].waiting)
        return replace(page, items=names)


class TypesOfLeasesOnlyAreNotListed(BrokenListing):
    def _listed_types(self, page: Page) -> Page:
        types = self._machine.types
        return replace(page, items=tuple(name for name in page.items if types[name].line.places))


class QueuesThatWentAreListed(BrokenListing):
    def _listed(self, state: TypeState, page: Page, cursor: str | None, limit: int) -> Page:
        gone = [name for name, queue in state.queues.items() if not queue.jobs]
        return replace(page, items=(*page.items, *gone[: 2 * limit - len(page.items)]))


class StepLeavesAQueueOut(BrokenListing):
    """Each step of a listing but the first begins a queue too late."""

    def _listed(self, state: TypeState, page: Page, cursor: str | None, limit: int) -> Page:
        return page if cursor is None else replace(page, items=page.items[1:])
