"""Queues that come to use others: they keep their places."""

import pytest

from sharq_plug.model import PatchQueue, SettingsPatch
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import (
    CHANGED,
    patch,
    set_defaults,
)
from sharq_plug.testing.conformance.sharing import (
    find_limit,
    make,
    patch_limit,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    enqueue,
    queue_order,
    take,
    take_batch,
)

Names = tuple[str, ...]


every_change = pytest.mark.parametrize(
    ("before", "after"), [("", "x"), ("x", ""), ("x", "yz"), ("xy", "y"), ("xy", ""), ("", "xy")]
)


class ChangedUsesConformance(Conformance):
    """A queue that uses others keeps its place."""

    async def test_it_stands_in_its_new_row_where_it_stood(self, store: QueueStore) -> None:
        await make(store)
        for queue_id, names in {"a": ["x"], "b": ["y"], "c": ["x"], "d": [], "e": ["x"]}.items():
            await stock(store, queue_id, *names, jobs=1)
        await patch(store, "d", uses=("x",))
        await patch(store, "b", uses=("x", "y"))
        await patch(store, "a", uses=())
        await patch(store, "c", uses=("z",))
        assert await queue_order(store, 5) == list("abcde")

    @every_change
    async def test_it_keeps_its_turn(self, store: QueueStore, before: str, after: str) -> None:
        await make(store)
        await patch(store, "a", weight=3, uses=tuple(before))
        await stock(store, "ab")
        assert await queue_order(store, 2) == ["a", "a"]
        await patch(store, "a", uses=tuple(after))
        assert await queue_order(store, 5) == list("abaaa")

    @every_change
    async def test_it_keeps_its_turn_when_it_takes_up_what_it_is_to_use(
        self, store: QueueStore, before: str, after: str
    ) -> None:
        await make(store)
        await set_defaults(store, weight=3, uses=tuple(before))
        await stock(store, "ab")
        assert await queue_order(store, 2) == ["a", "a"]
        await set_defaults(store, uses=tuple(after))
        await tend_all(store)
        assert await queue_order(store, 5) == list("abbba")

    @every_change
    async def test_its_turn_goes_on_when_its_limit_opens_after_that(
        self, store: QueueStore, clock: ManualClock, before: str, after: str
    ) -> None:
        await make(store)
        await set_defaults(store, weight=3, uses=tuple(before))
        await stock(store, "ab")
        assert await queue_order(store, 1) == ["a"]
        for name in before:
            await patch_limit(store, name, paused=True)
        clock.advance(10)
        await set_defaults(store, uses=tuple(after))
        await tend_all(store)
        for name in before:
            await patch_limit(store, name, paused=False)
        assert await queue_order(store, 6) == list("aabbba")

    async def test_a_queue_that_was_in_a_closed_row_for_a_while_keeps_its_turn(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await patch_limit(store, "x", paused=True)
        await set_defaults(store, weight=3)
        await stock(store, "ab")
        assert await queue_order(store, 1) == ["a"]
        for uses in (("x",), None):
            await set_defaults(store, uses=uses)
            clock.advance(100)
            await tend_all(store)
        assert await queue_order(store, 6) == list("aabbba")

    @every_change
    async def test_it_keeps_its_turn_when_it_is_changed_again_in_the_same_call(
        self, store: QueueStore, before: str, after: str
    ) -> None:
        await make(store)
        await patch(store, "a", weight=3, uses=tuple(before))
        await stock(store, "ab")
        assert await queue_order(store, 2) == ["a", "a"]
        changes = [SettingsPatch(uses=tuple(after)), SettingsPatch(max_length=100)]
        outcomes = await store.configure(TYPE, [PatchQueue("a", change) for change in changes])
        assert outcomes == [CHANGED, CHANGED]
        assert await queue_order(store, 5) == list("abaaa")

    @every_change
    async def test_it_keeps_its_turn_when_a_job_of_it_dies_meanwhile(
        self, store: QueueStore, clock: ManualClock, before: str, after: str
    ) -> None:
        await make(store)
        await set_defaults(store, weight=3, uses=tuple(before))
        await stock(store, "ab")
        await enqueue(store, "a", "ends", ttl=50)
        assert await queue_order(store, 2) == ["a", "a"]
        await set_defaults(store, uses=tuple(after))
        clock.advance(50)
        await tend_all(store)
        assert await by_state(store, "a") == (7, 0, 2, 1)
        assert await queue_order(store, 5) == list("abbba")

    async def test_the_last_of_a_row_leaves_no_entry_behind(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await patch_limit(store, "x", freeze=100)
        await stock(store, "a", "x", jobs=1)
        await patch(store, "a", uses=("y",))
        await take(store)
        clock.advance(100)
        assert (await find_limit(store)).queues == 0
        assert await take_batch(store, 1) == []
        await stock(store, "b", "x", jobs=1)
        assert (await take(store)).queue_id == "b"
