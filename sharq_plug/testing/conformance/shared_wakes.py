"""Shared limits and those who wait: what wakes them, and what does not."""

from sharq_plug.model import Remaining
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_wakes import heard_after
from sharq_plug.testing.conformance.limiter_leases import every_end
from sharq_plug.testing.conformance.setting import patch, patch_type
from sharq_plug.testing.conformance.sharing import (
    both_benches,
    make,
    patch_limit,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    Ending,
    take,
    take_batch,
)
from sharq_plug.testing.conformance.watching import Wakes


class OpenedLimitWakeConformance(Conformance):
    """An event that opens a shared limit wakes for the first of its queues that may go."""

    @both_benches
    async def test_it_wakes_for_queues_that_use_another_too(
        self, store: QueueStore, closed: str
    ) -> None:
        await make(store, "xy")
        await patch_limit(store, closed, paused=True)
        await stock(store, "q", "x", "y", jobs=1)
        assert await take_batch(store, 1) == []
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await patch_limit(store, closed, paused=False)
            await wakes.hear(0)

    @both_benches
    async def test_it_wakes_for_queues_that_came_while_it_was_closed(
        self, store: QueueStore, closed: str
    ) -> None:
        await make(store, "xy")
        await patch_limit(store, closed, paused=True)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await take_batch(store, 1) == []
            await stock(store, "q", "x", "y", jobs=1)
            await patch_limit(store, closed, paused=False)
            await wakes.hear(0)

    @both_benches
    async def test_it_wakes_by_when_the_other_one_opens(
        self, store: QueueStore, closed: str
    ) -> None:
        await make(store, "xy")
        await patch_limit(store, closed, paused=True)
        await patch_limit(store, {"x": "y", "y": "x"}[closed], freeze=400)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await stock(store, "q", "x", "y", jobs=1)
            await patch_limit(store, closed, paused=False)
            assert min(await heard_after(store, wakes)) <= 400

    async def test_the_gate_counts_to_when_it_wakes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, paused=True)
        await stock(store, "q", "x", jobs=1)
        await patch_type(store, freeze=500)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await patch_limit(store, paused=False)
            assert 0 not in await wakes.hear(400)

    async def test_counts_that_are_taken_back_wake(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, remaining=Remaining(0, clock.now() + 500))
        await stock(store, "q", "x", jobs=1)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await patch_limit(store, remaining=None)
            await wakes.hear(0)

    @every_end
    async def test_the_end_of_a_lease_wakes_though_its_queue_uses_the_full_one_no_more(
        self, store: QueueStore, end: Ending
    ) -> None:
        await patch_limit(store, concurrency=1)
        await stock(store, "ab", "x", jobs=1)
        job = await take(store)
        await patch(store, "a", uses=(), paused=True)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await end(store, job)
            await wakes.hear(0)
            await wakes.hear_of("b")

    async def test_a_queue_that_leaves_a_closed_one_wakes(self, store: QueueStore) -> None:
        await patch_limit(store, paused=True)
        await stock(store, "q", "x", jobs=1)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await patch(store, "q", uses=())
            await wakes.hear(0)
            await wakes.hear_of("q")


class ClosedLimitWakeConformance(Conformance):
    """A place behind a closed shared limit wakes for when that opens, or nobody."""

    async def test_the_later_of_two_shared_limits_counts_to_a_wake_up(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, "x", freeze=300)
        await patch_limit(store, "y", freeze=700)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await stock(store, "q", "x", "y", jobs=1)
            assert 0 not in await wakes.hear(700)

    async def test_one_that_no_queue_uses_wakes_nobody(self, store: QueueStore) -> None:
        await make(store)
        await stock(store, "p", "y", jobs=1)
        await stock(store, "q", jobs=1)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for paused in (True, False):
                await patch_limit(store, "x", paused=paused)
            assert await heard_after(store, wakes) == []

    @both_benches
    async def test_one_that_opens_wakes_nobody_while_an_event_closes_the_other(
        self, store: QueueStore, closed: str
    ) -> None:
        await make(store, "xy")
        opened = {"x": "y", "y": "x"}[closed]
        await patch_limit(store, closed, paused=True)
        await stock(store, "q", "x", "y", jobs=1)
        assert await take_batch(store, 1) == []
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            for paused in (True, False):
                await patch_limit(store, opened, paused=paused)
            assert await heard_after(store, wakes) == []
