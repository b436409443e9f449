"""Opening and closing, and the verbs that look after the store itself."""

from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import counts_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance, OpenStore
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    listed,
    next_ready_at,
    reclaim,
    take,
    take_exactly_at,
)


class OpeningConformance(Conformance):
    """A store is an async context manager that goes by the clock it was given."""

    async def test_entering_a_store_gives_that_store(self, open_store: OpenStore) -> None:
        store = open_store(ManualClock())
        assert isinstance(store, QueueStore)
        async with store as entered:
            assert entered is store

    async def test_a_store_that_nobody_asked_anything_closes(self, open_store: OpenStore) -> None:
        async with open_store(ManualClock()):
            pass

    async def test_a_store_is_empty_at_first(self, store: QueueStore) -> None:
        assert await listed(store, None) == set()
        assert await next_ready_at(store) is None

    async def test_a_store_goes_by_the_clock_it_was_given_alone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1)
        assert (await take(store, lease_time=5)).expires_at == start + 5
        assert await next_ready_at(store) == start + 1
        await take_exactly_at(store, clock, start + 1)

    async def test_asking_for_the_health_changes_nothing_that_shows(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await store.health()
        assert await listed(store, None) == set()
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store)
        counts = await counts_of(store)
        await store.health(thorough=True)
        assert await counts_of(store) == counts
        assert await next_ready_at(store) == start + 1000
        await take_exactly_at(store, clock, start + 1000)

    async def test_weaknesses_are_said_in_sentences(self, store: QueueStore) -> None:
        weaknesses = await store.health(thorough=True)
        assert not isinstance(weaknesses, str)
        assert all(isinstance(weakness, str) and weakness.strip() for weakness in weaknesses)

    async def test_upkeep_changes_nothing_that_shows(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store)
        for _ in range(20):
            await reclaim(store)
        await take_exactly_at(store, clock, start + 1000)
