"""What the server does with a store: defaults, single outcomes as errors, reclaim passes."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from sharq_plug.errors import QueueFull, SharqError, StaleLease
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
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

LISTING_STEP = 1000
RECLAIM_LIMIT = 200
"""Leases that one store call reclaims: about 2 ms of Redis's time."""
RECLAIM_ROUNDS = 20
"""Calls on one type within a pass, before the types are listed anew."""
TYPES_AT_ONCE = 16
MAX_RETRY_DELAY = 1000
"""ms after which a pass that failed is tried again, at the latest."""
CLOSE_TIMEOUT = 5.0
"""Seconds that closing waits for store calls whose callers are gone."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What holds for every queue of a server.

    `lease` is how long (ms) a dequeued job is a worker's; `reclaim_interval` the time (ms)
    between two reclaim passes, of which this process runs none unless `reclaim`;
    `default_requeue_limit` goes for jobs that bring no limit of their own.
    """

    lease: int = 60_000
    reclaim_interval: int = 1000
    default_requeue_limit: int = -1
    reclaim: bool = True


class QueueService:
    """Serve single requests from an open store. Use it as an async context manager.

    A call that changes the store runs to its end even if its caller is cancelled.
    """

    def __init__(self, store: QueueStore, options: ServiceOptions | None = None) -> None:
        self._store = store
        self._options = options or ServiceOptions()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._passes: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the reclaim passes, if this process is to run them."""
        if self._options.reclaim:
            self._passes = asyncio.create_task(self._run_passes(), name="reclaim passes")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the passes, and let store calls end whose callers are gone."""
        if self._passes is not None:
            self._passes.cancel()
            await asyncio.gather(self._passes, return_exceptions=True)
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

        Raises InvalidRequest, QueueFull, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        if requeue_limit is None:
            requeue_limit = self._options.default_requeue_limit
        job = NewJob(queue_id, job_id, payload, interval, requeue_limit, max_queued_length)
        [result] = await self._shielded(self._store.enqueue(queue_type, [job]))
        if result.outcome is EnqueueOutcome.QUEUE_FULL:
            raise QueueFull(result.queue_length or 0)
        return result

    async def dequeue(self, queue_type: str, *, count: int = 1) -> Dequeued:
        """Lease up to `count` ready jobs of a type.

        A caller that is cancelled meanwhile has its jobs handed back. Raises InvalidRequest,
        StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        call = self._start(self._store.dequeue(queue_type, count=count, lease=self._options.lease))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            call.add_done_callback(self._hand_back_result(queue_type))
            raise

    async def finish(
        self, queue_type: str, queue_id: str, job_id: str, *, token: str | None = None
    ) -> bool:
        """End a lease, the job done; False if there is no such job, or no lease of it.

        Raises InvalidRequest, StaleLease, StoreUnavailable.
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

        Raises InvalidRequest, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        check_interval(interval)
        return await self._shielded(self._store.set_interval(queue_type, queue_id, interval))

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` also its dead letters and counts.

        Raises InvalidRequest, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        return await self._shielded(self._store.clear(queue_type, queue_id, purge=purge))

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return a queue's lengths and counts. Raises InvalidRequest, StoreUnavailable."""
        check_name("queue_type", queue_type)
        check_name("queue_id", queue_id)
        return await self._store.queue_metrics(queue_type, queue_id)

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the counts of a type or of all. Raises InvalidRequest, StoreUnavailable."""
        if queue_type is not None:
            check_name("queue_type", queue_type)
        return await self._store.counts(queue_type)

    async def queue_types(self) -> list[str]:
        """List every type that has a queue, in bounded steps. Raises StoreUnavailable."""
        return await _gathered(self._store.queue_types)

    async def queue_ids(self, queue_type: str) -> list[str]:
        """List every queue of a type, in bounded steps.

        Raises InvalidRequest, StoreUnavailable.
        """
        check_name("queue_type", queue_type)

        async def step(*, cursor: str | None, limit: int) -> Page:
            return await self._store.queue_ids(queue_type, cursor=cursor, limit=limit)

        return await _gathered(step)

    async def ping(self) -> None:
        """Make a round trip to the store. Raises StoreUnavailable."""
        await self._store.ping()

    async def reclaim_pass(self) -> bool:
        """Reclaim what has expired, on every type; True if there is more to do at once.

        A type that fails stops no other. Raises the first failure, when all is done.
        """
        failures: list[BaseException] = []
        more = False
        await self._store.maintain()
        cursor: str | None = None
        while True:
            page = await self._store.known_types(cursor=cursor, limit=TYPES_AT_ONCE)
            for result in await asyncio.gather(
                *map(self._reclaim_type, page.names), return_exceptions=True
            ):
                if isinstance(result, BaseException):
                    failures.append(result)
                else:
                    more = more or result
            cursor = page.cursor
            if cursor is None:
                break
        if failures:
            raise failures[0]
        return more

    async def _reclaim_type(self, queue_type: str) -> bool:
        for _ in range(RECLAIM_ROUNDS):
            reclaimed = await self._store.reclaim(queue_type, limit=RECLAIM_LIMIT)
            if not reclaimed.more:
                return False
        return True

    async def _run_passes(self) -> None:
        interval = self._options.reclaim_interval
        failing = False
        while True:
            delay = interval
            try:
                if await self.reclaim_pass():
                    delay = 0
                if failing:
                    logger.warning("reclaim passes work again")
                failing = False
            except Exception as error:  # whatever it is, the next pass must come
                if not failing:
                    unexpected = None if isinstance(error, SharqError) else error
                    logger.warning("a reclaim pass failed: %s", error, exc_info=unexpected)
                failing = True
                delay = min(interval, MAX_RETRY_DELAY)
            await asyncio.sleep(delay / 1000)

    def _start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _shielded(self, call: Coroutine[Any, Any, T]) -> T:
        return await asyncio.shield(self._start(call))

    def _hand_back_result(self, queue_type: str) -> Callable[[asyncio.Task[Dequeued]], None]:
        def hand_back(call: asyncio.Task[Dequeued]) -> None:
            if not call.cancelled() and call.exception() is None:
                self.hand_back(queue_type, call.result().jobs)

        return hand_back


async def _gathered(step: Callable[..., Coroutine[Any, Any, Page]]) -> list[str]:
    names: dict[str, None] = {}
    cursor: str | None = None
    while True:
        page = await step(cursor=cursor, limit=LISTING_STEP)
        names.update(dict.fromkeys(page.names))
        cursor = page.cursor
        if cursor is None:
            return list(names)


def _log_failed_hand_back(task: asyncio.Task[list[LeaseOutcome]]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.warning("jobs could not be handed back, they wait for expiry: %s", task.exception())
