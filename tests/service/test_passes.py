"""Reclaim passes: what they survive, and how they end."""

import asyncio
import logging
import tracemalloc

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable, told
from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob, Retention, Tended
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.service.passes import Passes
from sharq_plug.store import DEFAULT_RETENTION
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, finish_all
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio

TOTALS_KEPT = 24 * 3600 * 1000
NEVER = Retention(max_age=1, max_count=1)


class FlakyStore(MemoryStore):
    """Fails as long as it is told to, and counts the passes."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__(clock)
        self.error: Exception | None = None
        self.passes = asyncio.Semaphore(0)

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        self.passes.release()
        if self.error is not None:
            raise self.error
        return await super().tend(limit=limit, retention=retention)


async def lease_one(store: MemoryStore, *queue_types: str) -> None:
    for queue_type in queue_types:
        await store.enqueue(queue_type, [NewJob("q", "job", b"", 0)])
        await dequeue_for_one(store, queue_type, count=1, lease_time=1000)


async def test_every_type_is_seen_however_many_there_are() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    types = [f"type-{number}" for number in range(100)]
    await lease_one(store, *types)
    clock.advance(1000)
    await Passes(store, 1).once()
    waiting = [(await look_at_queue(store, queue_type)).waiting for queue_type in types]
    assert waiting == [1] * 100


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("unthought of")])
async def test_passes_go_on_after_any_failure_and_say_so_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store = FlakyStore()
    store.error = error
    options = ServiceOptions(tend_interval=1)
    with caplog.at_level(logging.WARNING):
        async with QueueService(store, options):
            for _ in range(5):
                await store.passes.acquire()
            store.error = None
            for _ in range(3):
                await store.passes.acquire()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"upkeep failed: {told(error)}", "upkeep works again"]


async def test_a_backlog_is_reclaimed_whole_without_a_pause() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    jobs = [NewJob("q", f"job-{number}", b"", 0) for number in range(10_000)]
    await store.enqueue("a", jobs)
    for _ in range(10):
        await dequeue_for_one(store, "a", count=1000, lease_time=1000)
    clock.advance(1000)
    async with QueueService(store, ServiceOptions(tend_interval=3_600_000)):
        while (await look_at_queue(store, "a")).waiting < 10_000:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the passes tell nobody how far they are


async def test_what_is_kept_of_finishes_and_attempts_is_forgotten_as_fast_as_it_comes() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    passes = Passes(store, 1000)
    tracemalloc.start()
    for second in range(3):
        for number in range(2000):
            name = f"{second}-{number}"
            await store.enqueue("a", [NewJob("q", name, b"", 0)])
            taken = await dequeue_for_one(store, "a", count=1, lease_time=1000, attempt_id=name)
            [job] = taken.jobs
            ref = LeaseRef("q", name, job.token)
            assert await finish_all(store, "a", [ref], receipt_time=1000) == [LeaseOutcome.ENDED]
        clock.advance(1000)
    clock.advance(TOTALS_KEPT)  # until then an empty type keeps its totals, and large dictionaries
    for _ in range(3):  # a pass for each second
        while await passes.once():
            pass
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < most / 10
    assert not (await store.tend(limit=1)).more


async def test_one_pass_leaves_other_tasks_their_turn_while_it_has_much_to_forget() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    for number in range(2000):
        await store.enqueue("a", [NewJob("q", f"{number}", b"", 0)])
        await dequeue_for_one(store, "a", count=1, lease_time=1000, attempt_id=f"{number}")
    clock.advance(1000)
    running = asyncio.create_task(Passes(store, 1000).once())
    turns = 0
    while not running.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 5


async def test_passes_end_though_the_store_swallows_a_cancellation() -> None:
    class SwallowingStore(FlakyStore):
        async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
            asked.set()
            try:
                await asyncio.wait_for(go_on.wait(), 60)
            except asyncio.CancelledError:
                go_on.set()
            return await super().tend(limit=limit, retention=retention)

    asked, go_on = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(10):
        async with QueueService(SwallowingStore(), ServiceOptions(tend_interval=1)):
            await asked.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)


@pytest.mark.parametrize("retention", [Retention(), Retention(max_age=0, max_count=7)])
async def test_dead_letters_are_kept_as_the_options_say(retention: Retention) -> None:
    class NotingStore(MemoryStore):
        async def tend(self, *, limit: int, retention: Retention = NEVER) -> Tended:
            noted.append(retention)
            return await super().tend(limit=limit, retention=retention)

    noted: list[Retention] = []
    options = ServiceOptions(tends=False, retention=retention)
    async with QueueService(NotingStore(), options) as service:
        await service.tend()
    assert noted == [retention]


async def test_without_passes_nothing_is_reclaimed() -> None:
    store = FlakyStore()
    async with QueueService(store, ServiceOptions(tends=False, tend_interval=1)):
        await asyncio.sleep(0)
        assert store.passes.locked()
