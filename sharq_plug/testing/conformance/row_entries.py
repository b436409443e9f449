"""Entries of shared limits in the line: which steps set them anew, and which leave them."""

from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.rows import in_order
from sharq_plug.testing.conformance.setting import patch, set_defaults
from sharq_plug.testing.conformance.sharing import patch_limit, stock
from sharq_plug.testing.conformance.vocabulary import clear, enqueue

Step = Callable[[QueueStore], Awaitable[object]]


async def tending_with_changed_defaults(store: QueueStore) -> None:
    """Let all queues take up other defaults."""
    await set_defaults(store, max_length=100)
    await tend_all(store)


every_step_that_leaves_it = pytest.mark.parametrize(
    "step",
    [
        lambda store: enqueue(store, "a", "more"),
        lambda store: stock(store, "d", "x", jobs=1),
        lambda store: stock(store, "d", "x", "y", jobs=1),
        lambda store: patch(store, "last", uses=("x",), freeze=500),
        lambda store: clear(store, "c"),
        lambda store: patch(store, "c", freeze=500),
        lambda store: patch_limit(store, "y"),
        tending_with_changed_defaults,
    ],
    ids=[
        "enqueue",
        "new queue",
        "of another row",
        "moved queue",
        "gone queue",
        "held queue",
        "other",
        "tend",
    ],
)
every_step_that_sets_it = pytest.mark.parametrize(
    "step",
    [
        patch_limit,
        lambda store: patch_limit(store, freeze=0),
        lambda store: stock(store, "d", "x", "y2", jobs=1),
        lambda store: patch(store, "early", uses=("x",)),
        lambda store: patch(store, "other", uses=()),
    ],
    ids=["patch", "freeze", "new row", "new first", "row gone"],
)


async def open_with_an_entry(store: QueueStore, clock: ManualClock) -> None:
    """Let "a" and "c" of one row and "other" of another stand behind "x", then let that open.

    Before it has opened "b" comes, which uses none. "early" stands before them all, "last" behind
    them; both are paused.
    """
    await patch_limit(store, "x", freeze=100)
    for name in ("y", "y2"):
        await patch_limit(store, name)
    await patch_limit(store, "z", paused=True)
    await stock(store, ["early"], "z", jobs=1)
    await stock(store, "ac", "x", jobs=1)
    await stock(store, ["other"], "x", "y", jobs=1)
    clock.advance(50)
    await stock(store, "b", jobs=1)
    await stock(store, ["last"], "z", jobs=1)
    clock.advance(60)


class EntryConformance(Conformance):
    """An entry stands at the instant of the opening until a step changes what it stands for."""

    @every_step_that_leaves_it
    async def test_a_step_behind_the_first_place_of_a_row_leaves_the_entry(
        self, store: QueueStore, clock: ManualClock, step: Step
    ) -> None:
        await open_with_an_entry(store, clock)
        await step(store)
        assert (await in_order(store, 2)) == "ba"

    @every_step_that_sets_it
    async def test_a_step_that_changes_what_it_stands_for_sets_it_anew(
        self, store: QueueStore, clock: ManualClock, step: Step
    ) -> None:
        await open_with_an_entry(store, clock)
        await step(store)
        served = await in_order(store, 9)
        assert served.index("a") < served.index("b")
