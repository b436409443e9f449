"""Listings: whole, in bounded steps, and of what exists only."""

from sharq_plug.model import Names
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import pages_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    enqueue_in_each,
    finish_job,
    listed,
    reclaim,
    release_job,
    take,
    take_batch,
)

ABOUT = 2
"""How many times its limit the longest page may hold."""


class ListingConformance(Conformance):
    """`page` lists what there is, in bounded steps."""

    async def test_an_empty_store_lists_nothing(self, store: QueueStore) -> None:
        assert await listed(store, None) == set()
        assert await listed(store) == set()

    async def test_thousands_of_queues_are_listed_completely_in_bounded_steps(
        self, store: QueueStore
    ) -> None:
        expected = {f"q{n}" for n in range(2500)}
        await enqueue_in_each(store, expected)
        await take_batch(store, 1000)
        await enqueue(store, "stranger", "j", queue_type="other")
        found: set[object] = set()
        async for page in pages_of(store, TYPE, Names(), limit=100):
            assert len(page.items) <= ABOUT * 100
            found.update(page.items)
        assert found == expected
        assert await listed(store, limit=1000) == expected

    async def test_hundreds_of_types_are_listed_completely(self, store: QueueStore) -> None:
        expected = {f"type{n}" for n in range(300)}
        for queue_type in expected:
            await enqueue(store, "q", "j", queue_type=queue_type)
        for limit in (16, 1000):
            assert await listed(store, None, limit=limit) == expected

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

    async def test_a_lease_is_ended_whichever_type_it_is_of(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        types = [f"type{n}" for n in range(200)]
        for queue_type in types:
            await enqueue(store, "q", "j", queue_type=queue_type)
            await take(store, queue_type=queue_type, lease_time=100)
        clock.advance(100)
        ended = [lease for step in await tend_all(store) for lease in step.ended]
        assert sorted(lease.queue_type for lease in ended) == sorted(types)

    async def test_a_type_that_comes_and_goes_and_comes_is_tended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(3):
            await enqueue(store, "q", f"j{n}", interval=10)
            await take(store, lease_time=5)
            clock.advance(10)
            assert (await reclaim(store)).requeued == 1
            await finish_job(store, await take(store))
            clock.advance(10**9)
            await reclaim(store)

    async def test_what_stays_throughout_a_listing_is_listed_whatever_comes_and_goes(
        self, store: QueueStore
    ) -> None:
        staying = {f"stays{n}" for n in range(200)}
        for queue_id in staying:
            await enqueue(store, queue_id, "j")
        for n in range(200):
            await enqueue(store, f"goes{n}", "j")
        found: set[object] = set()
        step = 0
        async for page in pages_of(store, TYPE, Names(), limit=10):
            found.update(page.items)
            await clear(store, f"goes{step}", purge=True)
            await enqueue(store, f"comes{step}", "j")
            step += 1
        assert found >= staying

    @staticmethod
    async def _listed(store: QueueStore) -> tuple[set[str], set[str]]:
        return await listed(store, None), await listed(store)
