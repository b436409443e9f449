"""Callers that go away while the store works for them."""

import asyncio
import gc
from collections.abc import Sequence

import pytest

from service.asked import QUIET
from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Dequeued, NewJob, Take
from sharq_plug.service import QueueService
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio


class SlowStore(MemoryStore):
    """Answers a dequeue when it is told to, or fails it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.fails = False

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.entered.set()
        await self.go_on.wait()
        if self.fails:
            raise StoreUnavailable("away")
        return await super().dequeue(queue_type, takes)


async def cancelled_dequeue(
    service: QueueService, store: SlowStore, *, attempt_id: str | None = None
) -> None:
    """Start a dequeue, cancel its caller, and let the store go on."""
    caller = asyncio.create_task(service.dequeue("sms", attempt_id=attempt_id))
    await store.entered.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    store.go_on.set()


@pytest.mark.parametrize(("attempt_id", "waiting"), [(None, 1), ("call-1", 0)])
async def test_a_cancelled_dequeue_hands_its_job_back_unless_it_can_be_repeated(
    attempt_id: str | None, waiting: int
) -> None:
    store = SlowStore()
    await store.enqueue("sms", [NewJob("q", "job", b"", 0, requeue_limit=0)])
    async with QueueService(store, QUIET) as service:
        await cancelled_dequeue(service, store, attempt_id=attempt_id)
    metrics = await look_at_queue(store)
    assert (metrics.waiting, metrics.leased, metrics.dead) == (waiting, 1 - waiting, 0)


async def test_a_failure_that_no_caller_waits_for_is_no_news_to_the_loop() -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    store = SlowStore()
    store.fails = True
    async with QueueService(store, QUIET) as service:
        await cancelled_dequeue(service, store)
    gc.collect()
    assert unheard == []
