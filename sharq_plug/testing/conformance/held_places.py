"""Places of held queues: where a queue stands after each change of its holds."""

from typing import Any

import pytest

from sharq_plug.model import HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_queues import (
    begin,
    every_event,
    every_hold,
    every_timed_hold,
    free,
    hold,
)
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    look,
    next_ready_at,
    queue_order,
    take,
)


class HeldPlaceConformance(Conformance):
    """A hold that ends at an instant gives a place at that instant; an event gives a new one."""

    @every_hold
    async def test_a_queue_that_an_event_frees_stands_behind_those_that_wait(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin(store, "q", "a")
        await hold(store, kind)
        clock.advance(10)
        await free(store, kind)
        assert (await look(store, "q")).ready_since == clock.now()
        await enqueue(store, "b", "j")
        assert await queue_order(store, 3) == ["a", "q", "b"]

    @every_timed_hold
    async def test_a_hold_that_ends_by_itself_leaves_the_queue_ready_since_then(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        await hold(store, kind, duration=100)
        clock.advance(99)
        assert await next_ready_at(store) == start + 100
        await enqueue(store, "before", "j")
        clock.advance(2)
        await enqueue(store, "after", "j")
        assert (await look(store, "q")).ready_since == start + 100
        assert await queue_order(store, 3) == ["before", "q", "after"]

    @every_timed_hold
    async def test_a_queue_keeps_its_number_when_its_hold_gets_another_end(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin(store, "q", "a")
        await hold(store, kind, duration=50)
        await hold(store, kind, "a", duration=100)
        await hold(store, kind, duration=200)
        await hold(store, kind, duration=100)
        clock.advance(100)
        assert await queue_order(store, 2) == ["q", "a"]

    @every_timed_hold
    async def test_a_change_after_the_end_of_a_hold_leaves_the_place(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q", "a")
        for queue_id in ("q", "a"):
            await hold(store, kind, queue_id, duration=100)
        for elapsed in (0, 50):
            clock.advance(start + 100 + elapsed - clock.now())
            await patch(store, weight=1)
            assert (await look(store, "q")).ready_since == start + 100
        assert await queue_order(store, 2) == ["q", "a"]

    @pytest.mark.parametrize("kind", [HoldKind.LIMIT, HoldKind.FROZEN], ids=lambda kind: kind.value)
    async def test_the_first_job_of_a_held_queue_gives_it_a_new_number(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await enqueue(store, "q", "leased")
        await take(store)
        await hold(store, kind, duration=100)
        await begin(store, "a")
        await hold(store, kind, "a", duration=100)
        await enqueue(store, "q", "j")
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "q"]

    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"limits": (Limit(1_000_000, 1),)},
            {"limits": ()},
            {"concurrency": 2},
            {"weight": 9},
            {"max_length": 0},
            {"paused": False},
            {"freeze": 0},
        ],
        ids=str,
    )
    async def test_a_change_that_leaves_a_queue_ready_leaves_its_place(
        self, store: QueueStore, clock: ManualClock, change: dict[str, Any]
    ) -> None:
        await begin(store, "q", "a")
        clock.advance(10)
        await patch(store, **change)
        assert await queue_order(store, 2) == ["q", "a"]


class EventPlaceConformance(Conformance):
    """A queue that only an event can free keeps its number until one does."""

    @every_event
    @every_timed_hold
    async def test_an_event_that_leaves_it_held_for_a_while_leaves_its_number(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind, event: HoldKind
    ) -> None:
        await begin(store, "q", "a")
        for queue_id in ("q", "a"):
            await hold(store, kind, queue_id, duration=100)
        await hold(store, event)
        clock.advance(10)
        await free(store, event)
        clock.advance(90)
        assert await queue_order(store, 2) == ["q", "a"]

    @every_event
    @every_timed_hold
    async def test_a_timed_hold_that_comes_later_leaves_its_number(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind, event: HoldKind
    ) -> None:
        await begin(store, "q", "a")
        await hold(store, event)
        await hold(store, kind, "a", duration=100)
        await hold(store, kind, duration=100)
        await free(store, event)
        clock.advance(100)
        assert await queue_order(store, 2) == ["q", "a"]

    @every_event
    @every_timed_hold
    async def test_an_event_after_the_timed_hold_has_ended_gives_a_new_place(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind, event: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind, duration=100)
        await hold(store, event)
        clock.advance(150)
        await enqueue(store, "b", "j")
        await free(store, event)
        assert (await look(store, "q")).ready_since == clock.now()
        assert await queue_order(store, 2) == ["b", "q"]

    async def test_queues_that_are_resumed_stand_in_the_order_of_their_resumes(
        self, store: QueueStore
    ) -> None:
        await begin(store, "a", "b", "c")
        for queue_id in ("a", "b", "c"):
            await patch(store, queue_id, paused=True)
        for queue_id in ("b", "c", "a"):
            await patch(store, queue_id, paused=False)
        assert await queue_order(store, 3) == ["b", "c", "a"]

    async def test_a_queue_that_was_paused_again_stands_by_its_latest_resume(
        self, store: QueueStore
    ) -> None:
        await begin(store, "a", "b")
        for queue_id in ("a", "b", "a"):
            await patch(store, queue_id, paused=True)
            await patch(store, queue_id, paused=False)
        assert await queue_order(store, 2) == ["b", "a"]
