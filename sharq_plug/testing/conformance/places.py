"""Places: what a change of the interval, or a reclaim, does to a queue's place in the line."""

from collections.abc import Sequence

from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    new_job,
    next_ready_at,
    queue_order,
    reclaim,
    take,
    take_in_turn,
)


async def serve_with_one_left(store: QueueStore, queues: Sequence[tuple[str, int]]) -> None:
    """Dequeue the first of two jobs of each queue, with its interval, all in this ms."""
    for queue_id, interval in queues:
        await enqueue(store, queue_id, "first", "left", interval=interval)
    assert await queue_order(store, len(queues)) == [queue_id for queue_id, _ in queues]


class PlaceConformance(Conformance):
    """A place is (ready since, place number); a queue keeps it until it has a reason not to."""

    async def test_a_queue_that_is_freed_is_ready_since_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("freed", 1000), ("b", 5)])
        clock.advance(10)
        await enqueue(store, "c", "j")
        assert await change_interval(store, TYPE, "freed", 0)
        await enqueue(store, "d", "j")
        assert await queue_order(store, 4) == ["b", "c", "freed", "d"]

    async def test_a_queue_that_is_freed_at_the_very_ms_takes_a_new_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("freed", 2000), ("b", 1000)])
        clock.advance(1000)
        assert await change_interval(store, TYPE, "freed", 1000)
        assert await queue_order(store, 2) == ["b", "freed"]

    async def test_a_queue_that_has_just_become_ready_keeps_its_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("a", 1000), ("b", 1000)])
        clock.advance(1000)
        assert await change_interval(store, TYPE, "a", 1)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_ready_queue_keeps_its_place_under_any_interval_that_leaves_it_ready(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("a", 100), ("b", 150)])
        clock.advance(1000)
        for interval in (1000, 0, 999, 100):
            assert await change_interval(store, TYPE, "a", interval)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_that_was_never_dequeued_keeps_its_place_under_any_interval(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        for interval in (1000, 0, 10**12):
            assert await change_interval(store, TYPE, "a", interval)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_that_still_waits_for_its_rate_keeps_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("a", 1000), ("b", 1000)])
        clock.advance(10)
        assert await change_interval(store, TYPE, "a", 2000)
        assert await change_interval(store, TYPE, "a", 1000)
        clock.advance(990)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_ready_queue_that_is_held_back_keeps_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("a", 100), ("b", 1000)])
        clock.advance(200)
        assert await change_interval(store, TYPE, "a", 1000)
        assert await next_ready_at(store) == clock.now() + 800
        clock.advance(800)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_the_same_interval_again_changes_no_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await serve_with_one_left(store, [("a", 1000), ("b", 1000)])
        jobs = [new_job("a", "left", interval=1000), new_job("a", "more", interval=1000)]
        await store.enqueue(TYPE, jobs)
        clock.advance(1000)
        assert await change_interval(store, TYPE, "a", 1000)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_reclaimed_queues_line_up_in_the_order_of_reclaim(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("b", "a", "c"):
            await enqueue(store, queue_id, "j")
        await take(store, lease_time=200)
        await take_in_turn(store, 2, lease_time=100)
        clock.advance(300)
        await enqueue(store, "d", "j")
        assert (await reclaim(store)).requeued == 3
        assert await queue_order(store, 4) == ["d", "a", "c", "b"]
