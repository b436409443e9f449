"""Defaults that name shared limits, and queues of rows that take up changed defaults."""

import pytest

from sharq_plug.model import Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.rows import in_order
from sharq_plug.testing.conformance.setting import patch, rules, set_defaults
from sharq_plug.testing.conformance.sharing import (
    bring,
    closed_until,
    find_limit,
    make,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    enqueue,
    next_ready_at,
    take,
    take_batch,
)
from sharq_plug.testing.conformance.watching import Wakes


async def pending(store: QueueStore, names: str) -> str:
    """Return which of these queues have not taken up the defaults yet."""
    return "".join([name for name in names if (await rules(store, name)).pending])


class SharedDefaultsConformance(Conformance):
    """A queue uses what its type's defaults name once it has taken them up."""

    async def test_a_head_takes_up_what_it_is_to_use_before_it_is_served(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, paused=True)
        await stock(store, "abc", jobs=1)
        await patch(store, "b", uses=())
        await set_defaults(store, uses=("x",))
        assert await pending(store, "abc") == "abc"
        assert await in_order(store, 9) == "b"
        assert await pending(store, "ac") == ""
        assert (await find_limit(store)).queues == 2
        await patch_limit(store, paused=False)
        assert await in_order(store, 9) == "ac"

    async def test_a_queue_that_does_not_exist_uses_what_the_defaults_name_now(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, paused=True)
        await set_defaults(store, uses=("x",))
        found = await rules(store, "unknown")
        assert (found.in_effect.uses, found.held_by) == (("x",), (closed_until(None),))
        assert (await find_limit(store)).queues == 0

    async def test_a_named_queue_takes_up_what_it_is_to_use_before_it_is_served(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, paused=True)
        await stock(store, "abc", jobs=2)
        await patch(store, "b", uses=())
        await set_defaults(store, uses=("x",))
        assert served(await take_from(store, "a", "b")) == ["b/j0", "b/j1"]
        assert await pending(store, "ac") == "c"
        [answer] = await store.dequeue(TYPE, [Take(9, LEASE_TIME, together=True)])
        assert answer.jobs == ()

    async def test_what_tightens_is_never_exceeded_by_heads(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100, 3))
        await stock(store, "abcdef", jobs=1)
        await set_defaults(store, uses=("x",))
        assert await in_order(store, 9) == "abc"
        clock.advance(100)
        assert await in_order(store, 9) == "d"

    async def test_the_head_of_a_row_takes_up_defaults_before_it_is_served(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await make(store)
        await stock(store, "abc", "x", jobs=2)
        await stock(store, "d", jobs=2)
        await set_defaults(store, limits=(Limit(1, 1000),), weight=2)
        assert await in_order(store, 9) == "abcd"
        assert await next_ready_at(store) == start + 1000

    async def test_the_head_of_a_row_that_is_to_use_others_goes_to_its_new_row(
        self, store: QueueStore
    ) -> None:
        await make(store)
        await set_defaults(store, uses=("x",))
        await stock(store, "abc", jobs=1)
        await set_defaults(store, uses=("x", "y"))
        await patch_limit(store, "y", paused=True)
        await stock(store, "d", "x", jobs=1)
        assert await in_order(store, 9) == "d"
        await set_defaults(store, uses=("z",))
        await tend_all(store)
        assert await in_order(store, 9) == "abc"

    async def test_a_queue_behind_a_closed_limit_is_freed_when_it_takes_up_the_defaults(
        self, store: QueueStore
    ) -> None:
        await make(store)
        await set_defaults(store, uses=("x",))
        await stock(store, "abc", jobs=1)
        await patch_limit(store, "x", paused=True)
        await set_defaults(store, uses=None)
        assert await in_order(store, 9) == ""
        await patch(store, "b")
        assert await in_order(store, 9) == "b"
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await tend_all(store)
            await wakes.hear(0)
        assert await in_order(store, 9) == "ac"

    @pytest.mark.parametrize("limit", [1, 2, 5, 8])
    async def test_tending_goes_by_the_line_then_row_by_row(
        self, store: QueueStore, limit: int
    ) -> None:
        await make(store)
        uses = {"a": "y", "b": "", "c": "xz", "d": "x", "e": "", "f": "xy", "g": "x", "h": "y"}
        for queue_id, names in uses.items():
            await stock(store, queue_id, *names, jobs=1)
        await patch_limit(store, "x", paused=True)
        await tend_all(store)
        await set_defaults(store, weight=2)
        left = order = "be" + "dg" + "f" + "c" + "ah"
        while left:
            before, more = left, (await store.tend(limit=limit)).more
            left = await pending(store, order)
            assert order.endswith(left)
            assert len(before) - len(left) <= limit
            assert more or not left
        await tend_all(store)
        assert await in_order(store, 9) == "abeh"

    async def test_rows_go_by_their_names_whatever_these_are(self, store: QueueStore) -> None:
        uses = {"a": ("x-",), "b": ("x", "y"), "c": ("x", "x-"), "d": ("x",), "e": ("X",)}
        for name in ("X", "x", "x-", "y"):
            await patch_limit(store, name)
        for queue_id, names in uses.items():
            await stock(store, queue_id, *names, jobs=1)
        await tend_all(store)
        await set_defaults(store, weight=2)
        left = order = "edcba"
        while left:
            left = await pending(store, order)
            assert order.endswith(left)
            await store.tend(limit=1)

    async def test_a_queue_that_comes_meanwhile_has_taken_them_up(self, store: QueueStore) -> None:
        await make(store)
        await set_defaults(store, uses=("x",))
        await stock(store, "abc", jobs=1)
        await set_defaults(store, uses=("y",))
        await store.tend(limit=1)
        await stock(store, "d", jobs=1)
        await tend_all(store, limit=1)
        assert [(await find_limit(store, name)).queues for name in "xy"] == [0, 4]
        assert await in_order(store, 9) == "abcd"

    async def test_brought_names_hold_when_the_defaults_are_taken_back(
        self, store: QueueStore
    ) -> None:
        await make(store)
        await set_defaults(store, uses=("x",))
        await enqueue(store, "q", "j1", "j2", uses=bring("y"))
        await patch_limit(store, "y", paused=True)
        await take(store)
        await set_defaults(store, uses=None)
        assert await take_batch(store, 9) == []
        await patch_limit(store, "y", paused=False)
        await take(store)
