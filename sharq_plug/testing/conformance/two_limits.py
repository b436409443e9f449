"""Queues with two shared limits: they go when a dequeue finds both open, in their row's order."""

import pytest

from sharq_plug.model import MAX_MOVES, HoldKind, Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_queues import begin
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.operating import DAY
from sharq_plug.testing.conformance.rows import in_order
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.sharing import (
    both_benches,
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
    LEASE_TIME,
    TYPE,
    finish_job,
    next_ready_at,
    queue_order,
    take,
    take_batch,
    take_exactly_at,
)


async def cross(store: QueueStore, rows: int) -> None:
    """Close "z" for 500 ms; let as many queues as `rows` use it with an open one, each another.

    Behind them queue "p" waits, which uses none.
    """
    await patch_limit(store, "z", freeze=500)
    for n in range(rows):
        await patch_limit(store, f"x{n:03}")
        await stock(store, [f"q{n:03}"], f"x{n:03}", "z", jobs=1)
    await stock(store, "p", jobs=3)


class TwoLimitsConformance(Conformance):
    """While one of its two shared limits is closed, a queue does not go."""

    @every_limit_hold
    @both_benches
    async def test_either_of_both_holds_the_queue(
        self, store: QueueStore, kind: HoldKind, closed: str
    ) -> None:
        await make(store, "xy")
        await patch(store, "q", uses=("x", "y"))
        await begin(store, "q")
        await close_limit(store, kind, closed)
        assert await take_batch(store, 9) == []
        await open_limit(store, kind, closed)
        assert await in_order(store, 9) == "q"

    @every_timed_limit_hold
    @pytest.mark.parametrize(("first", "second"), ["xy", "yx"])
    async def test_the_later_of_both_counts(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind, first: str, second: str
    ) -> None:
        start = clock.now()
        await make(store, "xy")
        await patch(store, "q", uses=("x", "y"))
        await begin(store, "q")
        await stock(store, "ab", "x", "y", jobs=1)
        await close_limit(store, kind, first, duration=100)
        await close_limit(store, HoldKind.FROZEN, second, duration=200)
        for elapsed in (0, 99, 1, 50, 49):
            clock.advance(elapsed)
            told = await next_ready_at(store)
            assert told is not None
            assert clock.now() < told <= start + 200
        clock.advance(1)
        await share(store, name=first)
        assert await queue_order(store, 3) == list("qab")

    @every_limit_hold
    @pytest.mark.parametrize(("first", "second"), ["xy", "yx"])
    async def test_both_may_be_closed_and_open_by_events_in_any_order(
        self, store: QueueStore, kind: HoldKind, first: str, second: str
    ) -> None:
        await make(store, "xy")
        for queue_id in "qab":
            await patch(store, queue_id, uses=("x", "y"))
        await begin(store, *"qab")
        for name in (first, second):
            await close_limit(store, kind, name)
            assert await take_batch(store, 9) == []
        for name in (first, second):
            assert await take_batch(store, 9) == []
            await open_limit(store, kind, name)
            await patch_limit(store, name, concurrency=None)
        assert await in_order(store, 9) == "qab"

    async def test_they_go_only_where_both_open_at_one_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store, "xy")
        await stock(store, "ab", "x", "y", jobs=1)
        await patch_limit(store, "x", paused=True)
        for name, other in ("xy", "yx", "xy", "yx"):
            assert await take_batch(store, 9) == []
            await patch_limit(store, other, paused=True)
            assert await take_batch(store, 9) == []
            await patch_limit(store, name, paused=False)
            clock.advance(10)
            assert await take_batch(store, 9) == []
        await patch_limit(store, "y", paused=False)
        await patch_limit(store, "x", paused=False)
        assert await in_order(store, 9) == "ab"

    @both_benches
    async def test_a_row_that_one_closes_keeps_its_order_and_lets_other_rows_go(
        self, store: QueueStore, closed: str
    ) -> None:
        await make(store, "xy")
        other = {"x": "y", "y": "x"}[closed]
        for queue_id, names in {"a": "xy", "b": other, "c": closed, "d": "xy", "e": ""}.items():
            await stock(store, queue_id, *names, jobs=1)
        await patch_limit(store, closed, paused=True)
        assert await in_order(store, 9) == "be"
        await patch_limit(store, closed, paused=False)
        assert await in_order(store, 9) == "acd"

    async def test_both_rates_and_concurrencies_hold(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 100), name="x")
        await patch_limit(store, "y", concurrency=2)
        await stock(store, "ab", "x", "y")
        await stock(store, "c", "y", jobs=1)
        jobs = [await take(store, lease_time=DAY)]
        assert jobs[0].queue_id == "a"
        assert (await take(store)).queue_id == "c"
        assert await take_batch(store, 9) == []
        clock.advance(100)
        assert await take_batch(store, 9) == []
        await finish_job(store, jobs[0])
        assert await in_order(store, 9) == "b"
        told = await next_ready_at(store)
        assert told is not None
        assert start + 200 <= told <= start + LEASE_TIME

    async def test_two_that_open_in_turn_are_told_of_until_both_are_open(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 300), name="x")
        await share(store, Limit(1, 700), name="y")
        await stock(store, "q", "x", "y")
        instants: list[int] = []
        while len(instants) < 4:
            answer = await take_from(store, "q", count=2)
            instants += [clock.now() - start] * len(answer.jobs)
            assert answer.next_ready_at is not None
            clock.advance(answer.next_ready_at - clock.now())
        assert instants == [0, 700, 1400, 2100]
        while len(instants) < 7:
            jobs = await take_batch(store, 1)
            instants += [clock.now() - start] * len(jobs)
            told = clock.now() if jobs else await next_ready_at(store)
            assert told is not None
            clock.advance(told - clock.now())
        assert instants[4:] == [2800, 3500, 4200]

    @both_benches
    async def test_named_queues_go_wherever_their_row_stands(
        self, store: QueueStore, closed: str
    ) -> None:
        await make(store, "xy")
        await stock(store, "abc", "x", "y", jobs=2)
        await patch_limit(store, closed, paused=True)
        assert await take_batch(store, 9) == []
        assert served(await take_from(store, "b", "c")) == []
        await patch_limit(store, closed, paused=False)
        assert served(await take_from(store, "b", "c", count=3)) == ["b/j0", "c/j0", "b/j1"]
        assert await in_order(store, 9) == "aca"


