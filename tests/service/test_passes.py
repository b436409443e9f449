"""Reclaim passes: what they survive, and how they end."""

import asyncio
import logging

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob, Page, Reclaimed
from sharq_plug.passes import ReclaimPasses
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio


class FlakyStore(MemoryStore):
    """Fails as long as it is told to, and counts the passes."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__(clock)
        self.error: Exception | None = None
        self.broken_types: set[str] = set()
        self.passes = asyncio.Semaphore(0)

    async def maintain(self) -> None:
        self.passes.release()
        if self.error is not None:
            raise self.error

    async def reclaim(self, queue_type: str, *, limit: int) -> Reclaimed:
        if queue_type in self.broken_types:
            raise StoreUnavailable(f"{queue_type} is broken")
        return await super().reclaim(queue_type, limit=limit)


async def lease_one(store: MemoryStore, *queue_types: str) -> None:
    for queue_type in queue_types:
        await store.enqueue(queue_type, [NewJob("q", "job", b"", 0)])
        await store.dequeue(queue_type, count=1, lease=1000)


async def test_a_type_that_fails_stops_no_other() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    await lease_one(store, "a", "broken", "z")
    store.broken_types = {"broken"}
    clock.advance(1000)
    with pytest.raises(StoreUnavailable, match="broken is broken"):
        await ReclaimPasses(store, 1).once()
    assert (await store.queue_metrics("a", "q")).waiting == 1
    assert (await store.queue_metrics("z", "q")).waiting == 1


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("away")])
async def test_upkeep_that_fails_stops_no_reclaim(error: Exception) -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    await lease_one(store, "a")
    store.error = error
    clock.advance(1000)
    with pytest.raises(type(error), match="away"):
        await ReclaimPasses(store, 1).once()
    assert (await store.queue_metrics("a", "q")).waiting == 1


async def test_every_type_is_seen_however_many_there_are() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    types = [f"type-{number}" for number in range(100)]
    await lease_one(store, *types)
    clock.advance(1000)
    await ReclaimPasses(store, 1).once()
    waiting = [(await store.queue_metrics(queue_type, "q")).waiting for queue_type in types]
    assert waiting == [1] * 100


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("unthought of")])
async def test_passes_go_on_after_any_failure_and_say_so_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store = FlakyStore()
    store.error = error
    options = ServiceOptions(reclaim_interval=1)
    with caplog.at_level(logging.WARNING):
        async with QueueService(store, options):
            for _ in range(5):
                await store.passes.acquire()
            store.error = None
            for _ in range(3):
                await store.passes.acquire()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"a reclaim pass failed: {error}", "reclaim passes work again"]


async def test_a_backlog_is_reclaimed_whole_without_a_pause() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    jobs = [NewJob("q", f"job-{number}", b"", 0) for number in range(10_000)]
    await store.enqueue("a", jobs)
    for _ in range(10):
        await store.dequeue("a", count=1000, lease=1000)
    clock.advance(1000)
    async with QueueService(store, ServiceOptions(reclaim_interval=3_600_000)):
        while (await store.queue_metrics("a", "q")).waiting < 10_000:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the passes tell nobody how far they are


async def test_a_backlog_is_reclaimed_without_a_pause_though_another_type_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sharq_plug.passes.MAX_RETRY_DELAY", 3_600_000)
    clock = ManualClock()
    store = FlakyStore(clock)
    await lease_one(store, "broken")
    store.broken_types = {"broken"}
    jobs = [NewJob("q", f"job-{number}", b"", 0) for number in range(10_000)]
    await store.enqueue("a", jobs)
    for _ in range(10):
        await store.dequeue("a", count=1000, lease=1000)
    clock.advance(1000)
    async with asyncio.timeout(30), QueueService(store, ServiceOptions(reclaim_interval=3_600_000)):
        while (await store.queue_metrics("a", "q")).waiting < 10_000:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the passes tell nobody how far they are


async def test_what_is_kept_of_finishes_and_attempts_is_forgotten_as_fast_as_it_comes() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    passes = ReclaimPasses(store, 1000)
    for second in range(3):
        for number in range(2000):
            name = f"{second}-{number}"
            await store.enqueue("a", [NewJob("q", name, b"", 0)])
            [job] = (await store.dequeue("a", count=1, lease=1000, attempt_id=name)).jobs
            ref = LeaseRef("q", name, job.token)
            assert await store.finish("a", [ref], receipt_time=1000) == [LeaseOutcome.ENDED]
        clock.advance(1000)
    clock.advance(600_000)
    for _ in range(3):  # a pass for each second
        while await passes.once():
            pass
    assert (await store.known_types(limit=10)).names == ()


async def test_one_pass_leaves_other_tasks_their_turn_while_it_has_much_to_forget() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    for number in range(2000):
        await store.enqueue("a", [NewJob("q", f"{number}", b"", 0)])
        await store.dequeue("a", count=1, lease=1000, attempt_id=f"{number}")
    clock.advance(1000)
    running = asyncio.create_task(ReclaimPasses(store, 1000).once())
    turns = 0
    while not running.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 5


async def test_passes_end_though_the_store_swallows_a_cancellation() -> None:
    class SwallowingStore(FlakyStore):
        async def known_types(self, *, cursor: str | None = None, limit: int) -> Page:
            asked.set()
            try:
                await asyncio.wait_for(go_on.wait(), 60)
            except asyncio.CancelledError:
                go_on.set()
            return await super().known_types(cursor=cursor, limit=limit)

    asked, go_on = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(10):
        async with QueueService(SwallowingStore(), ServiceOptions(reclaim_interval=1)):
            await asked.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)


async def test_without_passes_nothing_is_reclaimed() -> None:
    store = FlakyStore()
    async with QueueService(store, ServiceOptions(reclaim=False, reclaim_interval=1)):
        await asyncio.sleep(0)
        assert store.passes.locked()
