"""Minute counts and views: what went in and out, and what there is."""

from sharq_plug.model import MINUTE, QueueView, counted_minutes
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import counts_of, dequeue_for_one, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    counted,
    enqueue,
    finish_job,
    lengths,
    new_job,
    release_job,
    sums,
    take,
    take_batch,
)


def to_the_next_minute(clock: ManualClock) -> int:
    """Move to the first ms of the next minute; return it."""
    clock.advance(MINUTE - clock.now() % MINUTE)
    return clock.now()


class MinuteCountConformance(Conformance):
    """Enqueues and dequeues are counted by the minute, for ten minutes."""

    async def test_ten_minutes_are_told_even_of_what_nobody_knows(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        zeros = dict.fromkeys(counted_minutes(clock.now()), 0)
        view = await store.look(TYPE, "q")
        for counts in (view.counts, await counts_of(store, TYPE), await counts_of(store)):
            assert dict(counts.enqueues) == dict(counts.dequeues) == zeros
        assert view.queue == QueueView("q")

    async def test_ten_minutes_are_told_of_what_counts(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        clock.advance(3 * MINUTE)
        counts = (await store.look(TYPE, "q")).counts
        assert sorted(counts.enqueues) == list(counted_minutes(clock.now()))
        assert sorted(counts.dequeues) == list(counted_minutes(clock.now()))

    async def test_each_count_falls_into_its_minute(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        minute = to_the_next_minute(clock)
        await enqueue(store, "q", "j1", "j2", "j3")
        clock.advance(MINUTE - 1)
        await take(store)
        clock.advance(1)
        await take_batch(store, 2)
        zeros = dict.fromkeys(counted_minutes(minute + MINUTE), 0)
        queue = (await store.look(TYPE, "q")).counts
        for counts in (queue, await counts_of(store, TYPE), await counts_of(store)):
            assert dict(counts.enqueues) == zeros | {minute: 3}
            assert dict(counts.dequeues) == zeros | {minute: 1, minute + MINUTE: 2}

    async def test_a_minute_counts_for_ten(self, store: QueueStore, clock: ManualClock) -> None:
        to_the_next_minute(clock)
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        clock.advance(10 * MINUTE - 1)
        await tend_type(store, TYPE, limit=100)
        queue = (await store.look(TYPE, "q")).counts
        for counts in (queue, await counts_of(store, TYPE), await counts_of(store)):
            assert sums(counts) == (1, 1)
        clock.advance(1)
        queue = (await store.look(TYPE, "q")).counts
        for counts in (queue, await counts_of(store, TYPE), await counts_of(store)):
            assert sums(counts) == (0, 0)

    async def test_old_minutes_do_not_count_with_new_ones(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        minute = to_the_next_minute(clock)
        for n in range(25):
            await enqueue(store, "q", f"j{n}")
            clock.advance(MINUTE)
        now = minute + 25 * MINUTE
        expected = dict.fromkeys(counted_minutes(now), 1) | {now: 0}
        queue = (await store.look(TYPE, "q")).counts
        for counts in (queue, await counts_of(store, TYPE), await counts_of(store)):
            assert dict(counts.enqueues) == expected

    async def test_a_redelivery_counts_as_a_dequeue_and_a_return_as_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await release_job(store, await take(store))
        await take(store, lease_time=100)
        clock.advance(100)
        await tend_type(store, TYPE, limit=9)
        await finish_job(store, await take(store))
        assert await counted(store, "q") == (1, 3)
        assert sums(await counts_of(store, TYPE)) == sums(await counts_of(store)) == (1, 3)

    async def test_duplicates_and_refusals_do_not_count(self, store: QueueStore) -> None:
        jobs = [new_job("q", "j"), new_job("q", "j"), new_job("q", "no", max_queued_length=1)]
        await store.enqueue(TYPE, jobs)
        assert await counted(store, "q") == (1, 0)
        assert sums(await counts_of(store, TYPE)) == sums(await counts_of(store)) == (1, 0)

    async def test_an_empty_dequeue_does_not_count(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take_batch(store, 5)
        await take_batch(store, 5)
        assert await counted(store, "q") == (2, 1)

    async def test_a_queue_s_counts_outlive_the_queue(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        assert await counted(store, "q") == (1, 1)

    async def test_counts_add_up_over_queues_and_types(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j1")
        await enqueue(store, "a", "j1", "j2", queue_type="other")
        await take_batch(store, 3)
        await take(store, queue_type="other")
        assert await counted(store, "a") == (3, 2)
        assert await counted(store, "b") == (1, 1)
        assert await counted(store, "a", queue_type="other") == (2, 1)
        assert sums(await counts_of(store, TYPE)) == (4, 3)
        assert sums(await counts_of(store, "other")) == (2, 1)
        assert sums(await counts_of(store, "third")) == (0, 0)
        assert sums(await counts_of(store)) == (6, 4)


class ViewConformance(Conformance):
    """A look at a queue tells what there is."""

    async def test_the_waiting_the_leased_and_the_dead_are_told(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "dead", requeue_limit=0)
        await enqueue(store, "q", *(f"j{n}" for n in range(5)))
        await take(store, lease_time=100)
        await take_batch(store, 2, lease_time=200)
        assert await lengths(store, "q") == (3, 3, 0)
        clock.advance(100)
        await tend_type(store, TYPE, limit=9)
        assert await lengths(store, "q") == (3, 2, 1)

    async def test_an_expired_lease_is_leased_until_it_is_reclaimed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(1000)
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_looking_changes_nothing(self, store: QueueStore, clock: ManualClock) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store)
        before = await store.look(TYPE, "q")
        await counts_of(store, TYPE)
        await counts_of(store)
        await store.health()
        assert await store.look(TYPE, "q") == before
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=1)
        assert answer.next_ready_at == start + 1000
