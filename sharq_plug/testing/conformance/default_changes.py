"""Changed defaults: what is pending, and what is owed."""

import pytest

from sharq_plug.model import Limit, Settings
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.changing_limits import THIRDS, TOKENS
from sharq_plug.testing.conformance.clocks import STEP
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    spend,
)
from sharq_plug.testing.conformance.precedence import in_effect
from sharq_plug.testing.conformance.setting import (
    patch,
    patch_type,
    rules,
    set_defaults,
    set_limits,
)
from sharq_plug.testing.conformance.sharing import make, stock
from sharq_plug.testing.conformance.vocabulary import enqueue, take

SLOW = Limit(1, 60_000)


async def pending(store: QueueStore) -> bool:
    """Return whether queue "q" has not taken up the defaults yet."""
    return (await rules(store)).pending


class PendingConformance(Conformance):
    """Defaults are pending in a queue if they have changed since it took them up."""

    async def test_nothing_is_pending_where_defaults_were_never_set(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        assert not await pending(store)
        await set_defaults(store)
        assert not await pending(store)

    async def test_a_patch_that_leaves_them_as_they_are_makes_nothing_pending(
        self, store: QueueStore
    ) -> None:
        await set_defaults(store, limits=(SLOW,), weight=2)
        await enqueue(store, "q", "j")
        await set_defaults(store, limits=(SLOW,))
        await set_defaults(store, weight=2, concurrency=None)
        await set_defaults(store)
        assert not await pending(store)

    async def test_defaults_that_are_taken_back_before_anyone_took_them_up(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "1", "2")
        await set_defaults(store, limits=(SLOW,))
        assert await pending(store)
        await set_defaults(store, limits=None)
        assert not await pending(store)
        await goes_freely(store, 2)

    async def test_defaults_that_are_set_back_are_pending_until_they_are_taken_up(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(THIRDS,))
        await enqueue(store, "q", *"123456")
        await goes_at(store, clock, 0, 0, 334)
        await set_defaults(store, limits=(SLOW,))
        await set_defaults(store, limits=(THIRDS,))
        assert await pending(store)
        assert await in_effect(store) == (THIRDS,)
        await tend_all(store)
        assert not await pending(store)
        await goes_at(store, clock, 667, 1000)

    async def test_only_the_latest_defaults_are_taken_up(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2")
        await spend(store, 5)
        for limits in [(), (SLOW,), None, (Limit(1, 700),)]:
            await set_defaults(store, limits=limits)
        await patch(store)
        await goes_at(store, clock, 3500)

    async def test_each_change_can_be_taken_up_in_between(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2")
        await spend(store, 5)
        await set_defaults(store, limits=())
        await tend_all(store)
        await set_defaults(store, limits=(Limit(1, 700),))
        await tend_all(store)
        await goes_at(store, clock, 700)

    async def test_a_change_of_one_field_is_pending_as_a_whole(self, store: QueueStore) -> None:
        await set_defaults(store, limits=(SLOW,), weight=2)
        await enqueue(store, "q", "j")
        await set_defaults(store, weight=3, concurrency=5)
        found = await rules(store)
        assert (found.pending, found.in_effect) == (True, Settings((SLOW,), weight=2))
        await patch(store)
        found = await rules(store)
        assert (found.pending, found.in_effect) == (False, Settings((SLOW,), 5, weight=3))

    async def test_changes_of_the_gate_are_not_pending(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await patch_type(store, limits=(SLOW,), concurrency=3, freeze=5)
        assert not await pending(store)

    async def test_defaults_of_a_type_are_pending_in_its_queues_only(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        await set_defaults(store, limits=(SLOW,), queue_type="other")
        assert not await pending(store)

    async def test_a_clock_that_steps_back_hides_no_change(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, weight=2)
        await enqueue(store, "q", "j")
        clock.step_back(STEP)
        await set_defaults(store, weight=3)
        assert await pending(store)
        clock.advance(STEP)
        await set_defaults(store, weight=2)
        assert await pending(store)
        await tend_all(store)
        assert (await rules(store)).in_effect.weight == 2

    @pytest.mark.parametrize("uses", [(), ("x",)], ids=["line", "row"])
    async def test_a_clock_that_steps_back_after_a_change_keeps_nobody_from_it(
        self, store: QueueStore, clock: ManualClock, uses: tuple[str, ...]
    ) -> None:
        await make(store)
        await stock(store, "q", *uses, jobs=1)
        clock.advance(STEP)
        await tend_all(store)
        await set_defaults(store, weight=3)
        clock.step_back(STEP // 2)
        await tend_all(store)
        assert not await pending(store)
        assert (await rules(store)).in_effect.weight == 3


class DefaultDebtConformance(Conformance):
    """What is owed goes from limit to limit, wherever they come from."""

    @pytest.mark.parametrize(
        ("after", "instant"),
        [(Limit(1, 5000), 15_000), (Limit(1, 300), 900), (Limit(1, 1000, 2), 2000)],
    )
    async def test_units_that_were_paid_count_at_the_new_rate(
        self, store: QueueStore, clock: ManualClock, after: Limit, instant: int
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2", "3")
        await spend(store, 3)
        move_to(clock, 200)
        await set_defaults(store, limits=(after,))
        await tend_all(store)
        await goes_at(store, clock, instant)

    async def test_limits_are_matched_by_their_units(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND, TOKENS))
        await enqueue(store, "q", "1", "2", cost={"token": 30})
        await goes_at(store, clock, 0)
        await set_defaults(store, limits=(Limit(1, 200, unit="token"), Limit(1, 700)))
        await tend_all(store)
        await goes_at(store, clock, 6000)

    async def test_a_brought_interval_is_matched_with_defaults_and_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=1000)
        await spend(store, 4, interval=1000)
        await set_defaults(store, limits=(Limit(1, 500),))
        await enqueue(store, "q", "brings", interval=2000)
        await set_defaults(store, limits=None)
        await tend_all(store)
        await goes_at(store, clock, 8000)

    async def test_own_limits_are_matched_with_defaults_and_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(SLOW,))
        await set_limits(store, EACH_SECOND)
        await enqueue(store, "q", "1", "2", "3")
        await spend(store, 4)
        await patch(store, limits=None)
        await set_limits(store, Limit(1, 500))
        await goes_at(store, clock, 2000)

    async def test_defaults_without_effect_leave_what_is_owed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_limits(store, THIRDS)
        await enqueue(store, "q", *"123456")
        await goes_at(store, clock, 0, 0, 334)
        for limits in [(SLOW,), (), (THIRDS,), None]:
            await set_defaults(store, limits=limits)
            await tend_all(store)
        await goes_at(store, clock, 667, 1000)

    async def test_defaults_equal_to_what_was_in_effect_leave_what_is_owed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_limits(store, THIRDS)
        await enqueue(store, "q", *"123456")
        await goes_at(store, clock, 0, 0, 334)
        await set_defaults(store, limits=(THIRDS,))
        await patch(store, limits=None)
        await goes_at(store, clock, 667, 1000)

    async def test_a_queue_of_leased_jobs_owes_by_what_it_took_up(self, store: QueueStore) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "leased")
        await take(store)
        await set_defaults(store, limits=())
        await tend_all(store)
        assert await in_effect(store) == (EACH_SECOND,)
        await enqueue(store, "q", "1", "2")
        await goes_freely(store, 2)
