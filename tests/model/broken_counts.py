"""Memory stores and states that are broken on purpose, one fault each: counts and listings."""

from collections.abc import Sequence

from msgspec.structs import replace

from sharq_memory.call import DequeueCall
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_memory.tally import Tally
from sharq_plug.model import (
    Cleared,
    Delivery,
    EnqueueOutcome,
    EnqueueResult,
    MinuteCounts,
    NewJob,
    Page,
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
    def look(self, queue_id: str, now: int) -> View:
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
    def look(self, queue_id: str, now: int) -> View:
        metrics = super().look(queue_id, now)
        queue = self.queues.get(queue_id)
        leases = () if queue is None else queue.leases or ()
        expired = sum(expires_at <= now for expires_at, *_ in leases)
        return replace(metrics, leased=metrics.leased - expired)


class PurgeTakesTheCountsOfItsType(TypeState):
    def clear(self, queue_id: str, now: int, *, purge: bool) -> Cleared:
        if purge:
            self.tally = Tally()
        return super().clear(queue_id, now, purge=purge)


class BatchIsCountedOnce(MemoryStore):
    """In the counts of everything."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        results = await super().enqueue(queue_type, jobs)
        queued = sum(result.outcome is EnqueueOutcome.QUEUED for result in results)
        if queued > 1:
            self._machine.tally.add_enqueues(self._clock.now(), 1 - queued)
        return results


class LeasedQueuesAreNotListed(MemoryStore):
    async def page(
        self, queue_type: str | None = None, *, cursor: str | None = None, limit: int
    ) -> Page:
        page = await super().page(queue_type, cursor=cursor, limit=limit)
        if queue_type is None:
            return page
        queues = (self._machine.types.get(queue_type) or TypeState(queue_type)).queues
        return replace(page, names=tuple(name for name in page.names if queues[name].waiting))


class TypesOfLeasesOnlyAreNotListed(MemoryStore):
    async def page(
        self, queue_type: str | None = None, *, cursor: str | None = None, limit: int
    ) -> Page:
        page = await super().page(queue_type, cursor=cursor, limit=limit)
        if queue_type is not None:
            return page
        return replace(
            page, names=tuple(name for name in page.names if self._machine.types[name].line.places)
        )


class QueuesThatWentAreListed(MemoryStore):
    async def page(
        self, queue_type: str | None = None, *, cursor: str | None = None, limit: int
    ) -> Page:
        if queue_type is None:
            return await super().page(cursor=cursor, limit=limit)
        queues = (self._machine.types.get(queue_type) or TypeState(queue_type)).queues
        names = tuple(name for name in queues if cursor is None or name > cursor)[:limit]
        return Page(names, names[-1] if len(names) == limit else None)


class StepLeavesAQueueOut(MemoryStore):
    """Each step of a listing but the first begins a queue too late."""

    async def page(
        self, queue_type: str | None = None, *, cursor: str | None = None, limit: int
    ) -> Page:
        page = await super().page(queue_type, cursor=cursor, limit=limit)
        if queue_type is None:
            return page
        return page if cursor is None else replace(page, names=page.names[1:])
