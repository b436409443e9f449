"""Delays and the line: where a queue stands of whose jobs all are delayed, and who hears of it."""

from sharq_plug.model import MAX_DURATION
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    fail_job,
    next_ready_at,
    queue_order,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


class DelayedPlaceConformance(Conformance):
    """While no job of a queue waits, its first delayed job holds it."""

    async def test_queues_stand_by_their_first_delayed_jobs(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id, delay in (("a", 300), ("b", 100), ("c", 200)):
            await enqueue(store, queue_id, "j", delay=delay)
        clock.advance(300)
        assert await queue_order(store, 3) == ["b", "c", "a"]

    async def test_queues_whose_jobs_are_due_together_go_in_the_order_of_their_numbers(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        for queue_id in ("b", "c", "a"):
            await enqueue(store, queue_id, "j", at=at)
            clock.advance(1)
        clock.advance(100)
        assert await queue_order(store, 3) == ["b", "c", "a"]

    async def test_a_queue_that_waits_since_before_goes_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "delayed", "j", delay=100)
        clock.advance(99)
        await enqueue(store, "before", "j")
        clock.advance(2)
        await enqueue(store, "after", "j")
        assert await queue_order(store, 3) == ["before", "delayed", "after"]

    async def test_an_earlier_delayed_job_brings_its_queue_forward_at_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", delay=200)
        await enqueue(store, "b", "j", delay=100)
        await enqueue(store, "a", "j2", delay=100)
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_later_delayed_job_moves_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", delay=100)
        await enqueue(store, "b", "j", delay=100)
        await enqueue(store, "a", "j2", delay=200)
        assert await next_ready_at(store) == clock.now() + 100
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_waiting_job_gives_its_queue_a_new_place(self, store: QueueStore) -> None:
        await enqueue(store, "a", "delayed", delay=100)
        await enqueue(store, "b", "j")
        await enqueue(store, "a", "waiting")
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_a_delayed_job_moves_no_queue_in_which_one_waits(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await enqueue(store, "a", "delayed", delay=100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_that_was_served_stands_by_its_first_delayed_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "a", "j")
        await enqueue(store, "a", "delayed", at=at)
        await enqueue(store, "b", "j", at=at)
        await take(store, lease_time=10**6)
        assert await next_ready_at(store) == at
        clock.advance(100)
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_a_queue_with_many_due_jobs_lets_the_others_go_in_turn(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", "j3", delay=100)
        await enqueue(store, "b", "j1", "j2", "j3", delay=100)
        clock.advance(100)
        assert await queue_order(store, 6) == ["a", "b"] * 3

    async def test_the_later_of_rate_and_delay_decides_the_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id, interval in (("a", 500), ("b", 100)):
            await enqueue(store, queue_id, "paid-for", interval=interval)
        await take_in_turn(store, 2, lease_time=10**6)
        await enqueue(store, "a", "j", interval=500, delay=200)
        await enqueue(store, "b", "j", interval=100, delay=400)
        assert await next_ready_at(store) == clock.now() + 400
        clock.advance(500)
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_next_ready_at_is_that_of_the_first_delayed_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "a", "j", delay=MAX_DURATION)
        assert await next_ready_at(store) == now + MAX_DURATION
        await enqueue(store, "b", "j", delay=200)
        assert await next_ready_at(store) == now + 200
        await clear(store, "b")
        assert await next_ready_at(store) == now + MAX_DURATION


class DelayedWakeConformance(Conformance):
    """Who watches hears when a delayed job may go."""

    async def test_a_delayed_job_wakes_for_its_time(self, store: QueueStore) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "q", "j", delay=700)
            assert 0 not in await wakes.hear(700)

    async def test_an_earlier_delayed_job_wakes_for_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "late", delay=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            clock.advance(100)
            await enqueue(store, "q", "early", delay=300)
            await wakes.hear(300)

    async def test_a_waiting_job_wakes_beside_a_delayed_one(self, store: QueueStore) -> None:
        await enqueue(store, "q", "delayed", delay=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await enqueue(store, "q", "waiting")
            await wakes.hear(0)

    async def test_a_release_or_a_fail_with_a_delay_wakes_for_then(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        a, b = await take_in_turn(store, 2)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await release_job(store, a, delay=900)
            await wakes.hear(900)
            await fail_job(store, b, delay=800)
            await wakes.hear(800)

    async def test_who_watches_then_comes_back_when_told_gets_the_job_at_its_ms(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await next_ready_at(store) is None
            await enqueue(store, "q", "j", delay=50)
            await wakes.hear(50)
        await take_exactly_at(store, clock, clock.now() + 50)
