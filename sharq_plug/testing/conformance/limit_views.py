"""What a listing shows of shared limits."""

from sharq_plug.model import Limit, LimitRules, Settings
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.sharing import (
    find_limit,
    open_and_unused,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    finish_job,
    take,
)


class LimitViewConformance(Conformance):
    """A listing shows what is owed to a shared limit, when it opens, and who uses it."""

    async def test_it_shows_debts_in_whole_units_rounded_up_as_of_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(2, 100, 5), Limit(1, 10, unit="t"))
        await stock(store, "q", "x", cost={"job": 3, "t": 7})
        await take(store)
        for wait, owed in ((0, (3, 7)), (10, (3, 6)), (40, (2, 2)), (25, (2, 0)), (80, (0, 0))):
            clock.advance(wait)
            assert (await find_limit(store)).owed == owed

    async def test_it_opens_when_the_last_of_its_holds_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 300))
        await stock(store, "q", "x")
        await take(store)
        assert (await find_limit(store)).opens_at == start + 300
        await patch_limit(store, freeze=500)
        assert (await find_limit(store)).opens_at == start + 500
        await patch_limit(store, concurrency=1)
        assert (await find_limit(store)).opens_at is None
        await patch_limit(store, concurrency=None, paused=True)
        assert (await find_limit(store)).opens_at is None
        await patch_limit(store, paused=None)
        clock.advance(600)
        assert (await find_limit(store)).opens_at == clock.now()

    async def test_it_counts_leases_and_the_queues_that_have_a_place(
        self, store: QueueStore
    ) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name)
        await stock(store, "a", "x", jobs=1)
        await stock(store, "b", "x", "y", jobs=2)
        await stock(store, "c", "y", jobs=1, delay=500)
        await stock(store, "d", jobs=1)
        assert [(await find_limit(store, name)).queues for name in "xy"] == [2, 2]
        await patch(store, "b", paused=True)
        await take(store)
        x, y = await find_limit(store, "x"), await find_limit(store, "y")
        assert ((x.leased, x.queues), (y.leased, y.queues)) == ((1, 1), (0, 2))
        await patch(store, "c", uses=None)
        await patch(store, "d", uses=("x", "y"))
        x, y = await find_limit(store, "x"), await find_limit(store, "y")
        assert (x.queues, y.queues) == (2, 2)

    async def test_one_that_nothing_uses_is_open_and_empty(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100))
        await stock(store, "q", "x", jobs=1)
        await finish_job(store, await take(store))
        clock.advance(100)
        rules = LimitRules(Settings((Limit(1, 100),)))
        assert await find_limit(store) == open_and_unused(clock.now(), rules=rules, owed=(0,))
