"""What the server does with a store: defaults, bounds, single outcomes as errors."""

import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from sharq_plug.arrivals import Arrivals
from sharq_plug.calls import StoreCalls
from sharq_plug.deadlines import Deadlines
from sharq_plug.errors import (
    BrokenQueue,
    ConfigError,
    QueueFull,
    SharqError,
    StaleLease,
    StoreUnavailable,
)
from sharq_plug.first_contact import FirstContact
from sharq_plug.long_polls import LongPolls
from sharq_plug.model import (
    MAX_BATCH,
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
    check_integer,
    check_interval,
    check_name,
)
from sharq_plug.passes import ReclaimPasses
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

LISTING_STEP = 1000
MAX_WAIT = 60_000
"""ms that a dequeue may wait for a job."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What holds for every queue of a server.

    `lease` is how long (ms) a dequeued job is a worker's; `reclaim_interval` the time (ms)
    between two reclaim passes, of which this process runs none unless `reclaim`;
    `default_requeue_limit` goes for jobs that bring no limit of their own. Past `max_in_flight`
    store calls at a time, requests are refused. With `says_contact` this process logs whether the
    store answers at the start, and how it is weak: one of several does.
    """

    lease: int = 60_000
    reclaim_interval: int = 1000
    default_requeue_limit: int = -1
    reclaim: bool = True
    max_in_flight: int = 1000
    says_contact: bool = False


