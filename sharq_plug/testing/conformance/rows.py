"""Rows: queues that use the same shared limits stand in the line's order, open or closed."""

import pytest

from sharq_plug.model import HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_queues import OWN, begin, free, hold
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.sharing import (
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
    clear,
    enqueue,
    finish_job,
    let_expire,
    look,
    next_ready_at,
    queue_order,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)

every_own_hold = pytest.mark.parametrize("own", OWN, ids=lambda kind: kind.value)


async def in_order(store: QueueStore, count: int) -> str:
    """Return the queues, whose names are letters, that one dequeue of so many serves."""
    return "".join(job.queue_id for job in await take_batch(store, count))


class RowConformance(Conformance):
    """Where its limits are open, a queue of a row stands in the line as any other."""

    async def test_queues_of_rows_and_others_go_in_the_order_of_their_places(
        self, store: QueueStore
    ) -> None:
        await make(store)
        uses = {"a": "x", "b": "", "c": "y", "d": "xy", "e": "x", "f": "", "g": "xz", "h": "yz"}
        for queue_id, names in uses.items():
            await stock(store, queue_id, *names, jobs=2)
        assert await queue_order(store, 8) == list("abcdefgh")
        assert await in_order(store, 9) == "abcdefgh"

    async def test_an_instant_comes_before_a_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        for queue_id, names, delay in (("c", "x", 300), ("b", "x", 200), ("a", "", 250)):
            await stock(store, queue_id, *names, jobs=1, delay=delay)
        await stock(store, "d", "y", jobs=1, delay=250)
        assert await next_ready_at(store) == clock.now() + 200
        clock.advance(300)
        assert await queue_order(store, 4) == list("badc")

    async def test_a_served_queue_goes_to_the_end_of_its_row_and_of_the_line(
        self, store: QueueStore
    ) -> None:
        await make(store)
        for queue_id, names in {"a": "x", "b": "x", "c": "", "d": "x"}.items():
            await stock(store, queue_id, *names)
        assert await in_order(store, 10) == "abcdabcdab"

    async def test_a_limit_that_opens_again_and_again_serves_its_row_in_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 100))
        await stock(store, "cab", "x", jobs=3)
        order = (await take(store)).queue_id
        for n in range(1, 7):
            order += (await take_exactly_at(store, clock, start + 100 * n)).queue_id
        assert order == "cabcabc"

    async def test_a_turn_goes_on_across_a_limit_that_closes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100))
        await patch(store, "a", weight=3)
        await patch(store, "b", weight=2)
        await stock(store, "abc", "x")
        order = ""
        for _ in range(12):
            order += await in_order(store, 5)
            clock.advance(100)
        assert order == "aaabbcaaabbc"

    async def test_turns_of_a_row_and_of_others_go_together(self, store: QueueStore) -> None:
        await make(store)
        await patch(store, "a", weight=2)
        await patch(store, "c", weight=3)
        for queue_id, names in {"a": "x", "b": "", "c": "xy"}.items():
            await stock(store, queue_id, *names)
        assert await in_order(store, 12) == "aabcccaabccc"

    @every_own_hold
    async def test_a_queue_with_a_hold_of_its_own_does_not_keep_its_row(
        self, store: QueueStore, clock: ManualClock, own: HoldKind
    ) -> None:
        await make(store)
        for queue_id in "qab":
            await patch(store, queue_id, uses=("x",))
        await begin(store, "q", "a")
        await hold(store, own)
        clock.advance(10)
        await stock(store, "b", "x", jobs=1)
        assert await in_order(store, 9) == "ab"
        await free(store, own)
        assert await in_order(store, 9) == "q"

    async def test_nor_does_its_own_limit(self, store: QueueStore, clock: ManualClock) -> None:
        await make(store)
        await stock(store, "a", "x", interval=1000)
        await stock(store, "b", "x", jobs=3)
        assert await in_order(store, 9) == "abbb"
        clock.advance(1000)
        assert await in_order(store, 9) == "a"

    async def test_a_row_that_was_empty_stands_in_line_again(self, store: QueueStore) -> None:
        await make(store)
        for _ in range(3):
            await stock(store, "ab", "x", jobs=1)
            await stock(store, "c", "x", "y", jobs=1)
            jobs = await take_in_turn(store, 2)
            assert [job.queue_id for job in jobs] == ["a", "b"]
            for job in jobs:
                await finish_job(store, job)
            await clear(store, "c")
            assert await in_order(store, 9) == ""

    async def test_the_first_of_a_row_leaves_its_place_to_the_next(self, store: QueueStore) -> None:
        await make(store)
        for queue_id, names in {"a": "x", "b": "x", "c": "", "d": "x"}.items():
            await stock(store, queue_id, *names, jobs=1)
        await clear(store, "a")
        assert await queue_order(store, 3) == list("bcd")


