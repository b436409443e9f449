"""Wake-ups name the queues whose places were given, so that who waits for others can sleep on."""

import pytest

from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel_job, reschedule_job
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    fail_job,
    new_job,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


class NamedWakeConformance(Conformance):
    """A wake-up says which queues it speaks of, or that it may be any."""

    @pytest.mark.parametrize("delay", [0, 500])
    async def test_an_enqueue_names_its_queue(self, store: QueueStore, delay: int) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "q", "j", delay=delay)
            await wakes.hear_of("q")

    @pytest.mark.parametrize("count", [2, 20, 21, 500])
    async def test_a_batch_names_all_its_queues_or_any(self, store: QueueStore, count: int) -> None:
        names = [f"q{n}" for n in range(count)]
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await store.enqueue(TYPE, [new_job(queue_id, "j") for queue_id in names])
            await wakes.hear_of(*names)

    async def test_queues_whose_places_are_given_for_later_are_named_too(
        self, store: QueueStore
    ) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            jobs = [new_job("now", "j"), new_job("later", "j", delay=1000)]
            await store.enqueue(TYPE, jobs)
            await wakes.hear_of("now", "later")

    async def test_a_release_and_a_fail_name_their_queues(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j")
        a, b, c = await take_in_turn(store, 3)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await release_job(store, b)
            await wakes.hear_of("b")
            await fail_job(store, a)
            await wakes.hear_of("a")
            await fail_job(store, c, delay=100)
            await wakes.hear_of("c")

    async def test_a_reclaim_names_the_queues_of_its_leases(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, "j")
        await take_in_turn(store, 2, lease_time=100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(100)
            await reclaim(store)
            await wakes.hear_of("a", "b")

    async def test_a_dequeue_names_the_queues_of_the_leases_that_it_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, "j")
        await take_in_turn(store, 2, lease_time=100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(100)
            await take_from(store, "a", count=2)
            await wakes.hear_of("b")

    async def test_another_interval_names_its_queue(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", interval=5000)
        await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await change_interval(store, TYPE, "q", 0)
            await wakes.hear_of("q")

    async def test_another_time_names_its_queue(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", delay=5000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await reschedule_job(store, "q", "j1", delay=100)
            await wakes.hear_of("q")
            await cancel_job(store, "q", "j1")
            await wakes.hear_of("q")

    async def test_a_due_time_behind_jobs_that_died_names_its_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "ended", ttl=100)
        await enqueue(store, "q", "later", delay=5000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(100)
            assert await take_batch(store, 1) == []
            await wakes.hear(4900)
            await wakes.hear_of("q")