class QueueService:
    """Serve single requests from an open store. Use it as an async context manager.

    A call runs to its end even if its caller is cancelled. Every caller is answered within 5 s
    beyond what it waits for a job; the jobs of an answer that comes later are handed back.
    """

    def __init__(self, store: QueueStore, options: ServiceOptions | None = None) -> None:
        self._store = store
        self._options = options or ServiceOptions()
        self._deadlines = Deadlines()
        arrivals = Arrivals()
        self._calls = StoreCalls(
            store,
            lease=self._options.lease,
            max_in_flight=self._options.max_in_flight,
            arrivals=arrivals,
            deadlines=self._deadlines,
        )
        self._long_polls = LongPolls(
            store,
            lease=self._options.lease,
            hand_back=self._calls.hand_back,
            arrivals=arrivals,
            deadlines=self._deadlines,
        )
        self._passes = ReclaimPasses(store, self._options.reclaim_interval)
        self._first_contact = FirstContact(
            store, says=self._options.says_contact, then=self._start_passes
        )

    async def __aenter__(self) -> Self:
        """Have the reclaim passes start once the store answers, if this process is to run them."""
        if self._options.reclaim or self._options.says_contact:
            self._first_contact.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the passes, and let store calls end whose callers are gone."""
        await self._first_contact.stop()
        await self._passes.stop()
        await self._long_polls.close()
        await self._calls.close()
        self._deadlines.close()

    def new_job(
        self,
        queue_id: str,
        *,
        job_id: str,
        interval: int,
        payload: bytes,
        requeue_limit: int | None = None,
        max_queued_length: int | None = None,
    ) -> NewJob:
        """Return a job, with this server's requeue limit if it brings none.

        Raises InvalidRequest.
        """
        if requeue_limit is None:
            requeue_limit = self._options.default_requeue_limit
        return NewJob(queue_id, job_id, payload, interval, requeue_limit, max_queued_length)

    async def enqueue(self, queue_type: str, job: NewJob) -> EnqueueResult:
        """Put one job into its queue.

        Raises InvalidRequest, QueueFull, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        result = _enqueued(job, await self._calls.enqueue(queue_type, job))
        if isinstance(result, SharqError):
            raise result
        return result

    async def enqueue_all(
        self, queue_type: str, jobs: Sequence[NewJob]
    ) -> list[EnqueueResult | SharqError]:
        """Put up to 1000 jobs into their queues.

        Return for each, in order, its result, or the error that `enqueue` would raise for it.
        Raises InvalidRequest, Overloaded, StoreUnavailable for all.
        """
        check_name("queue_type", queue_type)
        results = await self._calls.enqueue_all(queue_type, jobs) if jobs else []
        return [_enqueued(*pair) for pair in zip(jobs, results, strict=True)]

    async def dequeue(
        self, queue_type: str, *, count: int = 1, wait: int = 0, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` (1 to 1000) ready jobs of a type.

        If none is ready, wait up to `wait` ms (to 60 000) for the first. With `attempt_id` the
        call may be repeated. A caller that is cancelled meanwhile, or that was not answered in
        time, has its jobs handed back, unless it can repeat. Raises InvalidRequest, Overloaded,
        StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        check_integer("count", count, 1, MAX_BATCH)
        check_integer("wait", wait, 0, MAX_WAIT)
        if attempt_id is not None:
            check_name("attempt_id", attempt_id)
        if not wait or self._long_polls.ended:
            return await self._dequeue_now(queue_type, count, attempt_id)
        if attempt_id is not None:
            started = time.monotonic()
            dequeued = await self._dequeue_now(queue_type, count, attempt_id)
            wait -= int((time.monotonic() - started) * 1000)
            if dequeued.jobs or wait <= 0:
                return dequeued
        return await self._long_polls.dequeue(
            queue_type, count=count, wait=wait, attempt_id=attempt_id
        )

    async def finish(self, queue_type: str, lease: LeaseRef) -> bool:
        """End a lease, the job done; False if there is no such job, or no lease of it.

        Raises InvalidRequest, StaleLease, Overloaded, StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        ended = _finished(lease, await self._calls.finish(queue_type, lease))
        if isinstance(ended, SharqError):
            raise ended
        return ended

    async def finish_all(
        self, queue_type: str, leases: Sequence[LeaseRef]
    ) -> list[bool | SharqError]:
        """End up to 1000 leases, their jobs done.

        Return for each, in order, what `finish` would return or raise. Raises InvalidRequest,
        Overloaded, StoreUnavailable for all.
        """
        check_name("queue_type", queue_type)
        outcomes = await self._calls.finish_all(queue_type, leases) if leases else []
        return [_finished(*pair) for pair in zip(leases, outcomes, strict=True)]

    def end_waits(self) -> None:
        """Answer every dequeue that waits; those that still come do not wait."""
        self._long_polls.end()

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
        """Make sure that a dequeue and a finish can run. Raises StoreUnavailable if not."""
        try:
            await self._calls.unbounded(self._store.ping())
        except ConfigError as error:  # why is for the log, which has it since the start
            raise StoreUnavailable(str(error), public="The store cannot be used.") from error

    async def reclaim_pass(self) -> bool:
        """Reclaim what has expired, on every type; True if there is more to do at once.

        Raises the first failure, when all is done.
        """
        return await self._passes.once()

    def _start_passes(self) -> None:
        if self._options.reclaim:
            self._passes.start()

    async def _dequeue_now(self, queue_type: str, count: int, attempt_id: str | None) -> Dequeued:
        if count == 1 and attempt_id is None:
            return await self._calls.dequeue(queue_type)
        return await self._calls.dequeue_all(queue_type, count=count, attempt_id=attempt_id)

    async def _gathered(self, step: Callable[..., Coroutine[Any, Any, Page]]) -> list[str]:
        names: dict[str, None] = {}
        cursor: str | None = None
        while True:
            page = await self._calls.alone(step(cursor=cursor, limit=LISTING_STEP))
            names.update(dict.fromkeys(page.names))
            cursor = page.cursor
            if cursor is None:
                return list(names)


def _enqueued(job: NewJob, result: EnqueueResult) -> EnqueueResult | SharqError:
    if result.outcome is EnqueueOutcome.BROKEN:
        return BrokenQueue(job.queue_id)
    if result.outcome is EnqueueOutcome.QUEUE_FULL:
        return QueueFull(result.queue_length or 0)
    return result


def _finished(lease: LeaseRef, outcome: LeaseOutcome) -> bool | SharqError:
    if outcome is LeaseOutcome.BROKEN:
        return BrokenQueue(lease.queue_id)
    if outcome is LeaseOutcome.STALE:
        return StaleLease()
    return outcome is LeaseOutcome.ENDED
