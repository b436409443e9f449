"""Make store calls that run to their end even if their callers leave."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from sharq_plug.errors import Overloaded, StoreUnavailable
from sharq_plug.model import (
    Delivery,
    EnqueueResult,
    LeaseRef,
    NewJob,
    Release,
    Settled,
    Settlement,
)
from sharq_plug.service.admission import Admission
from sharq_plug.service.batches import Batcher
from sharq_plug.service.deadlines import Deadlines
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

CLOSE_TIMEOUT = 5.0
"""Seconds that `close` waits for store calls under way."""
MAX_IDLE_BATCHERS = 1000


class StoreCalls:
    """Call every verb of a store except dequeue. Combine single enqueues, and single settlements.

    A call that is not answered in time raises StoreUnavailable. Beyond the limits of `admission`
    most methods raise Overloaded.
    """

    def __init__(self, store: QueueStore, *, admission: Admission, deadlines: Deadlines) -> None:
        self._store = store
        self._admission = admission
        self._deadlines = deadlines
        self._tasks: set[asyncio.Task[Any]] = set()
        self._batchers: dict[tuple[str, str], Batcher[Any, Any]] = {}

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> Sequence[EnqueueResult]:
        """Put jobs into their queues. A single job shares a store call with others."""
        if len(jobs) != 1:
            size = sum(map(_payload_size, jobs))
            return await self.alone(self._store.enqueue(queue_type, jobs), size=size)
        batcher: Batcher[NewJob, EnqueueResult] | None
        batcher = self._batchers.get(("enqueue", queue_type))
        if batcher is None:
            run = partial(self._store.enqueue, queue_type)
            batcher = self._keep("enqueue", queue_type, Batcher(run, weigh=_payload_size))
        return [await self._result(batcher, jobs[0], size=len(jobs[0].payload))]

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> Sequence[Settled]:
        """Settle leases. A single item shares a store call with others."""
        if len(items) != 1:
            return await self.alone(self._store.settle(queue_type, items))
        batcher: Batcher[Settlement, Settled] | None
        batcher = self._batchers.get(("settle", queue_type))
        if batcher is None:
            run = partial(self._store.settle, queue_type)
            batcher = self._keep("settle", queue_type, Batcher(run))
        return [await self._result(batcher, items[0])]

    async def alone(self, call: Coroutine[Any, Any, T], *, size: int = 0) -> T:
        """Make a call of its own; `size` counts its bytes of payload."""
        try:
            self._admission.enter(size)
        except Overloaded:
            call.close()
            raise
        task = self.start(call)
        # The call counts until the store has answered it, even if its caller has left.
        task.add_done_callback(lambda _: self._admission.leave(size))
        return await self._deadlines.result_of(task)

    async def unbounded(self, call: Coroutine[Any, Any, T]) -> T:
        """Make a call that `admission` does not limit."""
        return await self._deadlines.result_of(self.start(call))

    def hand_back(self, queue_type: str, jobs: Sequence[Delivery]) -> None:
        """Release jobs that never reached their worker; do not wait for it.

        If it fails, the jobs come back when their leases expire.
        """
        if jobs:
            items = [Release(LeaseRef(job.queue_id, job.job_id, job.token)) for job in jobs]
            task = self.start(self._store.settle(queue_type, items))
            task.add_done_callback(_log_failed_hand_back)

    def start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a call in a task of its own, for which `close` waits."""
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    async def close(self) -> None:
        """Wait for the calls under way, at most CLOSE_TIMEOUT."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while running := self._running():  # one that ends may start another
                    await asyncio.wait(running)

    def _running(self) -> set[asyncio.Task[Any]]:
        return self._tasks.union(*(batcher.running for batcher in self._batchers.values()))

    def _keep(self, verb: str, queue_type: str, batcher: Batcher[Any, Any]) -> Batcher[Any, Any]:
        """Keep a batcher for later calls; drop the idle ones when there are too many."""
        if len(self._batchers) >= MAX_IDLE_BATCHERS:
            self._batchers = {k: b for k, b in self._batchers.items() if b.running}
        self._batchers[verb, queue_type] = batcher
        return batcher

    async def _result(self, batcher: Batcher[Any, T], item: Any, *, size: int = 0) -> T:
        self._admission.enter(size)
        future = batcher.submit(item)
        self._deadlines.watch(future)
        try:
            return await future
        except (asyncio.CancelledError, StoreUnavailable):
            batcher.abandon(future)
            raise
        finally:
            self._deadlines.forget(future)
            self._admission.leave(size)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # mark it as seen: its caller may have gone


def _payload_size(job: NewJob) -> int:
    return len(job.payload)


def _log_failed_hand_back(task: asyncio.Task[list[Settled]]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("handing jobs back failed, they return when their leases expire: %s", error)
