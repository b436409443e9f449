"""Changed limits: which of them is which, and the place of the queue in line."""

from sharq_plug.model import Limit, PatchQueue, SettingsPatch
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.changing_limits import THIRDS, TOKENS, owe_a_part
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    spend,
    stock,
)
from sharq_plug.testing.conformance.setting import CHANGED, finish_with, patch, set_limits
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue, queue_order, take
from sharq_plug.testing.conformance.watching import Wakes


class LimitMatchConformance(Conformance):
    """Limits before and after are matched by their unit, then by their order."""

    async def test_limits_of_different_units_may_change_places(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, TOKENS)
        await enqueue(store, "q", "dear", cost={"job": 2, "token": 30}, priority=9)
        await goes_at(store, clock, 0)
        await set_limits(store, TOKENS, EACH_SECOND)
        await goes_at(store, clock, 3000, 4000)
        await enqueue(store, "q", "dearer", cost={"job": 5, "token": 20}, priority=9)
        await goes_at(store, clock, 5000)
        await set_limits(store, EACH_SECOND, TOKENS)
        await goes_at(store, clock, 10_000)

    async def owe_two(self, store: QueueStore, clock: ManualClock) -> None:
        """Have queue "q" owe, as of 3000, 1 unit at 1000, and 4 (3.7) of the same at 10 000."""
        await stock(store, EACH_SECOND, TOKENS, Limit(1, 10_000, 5))
        await spend(store, 3)
        await goes_at(store, clock, 3000)

    async def test_two_limits_of_one_unit_are_matched_in_their_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await self.owe_two(store, clock)
        await set_limits(store, Limit(1, 10_000, 5), EACH_SECOND)
        await goes_at(store, clock, 3000 + 4000)

    async def test_a_limit_of_another_unit_between_them_does_not_matter(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await self.owe_two(store, clock)
        await set_limits(store, TOKENS, TOKENS, Limit(1, 1), Limit(1, 500))
        await goes_at(store, clock, 3000 + 2000)

    async def test_the_first_of_a_unit_takes_the_debt_of_the_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await self.owe_two(store, clock)
        await set_limits(store, Limit(1, 10_000, 5))
        await goes_at(store, clock, *[3000] * 4, 13_000)

    async def test_one_more_of_a_unit_is_new(self, store: QueueStore, clock: ManualClock) -> None:
        await stock(store, Limit(1, 10, 50), TOKENS)
        await spend(store, 5)
        move_to(clock, 10)
        await set_limits(store, Limit(1, 10, 50), EACH_SECOND)
        await goes_at(store, clock, 1000)

    async def test_one_put_before_another_of_its_unit_takes_its_debt(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 10, 50))
        await spend(store, 5)
        await set_limits(store, EACH_SECOND, Limit(1, 10, 50))
        await goes_at(store, clock, 5000)

    async def test_an_unchanged_limit_in_another_place_of_its_unit_is_matched_with_another(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await owe_a_part(store, clock, Limit(1, 1, 99))
        await set_limits(store, Limit(1, 1, 99), THIRDS)
        await goes_at(store, clock, 334, 668)

    async def test_a_brought_interval_is_matched_with_the_first_of_jobs(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "0", "1", interval=1000, cost={"job": 3})
        await goes_at(store, clock, 0)
        await set_limits(store, TOKENS, Limit(1, 500), Limit(1, 60_000, 2))
        await goes_at(store, clock, 1500)

    async def test_limits_that_are_taken_back_are_matched_with_a_brought_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, TOKENS, Limit(1, 500), interval=2000)
        await spend(store, 3)
        await enqueue(store, "q", "brings", interval=2000)
        await patch(store, limits=None)
        await goes_at(store, clock, 6000)

    async def test_an_interval_that_equals_the_limit_before_it_is_the_same_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, interval=1000)
        await self.take_limits_back(store, clock)
        await goes_at(store, clock, 1000, 2000)

    async def test_another_interval_than_the_limit_before_it_is_another_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, interval=999)
        await self.take_limits_back(store, clock)
        await goes_at(store, clock, 1399)

    async def take_limits_back(self, store: QueueStore, clock: ManualClock) -> None:
        """Have queue "q" owe 0.6 units as of 400, and take back its limits."""
        job = await take(store)
        move_to(clock, 400)
        await finish_with(store, job, job=1)
        await patch(store, limits=None)


class LimitChangePlaceConformance(Conformance):
    """A queue whose limits change gets the place that follows from them in the same step."""

    async def test_a_queue_that_a_change_frees_goes_to_the_end_of_the_line(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 10_000))
        await goes_at(store, clock, 0)
        move_to(clock, 500)
        await stock(store, queue_id="p", jobs=1)
        await set_limits(store, Limit(1, 100))
        assert await queue_order(store, 2) == ["p", "q"]

    async def test_a_ready_queue_that_stays_ready_keeps_its_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await stock(store, queue_id="p", jobs=1)
        move_to(clock, 1)
        await set_limits(store, Limit(1, 5000))
        await set_limits(store)
        assert await queue_order(store, 2) == ["q", "p"]

    async def test_a_ready_queue_that_a_change_holds_goes_when_that_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        await goes_freely(store, 1)
        await set_limits(store, EACH_SECOND)
        await goes_at(store, clock, 1000)

    async def test_a_held_queue_that_is_held_otherwise_keeps_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await stock(store, EACH_SECOND, queue_id=queue_id)
        await goes_freely(store, 2)
        await set_limits(store, Limit(1, 5000), queue_id="b")
        await set_limits(store, Limit(1, 5000), queue_id="a")
        jobs = await goes_at(store, clock, 5000, 5000)
        assert [job.queue_id for job in jobs] == ["a", "b"]

    async def test_watchers_hear_when_the_queue_may_go_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 10_000))
        await goes_at(store, clock, 0)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            move_to(clock, 100)
            await set_limits(store, EACH_SECOND)
            await wakes.hear(900)
            await set_limits(store)
            await wakes.hear(0)

    async def test_a_change_of_one_queue_leaves_the_others(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await stock(store, EACH_SECOND, queue_id=queue_id)
        await goes_freely(store, 2)
        await set_limits(store, Limit(1, 300), queue_id="a")
        jobs = await goes_at(store, clock, 300, 600, 900, 1000)
        assert [job.queue_id for job in jobs] == ["a", "a", "a", "b"]

    async def test_two_changes_in_one_call_hold_one_after_the_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await spend(store, 5)
        changes = [
            PatchQueue("q", SettingsPatch(limits=limits)) for limits in [(), (Limit(1, 700),)]
        ]
        assert await store.configure(TYPE, changes) == [CHANGED, CHANGED]
        await goes_at(store, clock, 700)
