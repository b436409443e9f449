"""Gates: what holds all queues of a type together, and leaves their places alone."""

import asyncio
from typing import Any

import pytest

from sharq_plug.model import HoldKind, Limit, Overdue, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of
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
from sharq_plug.testing.conformance.held_queues import hold, shown
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import look_at_type
from sharq_plug.testing.conformance.setting import patch, patch_type, rules, type_rules, view_of
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    claim,
    enqueue,
    extend_lease,
    fail_job,
    finish_job,
    look,
    next_ready_at,
    queue_order,
    release_job,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)


class GateConformance(Conformance):
    """While the gate is closed, no job of any queue of the type goes."""

    @every_gate_hold
    async def test_a_closed_gate_gives_nothing_however_it_is_asked(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind)
        await enqueue(store, "p", "j")
        takes = [
            Take(2, LEASE_TIME),
            Take(2, LEASE_TIME, queues=("p", "q")),
            Take(2, LEASE_TIME, together=True),
        ]
        answers = await store.dequeue(TYPE, takes)
        assert [answer.jobs for answer in answers] == [()] * 3
        clock.advance(10)
        await open_gate(store, kind)
        assert (await take(store)).job_id == "j"

    @every_timed_gate_hold
    async def test_a_timed_hold_ends_to_the_ms(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        end = clock.now() + 100
        await begin_type(store)
        await close_gate(store, kind, duration=100)
        assert await next_ready_at(store) == end
        await take_exactly_at(store, clock, end)

    @every_gate_hold
    async def test_another_type_goes_on(self, store: QueueStore, kind: HoldKind) -> None:
        await begin_type(store)
        await close_gate(store, kind)
        await enqueue(store, "q", "j", queue_type="other")
        await take(store, queue_type="other")

    @every_gate_hold
    @pytest.mark.parametrize("own", HoldKind, ids=lambda kind: kind.value)
    async def test_a_gate_that_opens_leaves_the_holds_of_the_queue(
        self, store: QueueStore, kind: HoldKind, own: HoldKind
    ) -> None:
        await begin_type(store)
        await hold(store, own)
        await close_gate(store, kind)
        await open_gate(store, kind)
        assert await take_batch(store, 1) == []
        assert [held.of_type for held in (await rules(store)).held_by] == [False]

    async def test_all_else_goes_on_while_a_type_is_paused(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "finished", "released", "failed", "expires")
        finished, released, failed, expires = await take_in_turn(store, 4)
        await patch_type(store, paused=True)
        await enqueue(store, "q", "new")
        await finish_job(store, finished)
        await release_job(store, released)
        await fail_job(store, failed, dead=True)
        await extend_lease(store, expires, 10)
        clock.advance(10)
        assert len((await take_from(store, "q")).ended) == 1
        assert await by_state(store, "q") == (3, 0, 0, 1)
        await patch_type(store, paused=None)
        assert len(await take_batch(store, 9)) == 3

    @every_gate_hold
    async def test_nothing_joins_or_dies_at_a_closed_gate(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind)
        await enqueue(store, "p", "ends", ttl=100)
        clock.advance(100)
        assert await take_batch(store, 9) == []
        assert await by_state(store, "p") == (1, 0, 0, 0)
        await open_gate(store, kind)
        await patch_type(store, concurrency=None)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["q"]
        assert await by_state(store, "p") == (0, 0, 0, 1)

    async def test_a_repeated_take_gets_its_leases_through_a_closed_gate(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        [first] = (await take_from(store, "q", count=1, attempt_id="x")).jobs
        await patch_type(store, concurrency=1, paused=True)
        answer = await take_from(store, "q", count=1, attempt_id="x")
        assert [claim(job) for job in answer.jobs] == [claim(first)]

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
    async def test_a_hold_of_the_gate_is_shown_while_it_stands(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_type(store)
        assert (await type_rules(store)).held_by == ()
        await close_gate(store, kind, duration=100)
        held = (shown_of_type(kind, start + 100),)
        assert (await type_rules(store)).held_by == held
        assert (await rules(store)).held_by == held
        assert (await rules(store, "unknown")).held_by == held
        assert (await view_of(store, "j")).held_by == held
        assert (await view_of(store, "leased")).held_by == ()
        await open_gate(store, kind)
        assert (await type_rules(store)).held_by == (await rules(store)).held_by == ()

    @every_timed_gate_hold
    async def test_a_timed_hold_is_shown_until_it_ends(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_type(store)
        await close_gate(store, kind, duration=100)
        clock.advance(99)
        assert (await type_rules(store)).held_by == (shown_of_type(kind, start + 100),)
        clock.advance(1)
        assert (await type_rules(store)).held_by == ()

    async def test_holds_stand_in_their_order_behind_those_of_the_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await begin_type(store)
        for kind in HoldKind:
            await hold(store, kind, duration=300)
        await patch_type(
            store, limits=(Limit(1, 200), Limit(1, 100)), freeze=300, concurrency=1, paused=True
        )
        own = tuple(shown(kind, start + 300) for kind in HoldKind)
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

    @every_gate_hold
    async def test_earliest_at_does_not_know_the_gate(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        await close_gate(store, kind)
        clock.advance(10)
        assert (await view_of(store, "j")).earliest_at == clock.now()

    @pytest.mark.parametrize("settings", [{"paused": True}, {"limits": (Limit(1, 9),)}], ids=str)
    async def test_what_the_gate_has_set_is_not_in_effect_for_a_queue(
        self, store: QueueStore, settings: dict[str, Any]
    ) -> None:
        await enqueue(store, "q", "j")
        before = await rules(store)
        await patch_type(store, **settings)
        after = await rules(store)
        assert (after.settings, after.in_effect) == (before.settings, before.in_effect)