class ClosedRowConformance(Conformance):
    """A closed limit keeps its rows in order, and keeps no other queue waiting."""

    @every_limit_hold
    async def test_a_limit_that_an_event_opens_leaves_the_places_of_its_queues(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await make(store, "x")
        await patch(store, "q", uses=("x",))
        await begin(store, "q")
        await close_limit(store, kind)
        clock.advance(10)
        await stock(store, "a", "x", jobs=1)
        await stock(store, "b", jobs=1)
        clock.advance(10)
        await stock(store, "c", "x", jobs=1)
        await open_limit(store, kind)
        await patch_limit(store, limits=None, concurrency=None)
        assert (await look(store, "q")).ready_since == start
        assert await queue_order(store, 4) == list("qabc")

    @every_timed_limit_hold
    async def test_one_that_opens_at_its_instant_stands_in_line_there(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await make(store, "x")
        await patch(store, "q", uses=("x",))
        await begin(store, "q")
        await close_limit(store, kind, duration=100)
        clock.advance(99)
        await enqueue(store, "before", "j")
        clock.advance(1)
        await enqueue(store, "after", "j")
        assert await queue_order(store, 3) == ["before", "q", "after"]

    async def test_queues_that_come_and_go_behind_it_keep_the_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, freeze=500)
        for queue_id in "dacb":
            await stock(store, queue_id, "x", jobs=2)
            clock.advance(10)
        await clear(store, "a")
        await patch(store, "c", freeze=50)
        await stock(store, "a", "x", jobs=1)
        await patch(store, "b", freeze=1000)
        clock.advance(500)
        await patch(store, "b", freeze=0)
        assert await in_order(store, 4) == "dacb"

    async def test_many_closed_limits_keep_nobody_waiting(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(100):
            await patch_limit(store, f"x{n}", paused=n % 2 == 0, freeze=500)
            await stock(store, [f"q{n}"], f"x{n}", jobs=1)
        await stock(store, "p", jobs=2)
        assert await in_order(store, 2) == "pp"
        assert await next_ready_at(store) == clock.now() + 500
        clock.advance(500)
        assert len(await take_batch(store, 99)) == 50

    async def test_many_queues_behind_a_closed_limit_keep_nobody_waiting(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100))
        names = [f"q{n}" for n in range(1500)]
        for name in names:
            await stock(store, [name], "x", jobs=1)
        await stock(store, "p", jobs=3)
        assert await queue_order(store, 4) == ["q0", "p", "p", "p"]
        for n in range(1, 5):
            clock.advance(100)
            assert await queue_order(store, 1) == [f"q{n}"]
            assert await next_ready_at(store) == clock.now() + 100

    async def test_an_expired_lease_goes_back_to_its_row(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "a", "x", jobs=1)
        await let_expire(store, clock)
        await patch_limit(store, paused=True)
        assert await in_order(store, 9) == ""
        await patch_limit(store, paused=False)
        await finish_job(store, await take(store))


class NamedRowConformance(Conformance):
    """A take that names queues gets those that are ready with open limits, by their own places."""

    async def test_named_queues_go_by_their_own_places(self, store: QueueStore) -> None:
        await make(store)
        uses = {"a": "x", "b": "", "c": "xy", "d": "y", "e": "x"}
        for queue_id, names in uses.items():
            await stock(store, queue_id, *names, jobs=2)
        answer = await take_from(store, "e", "d", "c", "b", count=6)
        assert served(answer) == ["b/j0", "c/j0", "d/j0", "e/j0", "b/j1", "c/j1"]
        assert await in_order(store, 9) == "adea"

    async def test_those_behind_a_closed_limit_are_passed_over(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, "x", freeze=300)
        await patch_limit(store, "y", paused=True)
        await patch_limit(store, "z")
        uses = {"a": "x", "b": "y", "c": "xz", "d": "yz", "e": "z"}
        for queue_id, names in uses.items():
            await stock(store, queue_id, *names, jobs=1)
        answer = await take_from(store, *"abcde")
        assert (served(answer), answer.next_ready_at) == (["e/j0"], clock.now() + 300)
        assert (await take_from(store, "b", "d")).next_ready_at is None
        clock.advance(300)
        assert served(await take_from(store, *"dcba")) == ["a/j0", "c/j0"]
        await patch_limit(store, "y", paused=False)
        assert await in_order(store, 9) == "bd"

    async def test_a_queue_that_is_not_named_keeps_its_place_in_its_row(
        self, store: QueueStore
    ) -> None:
        await make(store)
        await stock(store, "abc", "x", jobs=2)
        assert served(await take_from(store, "b", count=1)) == ["b/j0"]
        assert await in_order(store, 9) == "acbac"
