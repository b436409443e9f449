"""Listings: whole, in bounded steps, and of what exists only."""

from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    MAX_STEPS,
    TYPE,
    clear,
    enqueue,
    finish_job,
    listing_of,
    names,
    new_job,
    reclaim,
    release_job,
    take,
    take_batch,
)

ABOUT = 5
"""How many times its limit the longest step may hold."""


class ListingConformance(Conformance):
    """`queue_types`, `queue_ids` and `known_types` page through what there is."""

    async def test_an_empty_store_lists_nothing(self, store: QueueStore) -> None:
        assert await names(store.queue_types) == set()
        assert await names(store.known_types) == set()
        assert await names(listing_of(store)) == set()

    async def test_thousands_of_queues_are_listed_completely_in_bounded_steps(
        self, store: QueueStore
    ) -> None:
        expected = {f"q{n}" for n in range(2500)}
        jobs = [new_job(queue_id, "j") for queue_id in expected]
        for start in range(0, 2500, 500):
            await store.enqueue(TYPE, jobs[start : start + 500])
        await take_batch(store, 1000)
        await enqueue(store, "stranger", "j", queue_type="other")
        listed: set[str] = set()
        cursor: str | None = None
        for _ in range(MAX_STEPS):
            page = await store.queue_ids(TYPE, cursor=cursor, limit=100)
            assert len(page.names) <= ABOUT * 100
            listed.update(page.names)
            cursor = page.cursor
            if cursor is None:
                break
        assert listed == expected
        assert await names(listing_of(store), limit=1000) == expected

    async def test_hundreds_of_types_are_listed_completely(self, store: QueueStore) -> None:
        expected = {f"type{n}" for n in range(300)}
        for queue_type in expected:
            await enqueue(store, "q", "j", queue_type=queue_type)
        for limit in (16, 1000):
            assert await names(store.queue_types, limit=limit) == expected
            assert await names(store.known_types, limit=limit) >= expected

    async def test_a_queue_is_listed_while_it_has_a_waiting_or_a_leased_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", interval=60_000)
        assert await self._listed(store) == ({TYPE}, {"q"})
        job = await take(store)
        assert await self._listed(store) == ({TYPE}, {"q"})
        await release_job(store, job)
        assert await self._listed(store) == ({TYPE}, {"q"})
        clock.advance(60_000)
        await finish_job(store, await take(store))
        assert await self._listed(store) == (set(), set())

    async def test_each_queue_is_listed_for_itself(self, store: QueueStore) -> None:
        for queue_id in ("waiting", "leased", "cleared", "finished"):
            await enqueue(store, queue_id, "j")
        jobs = {job.queue_id: job for job in await take_batch(store, 4)}
        await release_job(store, jobs["waiting"])
        await finish_job(store, jobs["finished"])
        await clear(store, "cleared")
        assert await self._listed(store) == ({TYPE}, {"waiting", "leased"})

    async def test_a_purged_type_is_not_listed(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await enqueue(store, "q", "j", queue_type="other")
        await clear(store, "q", purge=True)
        assert await self._listed(store) == ({"other"}, set())

    async def test_a_type_that_has_leases_only_is_known(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease=100)
        assert TYPE in await names(store.known_types)
        clock.advance(10**9)
        await store.maintain()
        assert TYPE in await names(store.known_types)
        assert (await reclaim(store)).requeued == 1
        assert TYPE in await names(store.known_types)

    async def test_a_type_that_comes_and_goes_and_comes_is_known(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(3):
            await enqueue(store, "q", f"j{n}", interval=10)
            await store.maintain()
            await reclaim(store)
            assert TYPE in await names(store.known_types)
            await finish_job(store, await take(store))
            clock.advance(10**9)
            await reclaim(store)
            await store.maintain()

    async def test_what_stays_throughout_a_listing_is_listed_whatever_comes_and_goes(
        self, store: QueueStore
    ) -> None:
        staying = {f"stays{n}" for n in range(200)}
        for queue_id in staying:
            await enqueue(store, queue_id, "j")
        for n in range(200):
            await enqueue(store, f"goes{n}", "j")
        listed: set[str] = set()
        cursor: str | None = None
        for step in range(MAX_STEPS):
            page = await store.queue_ids(TYPE, cursor=cursor, limit=10)
            listed.update(page.names)
            cursor = page.cursor
            if cursor is None:
                break
            await clear(store, f"goes{step}", purge=True)
            await enqueue(store, f"comes{step}", "j")
        assert listed >= staying

    @staticmethod
    async def _listed(store: QueueStore) -> tuple[set[str], set[str]]:
        return await names(store.queue_types), await names(listing_of(store))