class MovesConformance(Conformance):
    """A dequeue call moves so many rows, then it ends early."""

    async def test_a_call_ends_with_its_last_move(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await cross(store, MAX_MOVES)
        answers = await store.dequeue(TYPE, [Take(1, LEASE_TIME), Take(1, LEASE_TIME)])
        assert [(answer.jobs, answer.next_ready_at) for answer in answers] == [
            ((), clock.now()),
            ((), clock.now()),
        ]
        assert (await take(store)).queue_id == "p"

    async def test_a_call_with_one_row_less_goes_on(self, store: QueueStore) -> None:
        await cross(store, MAX_MOVES - 1)
        assert (await take(store)).queue_id == "p"

    async def test_the_moves_of_all_takes_of_a_call_count_together(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, "z", freeze=500)
        await stock(store, ["first"], jobs=1)
        await cross(store, MAX_MOVES)
        takes = [Take(1, LEASE_TIME), Take(1, LEASE_TIME), Take(1, LEASE_TIME)]
        first, *others = await store.dequeue(TYPE, takes)
        assert served(first) == ["first/j0"]
        assert [(answer.jobs, answer.next_ready_at) for answer in others] == [
            ((), clock.now()),
            ((), clock.now()),
        ]

    async def test_a_take_that_names_queues_gets_nothing_after_the_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await cross(store, MAX_MOVES)
        takes = [Take(1, LEASE_TIME), Take(1, LEASE_TIME, queues=("p",))]
        answers = await store.dequeue(TYPE, takes)
        assert [(answer.jobs, answer.next_ready_at) for answer in answers] == [
            ((), clock.now()),
            ((), clock.now()),
        ]

    async def test_rows_that_have_been_moved_are_not_moved_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 500
        rows = 2 * MAX_MOVES + 2
        await cross(store, rows)
        for _ in range(2):
            assert await next_ready_at(store) == clock.now()
        assert await in_order(store, 3) == "ppp"
        assert await next_ready_at(store) == end
        clock.advance(500)
        names = [f"q{n:03}" for n in range(rows)]
        assert [job.queue_id for job in await take_batch(store, 999)] == names

    async def test_rows_do_not_move_at_each_opening(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100), name="z")
        names = [f"q{n:03}" for n in range(2 * MAX_MOVES)]
        for n, name in enumerate(names):
            await patch_limit(store, f"x{n:03}")
            await stock(store, [name], f"x{n:03}", "z", jobs=2)
        assert (await take(store)).queue_id == names[0]
        for _ in range(2):
            assert await next_ready_at(store) == clock.now()
        for name in names[1:6]:
            assert await next_ready_at(store) == clock.now() + 100
            clock.advance(100)
            assert (await take(store)).queue_id == name

    async def test_named_queues_move_no_row(self, store: QueueStore, clock: ManualClock) -> None:
        await cross(store, MAX_MOVES)
        answer = await take_from(store, *(f"q{n:03}" for n in range(MAX_MOVES)), "p", count=1)
        assert served(answer) == ["p/j0"]
        assert await next_ready_at(store) == clock.now()

    async def test_queues_behind_a_closed_limit_are_moved_together(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 500
        await patch_limit(store, "x")
        await patch_limit(store, "z", freeze=500)
        names = [f"q{n}" for n in range(3 * MAX_MOVES)]
        for name in names:
            await stock(store, [name], "x", "z", jobs=1)
        await stock(store, "p", jobs=1)
        assert (await take(store)).queue_id == "p"
        assert (await take_exactly_at(store, clock, end)).queue_id == "q0"
        assert [job.queue_id for job in await take_batch(store, 999)] == names[1:]
