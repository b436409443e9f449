"""Shared limits that are closed: which queues they hold, and how this is shown."""

from sharq_plug.model import Hold, HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import shown_of_type
from sharq_plug.testing.conformance.held_queues import OWN, begin, hold, shown
from sharq_plug.testing.conformance.operating import DAY
from sharq_plug.testing.conformance.setting import patch, patch_type, rules, view_of
from sharq_plug.testing.conformance.sharing import (
    begin_limit,
    close_limit,
    closed_until,
    every_limit_hold,
    find_limit,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    queue_order,
    take,
    take_batch,
)


class ClosedLimitConformance(Conformance):
    """A closed shared limit holds the queues that use it, and no others."""

    @every_limit_hold
    async def test_queues_that_do_not_use_it_go_on(self, store: QueueStore, kind: HoldKind) -> None:
        await begin_limit(store)
        await close_limit(store, kind)
        await patch_limit(store, "y")
        await stock(store, "p", jobs=1)
        await stock(store, "r", "y", jobs=1)
        await enqueue(store, "q", "j", queue_type="other")
        assert await queue_order(store, 2) == ["p", "r"]
        assert await take_batch(store, 1) == []
        await take(store, queue_type="other")

    @every_limit_hold
    async def test_a_queue_that_leaves_a_closed_one_goes_at_once(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin_limit(store)
        await close_limit(store, kind)
        await patch(store, uses=())
        await take(store)

    @every_limit_hold
    async def test_a_queue_that_comes_to_a_closed_one_is_held(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin_limit(store)
        await close_limit(store, kind)
        await enqueue(store, "p", "j")
        await patch(store, "p", uses=("x",))
        assert await take_batch(store, 9) == []
        await patch(store, "p", uses=None)
        assert (await take(store)).queue_id == "p"

    async def test_one_that_opens_lets_all_its_queues_go(self, store: QueueStore) -> None:
        await patch_limit(store, paused=True)
        await patch_limit(store, "y")
        await stock(store, "abc", "x", jobs=1)
        await stock(store, "de", "x", "y", jobs=1)
        assert await take_batch(store, 9) == []
        await patch_limit(store, paused=None)
        assert [job.queue_id for job in await take_batch(store, 9)] == list("abcde")


class SharedHeldByConformance(Conformance):
    """A closed shared limit is shown with itself, with its queues and their jobs that wait."""

    @every_limit_hold
    async def test_a_queue_that_does_not_use_it_shows_nothing_of_it(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin_limit(store)
        await close_limit(store, kind)
        assert (await rules(store, "unknown")).held_by == ()

    async def test_each_closed_one_is_shown_between_the_queues_holds_and_the_gates(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for name in ("x", "y"):
            await patch_limit(store, name)
        await patch(store, uses=("x", "y"))
        await begin(store, "q")
        for kind in OWN:
            await hold(store, kind, duration=300)
        await patch_limit(store, "x", freeze=200)
        await patch_limit(store, "y", paused=True, freeze=100)
        await patch_type(store, freeze=50)
        own = tuple(shown(kind, start + 300) for kind in OWN)
        gate = shown_of_type(HoldKind.FROZEN, start + 50)
        x, y = closed_until(start + 200), closed_until(None, "y")
        assert (await rules(store)).held_by == (*own, x, y, gate)
        assert (await view_of(store, "j")).held_by == (*own, x, y, gate)
        await patch_limit(store, "x", freeze=0)
        assert (await rules(store)).held_by == (*own, y, gate)
        await patch_limit(store, "y", paused=False)
        assert (await rules(store)).held_by == (*own, closed_until(start + 100, "y"), gate)

    async def test_until_is_when_the_last_of_its_holds_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 100), Limit(1, 300, unit="t"))
        await stock(store, "q", "x", jobs=2, cost={"t": 2})
        await take(store, lease_time=DAY)
        await patch_limit(store, freeze=400)
        holds = (
            Hold(HoldKind.LIMIT, start + 100, "job"),
            Hold(HoldKind.LIMIT, start + 600, "t"),
            Hold(HoldKind.FROZEN, start + 400),
        )
        assert (await find_limit(store)).rules.held_by == holds
        assert (await rules(store)).held_by == (closed_until(start + 600),)
        clock.advance(400)
        assert (await find_limit(store)).rules.held_by == holds[1:2]
        await patch_limit(store, concurrency=1)
        assert (await rules(store)).held_by == (closed_until(None),)

    async def test_a_queue_without_jobs_shows_what_its_settings_name(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, freeze=100)
        await patch(store, uses=("x",))
        assert (await rules(store)).held_by == (closed_until(clock.now() + 100),)
