"""Clocks that step back under shared limits: nothing is held longer than its limits say."""

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.clocks import STEP
from sharq_plug.testing.conformance.rows import in_order
from sharq_plug.testing.conformance.setting import finish_with
from sharq_plug.testing.conformance.sharing import (
    find_limit,
    make,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    finish_job,
    take,
    take_exactly_at,
)
from sharq_plug.testing.conformance.watching import Wakes


class SharedClockConformance(Conformance):
    """`tend`, and what changes a shared limit, count what it is owed from the present on."""

    async def test_tending_leaves_what_a_shared_limit_is_owed_from_then_on(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 1000))
        await stock(store, "a", "x", jobs=1)
        await finish_job(store, await take(store))
        clock.advance(300)
        clock.step_back(STEP)
        await stock(store, "b", "x", jobs=1)
        await tend_all(store)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_so_does_a_correction(self, store: QueueStore, clock: ManualClock) -> None:
        await share(store, Limit(1, 1000))
        await stock(store, "a", "x", jobs=1)
        job = await take(store)
        clock.step_back(STEP)
        await finish_with(store, job, job=3)
        await stock(store, "b", "x", jobs=1)
        assert (await find_limit(store)).opens_at == clock.now() + 3000
        await take_exactly_at(store, clock, clock.now() + 3000)

    async def test_so_does_a_change_of_the_shared_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 1000))
        await stock(store, "a", "x", jobs=1)
        await finish_job(store, await take(store))
        clock.step_back(STEP)
        await share(store, Limit(1, 700))
        await stock(store, "b", "x", jobs=1)
        await take_exactly_at(store, clock, clock.now() + 700)

    async def test_places_of_rows_that_lie_ahead_are_set_anew_in_their_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        for queue_id, names in {"c": "x", "a": "x", "d": "xy", "b": "y"}.items():
            await stock(store, queue_id, *names, jobs=1)
            clock.advance(1)
        clock.step_back(STEP)
        assert await in_order(store, 9) == ""
        await tend_all(store, limit=1)
        assert sorted(await in_order(store, 9)) == list("abcd")

    async def test_those_of_one_row_keep_their_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        for queue_id in "cadb":
            await stock(store, queue_id, "x", jobs=1)
            clock.advance(1)
        clock.step_back(STEP)
        await tend_all(store, limit=2)
        assert await in_order(store, 9) == "cadb"

    async def test_watchers_hear_of_a_place_of_a_row_that_is_set_anew(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await stock(store, "q", "x", jobs=1)
        clock.step_back(STEP)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await tend_all(store)
            await wakes.hear(0)

    async def test_a_freeze_of_a_shared_limit_stands_until_its_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 500
        await patch_limit(store, freeze=500)
        clock.step_back(STEP)
        await stock(store, "q", "x", jobs=1)
        await tend_all(store)
        await take_exactly_at(store, clock, end)
