"""Watching: who waits is woken when a job may be ready earlier than was foreseen."""

import asyncio
from collections.abc import Collection

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import EnqueueOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance, OpenStore
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    enqueue,
    enqueue_one,
    new_job,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)

PATIENCE = 5.0
"""Seconds in which a wake-up must come; it takes about a millisecond."""
OTHER = "other"


class Wakes:
    """What a watcher is told; to be given to `watching`."""

    def __init__(self) -> None:
        self.delays: list[int] = []
        self.queues: list[Collection[str] | None] = []
        self._told = asyncio.Event()

    def __call__(self, delay: int, queue_ids: Collection[str] | None) -> None:
        """Take a wake-up."""
        self.delays.append(delay)
        self.queues.append(queue_ids)
        self._told.set()

    async def hear(self, delay: int) -> list[int]:
        """Wait for a wake-up with this delay; return all, those that came in vain too."""
        async with asyncio.timeout(PATIENCE):
            while delay not in self.delays:
                self._told.clear()
                await self._told.wait()
        heard, self.delays = self.delays, []
        return heard

    async def hear_of(self, *queue_ids: str) -> None:
        """Wait until wake-ups have named each of these queues, or have meant any."""
        missing = set(queue_ids)
        async with asyncio.timeout(PATIENCE):
            while missing:
                self._told.clear()
                for named in self.queues:
                    missing -= missing if named is None else set(named)
                self.queues.clear()
                if missing:
                    await self._told.wait()


async def throttle(store: QueueStore, queue_id: str, *, interval: int) -> None:
    """Let a queue be empty, its rate to be paid from now on."""
    await enqueue(store, queue_id, "paid-for", interval=interval)
    job = await take(store)
    assert job.queue_id == queue_id


class WatchingConformance(Conformance):
    """Each verb that gives queues of a type new places wakes those who watch it."""

    async def test_an_enqueue_to_a_type_without_jobs_wakes_at_once(self, store: QueueStore) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "q", "j")
            await wakes.hear(0)

    async def test_a_job_that_must_wait_for_its_rate_wakes_for_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await throttle(store, "q", interval=1000)
        clock.advance(300)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "q", "j", interval=1000)
            await wakes.hear(700)

    async def test_the_first_of_the_new_places_tells_when(self, store: QueueStore) -> None:
        for queue_id, interval in (("a", 3000), ("b", 1000), ("c", 2000)):
            await throttle(store, queue_id, interval=interval)
        jobs = [
            new_job(queue_id, "j", interval=interval)
            for queue_id, interval in (("a", 3000), ("b", 1000), ("c", 2000))
        ]
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await store.enqueue(TYPE, jobs)
            await wakes.hear(1000)

    async def test_places_that_others_have_already_do_not_tell_when(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "j1", "j2", interval=1000)
        await take(store)
        await throttle(store, "b", interval=5000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "b", "j", interval=5000)
            await wakes.hear(5000)

    async def test_a_release_wakes(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "free", "j")
        await enqueue(store, "throttled", "j", interval=1000)
        free, throttled = await take_in_turn(store, 2)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await release_job(store, throttled)
            await wakes.hear(990)
            await release_job(store, free)
            await wakes.hear(0)

    async def test_a_reclaim_wakes(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "free", "j")
        await enqueue(store, "throttled", "j", interval=1000)
        await take(store, lease_time=200)
        await take(store, lease_time=100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(100)
            assert (await reclaim(store)).requeued == 1
            await wakes.hear(900)
            clock.advance(100)
            assert (await reclaim(store)).requeued == 1
            await wakes.hear(0)

    async def test_an_interval_that_frees_a_queue_wakes_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=5000)
        await take(store)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await change_interval(store, TYPE, "q", 0)
            await wakes.hear(0)

    async def test_an_interval_that_brings_a_queue_forward_wakes_for_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=5000)
        await take(store)
        clock.advance(10)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await change_interval(store, TYPE, "q", 1000)
            await wakes.hear(990)

    async def test_a_duplicate_that_brings_a_queue_forward_wakes_too(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=5000)
        await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            outcome = await enqueue_one(store, new_job("q", "j2", interval=1000))
            assert outcome is EnqueueOutcome.DUPLICATE
            await wakes.hear(1000)

    async def test_who_watches_then_dequeues_misses_nothing(self, store: QueueStore) -> None:
        async def produce() -> None:
            for n in range(20):
                await enqueue(store, f"q{n}", "j")

        async def consume() -> int:
            wakes = Wakes()
            got = 0
            async with store.watching(TYPE, wakes):
                while got < 20:
                    jobs = await take_batch(store, 3)
                    got += len(jobs)
                    if not jobs:
                        await wakes.hear(0)
            return got

        got, _ = await asyncio.gather(consume(), produce())
        assert got == 20

    async def test_all_who_watch_are_woken(self, store: QueueStore) -> None:
        one, two = Wakes(), Wakes()
        async with store.watching(TYPE, one), store.watching(TYPE, two):
            await enqueue(store, "q", "j")
            await one.hear(0)
            await two.hear(0)

    async def test_one_may_watch_twice(self, store: QueueStore) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            async with store.watching(TYPE, wakes):
                pass
            await enqueue(store, "q", "j")
            await wakes.hear(0)

    async def test_who_has_left_is_not_woken(self, store: QueueStore) -> None:
        left, stays = Wakes(), Wakes()
        async with store.watching(TYPE, stays):
            async with store.watching(TYPE, left):
                await enqueue(store, "a", "j")
                await left.hear(0)
                await stays.hear(0)
            left.delays.clear()
            await enqueue(store, "b", "j")
            await stays.hear(0)
        assert left.delays == []

    async def test_who_has_left_may_come_back(self, store: QueueStore) -> None:
        wakes = Wakes()
        for queue_id in ("a", "b", "c"):
            async with store.watching(TYPE, wakes):
                await enqueue(store, queue_id, "j")
                await wakes.hear(0)

    async def test_one_type_does_not_wake_who_watches_another(self, store: QueueStore) -> None:
        await throttle(store, "q", interval=1000)
        theirs, ours = Wakes(), Wakes()
        async with store.watching(OTHER, theirs), store.watching(TYPE, ours):
            await enqueue(store, "q", "j", interval=1000)
            await ours.hear(1000)
            await enqueue(store, "q", "j", queue_type=OTHER)
            assert 1000 not in await theirs.hear(0)

    async def test_a_type_that_is_no_name_is_not_watched(self, store: QueueStore) -> None:
        with pytest.raises(InvalidRequest):
            async with store.watching("no name", Wakes()):
                pass

    async def test_who_can_see_the_jobs_of_another_store_hears_of_them(
        self, store: QueueStore, clock: ManualClock, open_store: OpenStore
    ) -> None:
        wakes = Wakes()
        async with open_store(clock) as other, store.watching(TYPE, wakes):
            await enqueue(other, "q", "j")
            if (await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)).jobs:
                await wakes.hear(0)
