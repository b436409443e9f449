"""Shared limits and those who come back: when a job can go, with all its limits open."""

import pytest

from sharq_plug.model import (
    Extras,
    HoldKind,
    Limit,
    NewJob,
    Overdue,
    QueueView,
    Types,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import ALWAYS_OPEN
from sharq_plug.testing.conformance.limiter_next_ready import foreseen
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import look_at_type, queues
from sharq_plug.testing.conformance.setting import patch, patch_type
from sharq_plug.testing.conformance.sharing import (
    begin_limit,
    close_limit,
    every_limit_hold,
    every_timed_limit_hold,
    make,
    open_limit,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    look,
    next_ready_at,
    take,
)


async def overdue(store: QueueStore, *, limit: int = 100) -> list[str]:
    """Return the queues that are ready, those that could go for longest first."""
    views: list[QueueView] = await items_of(store, TYPE, Overdue(), limit=limit)
    return [view.queue_id for view in views]


async def ready(store: QueueStore) -> tuple[int, int | None]:
    """Return how many queues are ready, and since when the first of them is."""
    view = await look_at_type(store)
    return view.ready_queues, view.ready_since


class SharedNextReadyConformance(Conformance):
    """What is foreseen is when the queue's place, its shared limits and the gate allow it to go."""

    @every_timed_limit_hold
    async def test_a_gate_that_opens_later_than_a_shared_limit_is_foreseen(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_limit(store)
        await close_limit(store, kind, duration=500)
        await patch_type(store, freeze=950)
        assert await foreseen(store) == {start + 950}
        await patch_type(store, freeze=0)
        assert await foreseen(store) == {start + 500}

    @every_limit_hold
    async def test_a_queue_that_uses_another_is_foreseen(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_limit(store)
        await close_limit(store, kind, duration=500)
        await patch_limit(store, "y", freeze=300)
        await stock(store, "p", "y", jobs=1)
        assert await next_ready_at(store) == start + 300
        assert (await look_at_type(store)).next_ready_at == start + 300
        await enqueue(store, "plain", "j", delay=200)
        assert await next_ready_at(store) == start + 200

    @pytest.mark.parametrize(("x", "y"), [(300, 500), (500, 300)])
    async def test_of_two_the_later_is_foreseen_and_never_a_later_instant(
        self, store: QueueStore, clock: ManualClock, x: int, y: int
    ) -> None:
        start = clock.now()
        await patch_limit(store, "x", freeze=x)
        await patch_limit(store, "y", freeze=y)
        await stock(store, "q", "x", "y", jobs=1)
        assert (await take_from(store, "q")).next_ready_at == start + 500
        assert (await look(store, "q")).next_ready_at == start + 500
        for _ in range(2):
            told = await next_ready_at(store)
            assert told is not None
            assert clock.now() < told <= start + 500
            clock.advance(told - clock.now())
            if clock.now() == start + 500:
                break
        assert clock.now() == start + 500
        await take(store)

    async def test_who_comes_back_when_told_is_let_in_by_shared_limits(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 70))
        await share(store, Limit(1, 200), name="y")
        await stock(store, "a", "x", "y", jobs=2)
        await stock(store, "b", "x", jobs=2)
        instants: list[tuple[int, str]] = []
        while len(instants) < 4:
            answer = await take_from(store, "a", "b", count=2)
            instants += [(clock.now() - start, job.queue_id) for job in answer.jobs]
            assert answer.next_ready_at is not None
            clock.advance(answer.next_ready_at - clock.now())
        assert instants == [(0, "a"), (70, "b"), (140, "b"), (210, "a")]


class SharedReadyConformance(Conformance):
    """A queue of a row is ready from its own place on, while its shared limits are open."""

    async def test_queues_of_rows_count_as_ready(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await make(store)
        await stock(store, "b", "x", "y", jobs=1)
        clock.advance(10)
        await stock(store, "c", jobs=1)
        await stock(store, "a", "x", jobs=1)
        await stock(store, "d", "z", jobs=1, delay=10)
        assert await ready(store) == (3, start)
        assert await overdue(store) == list("bca")
        clock.advance(10)
        assert await ready(store) == (4, start)
        assert await overdue(store) == list("bcad")
        assert await overdue(store, limit=1) == list("bcad")

    @every_limit_hold
    async def test_queues_behind_a_closed_shared_limit_are_not_ready(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin_limit(store)
        await make(store, "y")
        clock.advance(10)
        await stock(store, "p", "x", "y", jobs=1)
        clock.advance(10)
        await stock(store, "r", "y", jobs=1)
        await stock(store, "s", jobs=1)
        assert await overdue(store) == list("qprs")
        await close_limit(store, kind)
        assert await ready(store) == (2, start + 20)
        assert await overdue(store) == list("rs")
        assert (await look(store, "q")).ready_since is None
        assert (await look(store, "r")).ready_since == start + 20
        await open_limit(store, kind)
        assert await ready(store) == (4, start)
        assert (await look(store, "q")).ready_since == start

    @every_limit_hold
    async def test_a_listing_shows_queues_of_rows_as_a_look_does(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_limit(store)
        await make(store, "y")
        await stock(store, "p", "x", "y", jobs=1)
        await stock(store, "r", "y", jobs=1, delay=100)
        for change in (close_limit, open_limit):
            await change(store, kind)
            listed = await queues(store)
            assert listed == {name: await look(store, name) for name in "pqr"}
            clock.advance(10)

    async def test_a_queue_with_a_hold_of_its_own_is_not_ready_and_its_row_is(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await stock(store, "abc", "x", jobs=1)
        await patch(store, "a", freeze=100)
        await patch(store, "b", paused=True)
        assert await overdue(store) == ["c"]
        assert (await ready(store))[0] == 1
        clock.advance(100)
        assert await overdue(store) == ["c", "a"]

    async def test_all_count_as_ready_however_many_rows_there_are(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        first = clock.now()
        for begin in (550, 0):  # the first by name come last
            names = [f"l{n:04}" for n in range(begin, begin + 550)]
            uses = {name: Extras(uses=(Use(name, (ALWAYS_OPEN,)),)) for name in names}
            for prefix in "ab":
                jobs = [NewJob(prefix + name, "j", b"", 0, extras=uses[name]) for name in names]
                await store.enqueue(TYPE, jobs)
            clock.advance(10)
        assert await ready(store) == (2200, first)
        [view] = await items_of(store, None, Types())
        assert (view.ready_queues, view.ready_since) == (2200, first)
        assert len(await overdue(store)) == 2200
