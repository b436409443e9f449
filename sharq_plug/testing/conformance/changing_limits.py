"""Changed limits: they hold at once, and what is owed stays, in whole units."""

import pytest

from sharq_plug.model import MAX_COST, MAX_DEBT, MAX_PER, MAX_RATE, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    spend,
    stock,
)
from sharq_plug.testing.conformance.setting import patch, set_limits

THIRDS = Limit(3, 1000, 2)
TOKENS = Limit(1, 100, unit="token")


async def owe_a_part(store: QueueStore, clock: ManualClock, *others: Limit) -> None:
    """Have queue "q" give three jobs by 334; then 1.998 units are owed to THIRDS."""
    await stock(store, THIRDS, *others)
    await goes_at(store, clock, 0, 0, 334)


class LimitChangeConformance(Conformance):
    """A limit that has changed keeps its debt in whole units, rounded up, as of `last`."""

    @pytest.mark.parametrize(
        ("after", "instants"),
        [
            (Limit(1, 5000), [5000, 10_000]),
            (Limit(1, 300), [300, 600]),
            (Limit(3, 1000), [334, 668]),
            (Limit(10, 1000), [200, 300]),
            (Limit(2, 5000), [2500, 5000]),
            (Limit(1, 5000, 2), [200, 5000]),
            (Limit(1, 1000, 2), [200, 1000]),
            (Limit(1, 150, 2), [200, 200, 350]),
        ],
    )
    async def test_what_was_paid_counts_at_the_new_rate(
        self, store: QueueStore, clock: ManualClock, after: Limit, instants: list[int]
    ) -> None:
        await stock(store, EACH_SECOND)
        await goes_at(store, clock, 0)
        move_to(clock, 200)
        await set_limits(store, after)
        await goes_at(store, clock, *instants)

    @pytest.mark.parametrize("cost", [2, 7, 100])
    async def test_a_cost_that_was_paid_counts_at_the_new_rate(
        self, store: QueueStore, clock: ManualClock, cost: int
    ) -> None:
        await stock(store, EACH_SECOND)
        await spend(store, cost)
        move_to(clock, 200)
        await set_limits(store, Limit(1, 300))
        await goes_at(store, clock, 300 * cost)

    @pytest.mark.parametrize(
        ("after", "instant"),
        [
            (Limit(1, 600), 334 + 1200),
            (Limit(1, 600, 2), 334 + 600),
            (Limit(2, 1000, 2), 334 + 500),
            (Limit(3, 1000, 1), 334 + 667),
            (Limit(3, 999, 2), 334 + 333),
            (Limit(3, 1002, 2), 334 + 334),
            (Limit(3, 1001, 2), 334 + 334),
        ],
    )
    async def test_a_part_of_a_unit_is_rounded_up(
        self, store: QueueStore, clock: ManualClock, after: Limit, instant: int
    ) -> None:
        await owe_a_part(store, clock)
        move_to(clock, 600)
        await set_limits(store, after)
        await goes_at(store, clock, instant)

    async def test_whole_units_are_not_rounded_up(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 3))
        await goes_at(store, clock, 0, 0, 0, 1000)
        await set_limits(store, Limit(1, 500))
        await goes_at(store, clock, 2500)

    async def test_nothing_owed_stays_nothing(self, store: QueueStore, clock: ManualClock) -> None:
        await stock(store, EACH_SECOND, Limit(1, 10, 1, "token"))
        await goes_at(store, clock, 0)
        await set_limits(store, Limit(1, 500), Limit(1, 10**6, 1, "token"))
        await goes_at(store, clock, 500)

    async def test_the_units_that_were_rounded_stay_as_they_are(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await owe_a_part(store, clock)
        for limit in (Limit(1, 7), Limit(1, 600), EACH_SECOND, Limit(1, 333)):
            await set_limits(store, limit)
        await goes_at(store, clock, 1000)

    @pytest.mark.parametrize("instant", [334, 400, 600])
    async def test_an_unchanged_limit_beside_a_changed_one_is_not_rounded(
        self, store: QueueStore, clock: ManualClock, instant: int
    ) -> None:
        await owe_a_part(store, clock, TOKENS)
        move_to(clock, instant)
        await set_limits(store, THIRDS, Limit(2, 100, unit="token"))
        await goes_at(store, clock, 667, 1000)

    async def test_the_same_limits_again_change_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await owe_a_part(store, clock)
        move_to(clock, 400)
        await set_limits(store, THIRDS)
        await patch(store, max_length=100)
        await goes_at(store, clock, 667, 1000)

    async def test_another_unit_is_another_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await spend(store, 5)
        await set_limits(store, Limit(1, 1000, 1, "token"))
        await goes_at(store, clock, 1000, *[1000] * 9)

    async def test_a_new_limit_begins_with_one_unit_as_of_the_latest_dequeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        await goes_freely(store, 3)
        move_to(clock, 400)
        await set_limits(store, EACH_SECOND)
        await goes_at(store, clock, 1000)

    async def test_a_new_limit_with_a_burst_has_one_unit_of_it_spent(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        await goes_freely(store, 1)
        move_to(clock, 400)
        await set_limits(store, Limit(1, 1000, 3))
        await goes_at(store, clock, 400, 400, 1000)

    async def test_a_new_limit_of_any_unit_begins_with_one_unit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        await goes_freely(store, 1)
        await set_limits(store, Limit(1, 500, 1, "token"))
        move_to(clock, 100)
        await goes_at(store, clock, *[500] * 9)

    async def test_a_limit_that_is_taken_away_holds_nothing_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await goes_at(store, clock, 0)
        await set_limits(store)
        await goes_freely(store, 5)

    @pytest.mark.parametrize("between", [(), (TOKENS,)])
    async def test_a_limit_that_was_taken_away_has_forgotten_its_debt(
        self, store: QueueStore, clock: ManualClock, between: tuple[Limit, ...]
    ) -> None:
        await stock(store, EACH_SECOND)
        await spend(store, 5)
        await set_limits(store, *between)
        await set_limits(store, EACH_SECOND)
        await goes_at(store, clock, 1000)

    async def test_a_queue_that_was_never_dequeued_owes_nothing_to_any_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        move_to(clock, 100)
        for limits in ([EACH_SECOND], [Limit(1, 10**6), TOKENS], [Limit(1, 2000, 2)]):
            await set_limits(store, *limits)
        await goes_at(store, clock, 100, 100, 2100)

    async def test_a_debt_that_grows_past_the_bound_is_cut(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1))
        await spend(store, MAX_COST)
        await set_limits(store, Limit(MAX_RATE, MAX_PER))
        await goes_at(store, clock, MAX_DEBT // MAX_RATE)

    @pytest.mark.parametrize("units", [7999, 8000, 8001])
    async def test_a_debt_up_to_the_bound_is_kept(
        self, store: QueueStore, clock: ManualClock, units: int
    ) -> None:
        await stock(store, Limit(1, 3))
        await spend(store, units)
        await set_limits(store, Limit(MAX_RATE, MAX_PER))
        await goes_at(store, clock, min(units, 8000) * MAX_PER // MAX_RATE)

    @pytest.mark.parametrize("rest", [10**9, 10**9 + 1, 10**12])
    async def test_a_long_rest_does_not_lessen_what_is_kept_as_of_the_latest_dequeue(
        self, store: QueueStore, clock: ManualClock, rest: int
    ) -> None:
        await stock(store, Limit(MAX_RATE, 1000))
        await spend(store, 5)
        move_to(clock, rest)
        await set_limits(store, Limit(1, MAX_PER))
        await goes_at(store, clock, 5 * MAX_PER)
