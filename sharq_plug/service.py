"""What the server does with a store: defaults, bounds, single outcomes as errors."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from sharq_plug.calls import StoreCalls
from sharq_plug.errors import BrokenQueue, QueueFull, StaleLease
from sharq_plug.model import (
    Cleared,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Page,
    QueueMetrics,
    check_interval,
    check_name,
)
from sharq_plug.passes import ReclaimPasses
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

LISTING_STEP = 1000


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What holds for every queue of a server.

    `lease` is how long (ms) a dequeued job is a worker's; `reclaim_interval` the time (ms)
    between two reclaim passes, of which this process runs none unless `reclaim`;
    `default_requeue_limit` goes for jobs that bring no limit of their own. Past `max_in_flight`
    store calls at a time, requests are refused.
    """

    lease: int = 60_000
    reclaim_interval: int = 1000
    default_requeue_limit: int = -1
    reclaim: bool = True
    max_in_flight: int = 1000


class QueueService:
    """Serve single requests from an open store. Use it as an async context manager.

    A call runs to its end even if its caller is cancelled.
    """

    def __init__(self, store: QueueStore, options: ServiceOptions | None = None) -> None:
        self._store = store
        self._options = options or ServiceOptions()
        self._calls = StoreCalls(
            store, lease=self._options.lease, max_in_flight=self._options.max_in_flight
        )
        self._passes = ReclaimPasses(store, self._options.reclaim_interval)

    async def __aenter__(self) -> Self:
        """Start the reclaim passes, if this process is to run them."""
        if self._options.reclaim:
            self._passes.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the passes, and let store calls end whose callers are gone."""
        await self._passes.stop()
        await self._calls.close()

    async def enqueue(
        self,
        queue_type: str,
        queue_id: str,
        *,
        job_id: str,
        interval: int,
        payload: bytes,
        requeue_limit: int | None = None,
        max_queued_length: int | None = None,
    ) -> EnqueueResult:
        """Put one job into a queue.

        Raises InvalidRequest, QueueFull, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        if requeue_limit is None:
            requeue_limit = self._options.default_requeue_limit
        job = NewJob(queue_id, job_id, payload, interval, requeue_limit, max_queued_length)
        result = await self._calls.enqueue(queue_type, job)
        if result.outcome is EnqueueOutcome.BROKEN:
            raise BrokenQueue(queue_id)
        if result.outcome is EnqueueOutcome.QUEUE_FULL:
            raise QueueFull(result.queue_length or 0)
        return result

    async def dequeue(self, queue_type: str, *, attempt_id: str | None = None) -> Dequeued:
        """Lease the next ready job of a type; with `attempt_id` the call may be repeated.

        A caller that is cancelled meanwhile has its job handed back, unless it can repeat.
        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        if attempt_id is None:
            return await self._calls.dequeue(queue_type)
        check_name("attempt_id", attempt_id)
        return await self._calls.repeatable_dequeue(queue_type, attempt_id)

    async def finish(
        self, queue_type: str, queue_id: str, job_id: str, *, token: str | None = None
    ) -> bool:
        """End a lease, the job done; False if there is no such job, or no lease of it.

        Raises InvalidRequest, StaleLease, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        outcome = await self._calls.finish(queue_type, LeaseRef(queue_id, job_id, token))
        if outcome is LeaseOutcome.BROKEN:
            raise BrokenQueue(queue_id)
        if outcome is LeaseOutcome.STALE:
            raise StaleLease
        return outcome is LeaseOutcome.ENDED

    def hand_back(self, queue_type: str, jobs: Sequence[LeasedJob]) -> None:
        """Release jobs that never reached their worker; do not wait for it.

        If it fails, the jobs come back when their leases expire.
        """
        self._calls.hand_back(queue_type, jobs)

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change a queue's interval (ms); False if the queue does not exist.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        check_interval(interval)
        return await self._calls.alone(self._store.set_interval(queue_type, queue_id, interval))

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` also its dead letters and counts.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        return await self._calls.alone(self._store.clear(queue_type, queue_id, purge=purge))

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return a queue's lengths and counts.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        return await self._calls.alone(self._store.queue_metrics(queue_type, queue_id))

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type or of everything.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        if queue_type is not None:
            check_name("queue_type", queue_type)
        return await self._calls.alone(self._store.counts(queue_type))

    async def queue_types(self) -> list[str]:
        """List every type that has a queue, in bounded steps.

        Raises Overloaded, StoreUnavailable.
        """
        return await self._gathered(self._store.queue_types)

    async def queue_ids(self, queue_type: str) -> list[str]:
        """List every queue of a type, in bounded steps.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)

        return await self._gathered(partial(self._store.queue_ids, queue_type))

    async def ping(self) -> None:
        """Make a round trip to the store. Raises StoreUnavailable."""
        await self._store.ping()

    async def reclaim_pass(self) -> bool:
        """Reclaim what has expired, on every type; True if there is more to do at once.

        Raises the first failure, when all is done.
        """
        return await self._passes.once()

    async def _gathered(self, step: Callable[..., Coroutine[Any, Any, Page]]) -> list[str]:
        names: dict[str, None] = {}
        cursor: str | None = None
        while True:
            page = await self._calls.alone(step(cursor=cursor, limit=LISTING_STEP))
            names.update(dict.fromkeys(page.names))
            cursor = page.cursor
            if cursor is None:
                return list(names)
