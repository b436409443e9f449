"""What the server does with a store: defaults, bounds, single outcomes as errors."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from sharq_plug.errors import Overloaded, QueueFull, StaleLease
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
    receipt_time,
)
from sharq_plug.passes import ReclaimPasses
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

LISTING_STEP = 1000
CLOSE_TIMEOUT = 5.0
"""Seconds that closing waits for store calls whose callers are gone."""


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
        self._tasks: set[asyncio.Task[Any]] = set()
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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self._tasks:  # the end of one may start another, to hand its jobs back
                    await asyncio.wait(self._tasks)

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
        [result] = await self._shielded(self._store.enqueue(queue_type, [job]))
        if result.outcome is EnqueueOutcome.QUEUE_FULL:
            raise QueueFull(result.queue_length or 0)
        return result

    async def dequeue(
        self, queue_type: str, *, count: int = 1, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` ready jobs of a type; with `attempt_id` the call may be repeated.

        A caller that is cancelled meanwhile has its jobs handed back, unless it can repeat.
        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        if attempt_id is not None:
            check_name("attempt_id", attempt_id)
        lease = self._options.lease
        call = self._admitted(
            self._store.dequeue(queue_type, count=count, lease=lease, attempt_id=attempt_id)
        )
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            if attempt_id is None:
                call.add_done_callback(self._hand_back_result(queue_type))
            raise

    async def finish(
        self, queue_type: str, queue_id: str, job_id: str, *, token: str | None = None
    ) -> bool:
        """End a lease, the job done; False if there is no such job, or no lease of it.

        Raises InvalidRequest, StaleLease, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        lease = LeaseRef(queue_id, job_id, token)
        kept = receipt_time(self._options.lease)
        [outcome] = await self._shielded(self._store.finish(queue_type, [lease], receipt_time=kept))
        if outcome is LeaseOutcome.STALE:
            raise StaleLease
        return outcome is LeaseOutcome.ENDED

    def hand_back(self, queue_type: str, jobs: Sequence[LeasedJob]) -> None:
        """Release jobs that never reached their worker; do not wait for it.

        If it fails, the jobs come back when their leases expire.
        """
        if jobs:
            leases = [LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs]
            task = self._start(self._store.release(queue_type, leases))
            task.add_done_callback(_log_failed_hand_back)

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change a queue's interval (ms); False if the queue does not exist.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        check_interval(interval)
        return await self._shielded(self._store.set_interval(queue_type, queue_id, interval))

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` also its dead letters and counts.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        return await self._shielded(self._store.clear(queue_type, queue_id, purge=purge))

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return a queue's lengths and counts.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        return await self._shielded(self._store.queue_metrics(queue_type, queue_id))

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type or of everything.

        Raises InvalidRequest, Overloaded, StoreUnavailable.
        """
        if queue_type is not None:
            check_name("queue_type", queue_type)
        return await self._shielded(self._store.counts(queue_type))

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

    def _start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # if its caller is gone, nobody else looks at it

    def _admitted(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        if len(self._tasks) >= self._options.max_in_flight:
            call.close()
            raise Overloaded
        return self._start(call)

    async def _shielded(self, call: Coroutine[Any, Any, T]) -> T:
        return await asyncio.shield(self._admitted(call))

    async def _gathered(self, step: Callable[..., Coroutine[Any, Any, Page]]) -> list[str]:
        names: dict[str, None] = {}
        cursor: str | None = None
        while True:
            page = await self._shielded(step(cursor=cursor, limit=LISTING_STEP))
            names.update(dict.fromkeys(page.names))
            cursor = page.cursor
            if cursor is None:
                return list(names)

    def _hand_back_result(self, queue_type: str) -> Callable[[asyncio.Task[Dequeued]], None]:
        def hand_back(call: asyncio.Task[Dequeued]) -> None:
            if not call.cancelled() and call.exception() is None:
                self.hand_back(queue_type, call.result().jobs)

        return hand_back


def _log_failed_hand_back(task: asyncio.Task[list[LeaseOutcome]]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.warning("jobs could not be handed back, they wait for expiry: %s", task.exception())
