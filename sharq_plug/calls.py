"""The way from single requests to the store: shared calls, a bound, callers that go away."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from sharq_plug.arrivals import Arrivals
from sharq_plug.batching import Again, Batcher, Bounds
from sharq_plug.deadlines import Deadlines
from sharq_plug.errors import Overloaded, StoreUnavailable
from sharq_plug.model import (
    Dequeued,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    receipt_time,
)
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

CLOSE_TIMEOUT = 5.0
"""Seconds that closing waits for store calls whose callers are gone."""
MAX_IDLE_BATCHERS = 1000
MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of payload that may be on their way into the store; one job may be, however large."""


class StoreCalls:
    """Call a store for single requests. Those of one verb and type that come together share a call.

    A call runs to its end even if its caller is cancelled. One that is not answered in time gets
    StoreUnavailable, and so does one whose turn has not come by then. Past `max_in_flight` callers
    at a time, or too many bytes of payload, most methods raise Overloaded. `lease` is in ms.
    """

    def __init__(
        self,
        store: QueueStore,
        *,
        lease: int,
        max_in_flight: int,
        arrivals: Arrivals,
        deadlines: Deadlines,
    ) -> None:
        self._store = store
        self._arrivals = arrivals
        self._deadlines = deadlines
        self._lease = lease
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._all_at_once = Bounds(items=max_in_flight)
        self._loop = asyncio.get_running_loop()
        self._bytes_in_flight = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._batchers: dict[tuple[str, str], Batcher[Any, Any]] = {}
        self._alone: dict[object, Batcher[None, Dequeued]] = {}

    async def enqueue(self, queue_type: str, job: NewJob) -> EnqueueResult:
        """Put a job into its queue."""
        batcher: Batcher[NewJob, EnqueueResult] = self._batcher(
            "enqueue",
            queue_type,
            lambda: Batcher(partial(self._store.enqueue, queue_type), weigh=_payload_size),
        )
        return await self._result(batcher, job, size=_payload_size(job))

    async def dequeue(self, queue_type: str) -> Dequeued:
        """Lease the next job of a type; if the caller has gone, hand it back."""
        batcher: Batcher[None, Dequeued] = self._batcher(
            "dequeue",
            queue_type,
            lambda: Batcher(
                partial(self._dequeue_for_each, queue_type),
                abandoned=partial(self._take_back, queue_type),
                turn=partial(self._arrivals.turn, queue_type),
            ),
        )
        return await self._result(batcher, None)

    async def finish(self, queue_type: str, lease: LeaseRef) -> LeaseOutcome:
        """End a lease, its job done."""
        finish = partial(self._store.finish, queue_type, receipt_time=receipt_time(self._lease))
        batcher: Batcher[LeaseRef, LeaseOutcome] = self._batcher(
            "finish", queue_type, lambda: Batcher(finish)
        )
        return await self._result(batcher, lease)

    async def enqueue_all(self, queue_type: str, jobs: Sequence[NewJob]) -> Sequence[EnqueueResult]:
        """Put jobs into their queues."""
        size = sum(map(_payload_size, jobs))
        return await self.alone(self._store.enqueue(queue_type, jobs), size=size)

    async def dequeue_all(
        self, queue_type: str, *, count: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` jobs; if the caller has gone, hand them back.

        Not those of an attempt that has an id: it can be repeated. While it is under way, those
        who repeat it gather, and share the next call.
        """
        key = object() if attempt_id is None else (queue_type, attempt_id, count)
        batcher = self._alone.get(key)
        if batcher is None:
            batcher = self._alone[key] = self._bulk(queue_type, count, attempt_id)
        try:
            return await self._result(batcher, None)
        finally:
            if batcher.running is None:
                self._alone.pop(key, None)
            else:  # it counts until the store has done with it, whoever hangs up
                self._in_flight += 1
                batcher.running.add_done_callback(lambda _: self._done_with(key))

    async def finish_all(
        self, queue_type: str, leases: Sequence[LeaseRef]
    ) -> Sequence[LeaseOutcome]:
        """End leases, their jobs done."""
        kept = receipt_time(self._lease)
        return await self.alone(self._store.finish(queue_type, leases, receipt_time=kept))

    async def alone(self, call: Coroutine[Any, Any, T], *, size: int = 0) -> T:
        """Make a call that is not to be shared, with so many bytes of payload."""
        try:
            self._admit(size)
        except Overloaded:
            call.close()
            raise
        task = self._start(call)
        task.add_done_callback(lambda _: self._dismiss(size))  # not before, whoever hangs up
        return await self._deadlines.result_of(task)

    async def unbounded(self, call: Coroutine[Any, Any, T]) -> T:
        """Make a call however many there are."""
        return await self._deadlines.result_of(self._start(call))

    def hand_back(self, queue_type: str, jobs: Sequence[LeasedJob]) -> None:
        """Release jobs that never reached their worker; do not wait for it.

        If it fails, the jobs come back when their leases expire.
        """
        if jobs:
            leases = [LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs]
            task = self._start(self._store.release(queue_type, leases))
            task.add_done_callback(_log_failed_hand_back)

    async def close(self) -> None:
        """Let calls end whose callers are gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while running := self._running():  # the end of one may start another
                    await asyncio.wait(running)

    def _running(self) -> set[asyncio.Task[Any]]:
        batchers = [*self._batchers.values(), *self._alone.values()]
        batches = (batcher.running for batcher in batchers)
        return self._tasks | {task for task in batches if task is not None}

    def _batcher(
        self, verb: str, queue_type: str, make: Callable[[], Batcher[Any, Any]]
    ) -> Batcher[Any, Any]:
        batcher = self._batchers.get((verb, queue_type))
        if batcher is None:
            if len(self._batchers) >= MAX_IDLE_BATCHERS:
                self._batchers = {k: b for k, b in self._batchers.items() if b.running is not None}
            batcher = self._batchers[verb, queue_type] = make()
        return batcher

    def _admit(self, size: int = 0) -> None:
        too_large = self._bytes_in_flight and self._bytes_in_flight + size > MAX_BYTES_IN_FLIGHT
        if self._in_flight >= self._max_in_flight or too_large:
            raise Overloaded
        self._in_flight += 1
        self._bytes_in_flight += size

    def _dismiss(self, size: int = 0) -> None:
        self._in_flight -= 1
        self._bytes_in_flight -= size

    async def _result(self, batcher: Batcher[Any, T], item: Any, *, size: int = 0) -> T:
        self._admit(size)
        future = batcher.submit(item)
        self._deadlines.watch(future)
        try:
            return await future
        except (asyncio.CancelledError, StoreUnavailable):
            batcher.abandon(future)
            raise
        finally:
            self._deadlines.forget(future)
            self._dismiss(size)

    def _bulk(self, queue_type: str, count: int, attempt_id: str | None) -> Batcher[None, Dequeued]:
        """Return a way to one dequeue of many jobs, or of one attempt for all who repeat it."""
        is_repeatable = attempt_id is not None

        async def dequeue(callers: Sequence[None]) -> list[Dequeued]:
            dequeued = await self._store.dequeue(
                queue_type, count=count, lease=self._lease, attempt_id=attempt_id
            )
            self._arrivals.arrived(queue_type, count, dequeued, is_repeatable=is_repeatable)
            return [dequeued] * len(callers)

        return Batcher(
            dequeue,
            bounds=self._all_at_once,
            abandoned=None if is_repeatable else partial(self._take_back, queue_type),
            turn=lambda _: self._arrivals.turn(queue_type, count, is_repeatable=is_repeatable),
            loop=self._loop,
        )

    def _done_with(self, key: object) -> None:
        self._dismiss()
        batcher = self._alone.get(key)
        if batcher is not None and batcher.running is None:
            del self._alone[key]

    async def _dequeue_for_each(
        self, queue_type: str, callers: Sequence[None]
    ) -> list[Dequeued | Again]:
        """Give each caller a job, or say till when there is none.

        Where a batch ends early because its jobs are large, the others ask again.
        """
        dequeued = await self._store.dequeue(queue_type, count=len(callers), lease=self._lease)
        self._arrivals.arrived(queue_type, len(callers), dequeued)
        now, ready_at = dequeued.now, dequeued.next_ready_at
        others = len(callers) - len(dequeued.jobs)
        is_more = bool(dequeued.jobs) and ready_at is not None and ready_at <= now
        none = Again() if is_more else Dequeued((), ready_at, now=now)
        return [*(Dequeued((job,), now=now) for job in dequeued.jobs), *[none] * others]

    def _take_back(self, queue_type: str, dequeued: Dequeued) -> None:
        self.hand_back(queue_type, dequeued.jobs)

    def _start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # if its caller is gone, nobody else looks at it


def _payload_size(job: NewJob) -> int:
    return len(job.payload)


def _log_failed_hand_back(task: asyncio.Task[list[LeaseOutcome]]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.warning("jobs could not be handed back, they wait for expiry: %s", task.exception())
