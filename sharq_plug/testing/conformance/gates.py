"""Gates: what holds all queues of a type together, and leaves their places alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sharq_plug.model import HoldKind, Limit, Overdue
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import (
    begin_type,
    close_gate,
    every_gate_hold,
    every_timed_gate_hold,
    open_gate,
    shown_of_type,
)
from sharq_plug.testing.conformance.held_queues import OWN, hold, shown
from sharq_plug.testing.conformance.limiter_next_ready import foreseen
from sharq_plug.testing.conformance.operating import look_at_type
from sharq_plug.testing.conformance.setting import patch, patch_type, rules, type_rules, view_of
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    finish_job,
    look,
    next_ready_at,
    queue_order,
    take,
    take_batch,
    take_exactly_at,
)


class GateConformance(Conformance):
    """A gate leaves other types alone, and holds however many ask and whatever the clock does."""

    @every_gate_hold
    async def test_another_type_goes_on(self, store: QueueStore, kind: HoldKind) -> None:
        await begin_type(store)
        await close_gate(store, kind)
        await enqueue(store, "q", "j", queue_type="other")
        await take(store, queue_type="other")

    async def test_many_workers_break_neither_a_limit_nor_a_concurrency_of_the_type(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_type(store, limits=(Limit(1, 100, 4),), concurrency=6)
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(9)))
        for served in (4, 2):
            batches = await asyncio.gather(*(take_batch(store, 2) for _ in range(20)))
            assert sum(map(len, batches)) == served
            clock.advance(1000)

    @pytest.mark.parametrize("notice", [next_ready_at, tend_all], ids=["dequeue", "tend"])
    async def test_a_clock_that_steps_back_leaves_what_the_gate_is_owed_from_when_it_is_noticed(
        self,
        store: QueueStore,
        clock: ManualClock,
        notice: Callable[[QueueStore], Awaitable[object]],
    ) -> None:
        await patch_type(store, limits=(Limit(1, 1000),))
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        clock.advance(300)
        clock.step_back(10**6)
        await enqueue(store, "p", "j")
        await notice(store)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_a_full_type_that_is_frozen_longer_foresees_the_end_of_its_freeze(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 900
        await enqueue(store, "other", "j")
        await take(store, lease_time=700)
        await enqueue(store, "q", "j")
        await patch(store, freeze=750)
        await patch_type(store, concurrency=1, freeze=900)
        assert await foreseen(store) == {end}

    async def test_a_paused_type_foresees_no_end_of_a_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await take(store, lease_time=50)
        await patch_type(store, paused=True, freeze=100)
        assert await foreseen(store) == {None}
        clock.advance(20)
        assert await foreseen(store) == {None}


class GatePlaceConformance(Conformance):
    """The gate gives no places and ends no turn."""

    @every_gate_hold
    async def test_queues_stand_where_they_stood_and_line_up_while_it_is_closed(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_type(store)
        await close_gate(store, kind)
        clock.advance(10)
        await enqueue(store, "a", "j")
        await enqueue(store, "later", "j", delay=10)
        clock.advance(5)
        await enqueue(store, "b", "j")
        clock.advance(10)
        assert (await look(store, "q")).ready_since == start
        await open_gate(store, kind)
        await patch_type(store, limits=None, concurrency=None)
        assert await queue_order(store, 4) == ["q", "a", "b", "later"]

    @every_timed_gate_hold
    async def test_nor_does_the_end_of_a_timed_hold_move_any(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind, duration=100)
        await enqueue(store, "a", "j")
        clock.advance(100)
        assert (await take(store)).queue_id == "q"
        await patch_type(store, limits=None)
        assert (await take(store)).queue_id == "a"

    async def test_a_gate_that_closes_within_a_turn_does_not_end_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, "a", weight=3)
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(9)))
        await patch_type(store, limits=(Limit(1, 100, 2),))
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "a"]
        clock.advance(200)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b"]

    @every_gate_hold
    async def test_queues_that_stand_ready_behind_it_are_shown_as_ready(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_type(store)
        await close_gate(store, kind)
        clock.advance(5)
        view = await look_at_type(store)
        assert (view.ready_queues, view.ready_since) == (1, start)
        assert (await look(store, "q")).ready_since == start
        [overdue] = await items_of(store, TYPE, Overdue())
        assert overdue.queue_id == "q"


class GateHeldByConformance(Conformance):
    """The holds of the gate are shown with the type, each queue and each job that waits."""

    @every_gate_hold
    async def test_a_queue_that_nobody_knows_shows_the_holds_of_the_gate(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        held = (shown_of_type(kind, clock.now() + 100),)
        await begin_type(store)
        await close_gate(store, kind, duration=100)
        assert (await rules(store, "unknown")).held_by == held

    async def test_holds_stand_in_their_order_behind_those_of_the_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await begin_type(store)
        for kind in OWN:
            await hold(store, kind, duration=300)
        await patch_type(
            store, limits=(Limit(1, 200), Limit(1, 100)), freeze=300, concurrency=1, paused=True
        )
        own = tuple(shown(kind, start + 300) for kind in OWN)
        of_type = (
            shown_of_type(HoldKind.LIMIT, start + 200),
            shown_of_type(HoldKind.LIMIT, start + 100),
            shown_of_type(HoldKind.FROZEN, start + 300),
            shown_of_type(HoldKind.CONCURRENCY, start),
            shown_of_type(HoldKind.PAUSED, start),
        )
        assert (await type_rules(store)).held_by == of_type
        assert (await rules(store)).held_by == own + of_type
        assert (await view_of(store, "j")).held_by == own + of_type

    @pytest.mark.parametrize("settings", [{"paused": True}, {"limits": (Limit(1, 9),)}], ids=str)
    async def test_what_the_gate_has_set_is_not_in_effect_for_a_queue(
        self, store: QueueStore, settings: dict[str, Any]
    ) -> None:
        await enqueue(store, "q", "j")
        before = await rules(store)
        await patch_type(store, **settings)
        after = await rules(store)
        assert (after.settings, after.in_effect) == (before.settings, before.in_effect)
