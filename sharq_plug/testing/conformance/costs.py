"""Costs: what a job takes of each limit, and what several limits say together."""

import pytest

from sharq_plug.model import MAX_BURST_DEBT, MAX_COST, MAX_PER, MAX_RATE, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
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
from sharq_plug.testing.conformance.operating import redrive_job
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    fail_job,
    finish_job,
    release_job,
    take,
    take_batch,
)

TOKENS = Limit(2, 1000, 10, "token")


class CostConformance(Conformance):
    """A delivery pays the cost of its job."""

    @pytest.mark.parametrize(
        ("limit", "cost", "instant"),
        [
            (EACH_SECOND, 3, 3000),
            (Limit(1, 1000, 4), 3, 0),
            (Limit(1, 1000, 3), 3, 1000),
            (Limit(1, 1000, 2), 3, 2000),
            (Limit(7, 100, 2), 8, 100),
            (Limit(7, 100, 2), 9, 115),
            (Limit(3, 1, 1), 10, 4),
            (Limit(MAX_RATE, 1, 1), MAX_COST, 1),
            (Limit(MAX_RATE - 1, 1, 1), MAX_COST, 2),
            (Limit(1, 3, 5), MAX_COST, 3 * (MAX_COST - 4)),
        ],
    )
    async def test_a_cost_holds_what_comes_after_it(
        self, store: QueueStore, clock: ManualClock, limit: Limit, cost: int, instant: int
    ) -> None:
        await stock(store, limit, jobs=1)
        await spend(store, cost)
        await goes_at(store, clock, instant)

    async def test_a_job_goes_whatever_it_costs_when_the_debt_allows_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 3), cost={"job": 5})
        await goes_at(store, clock, 0, 3000, 8000)

    async def test_a_cost_below_the_burst_leaves_the_rest_of_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 5), cost={"job": 2})
        await goes_at(store, clock, 0, 0, 0, 2000)

    async def test_a_job_without_a_cost_takes_nothing_but_one_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, Limit(1, 10**6, 1, "token"))
        await goes_at(store, clock, 0, 1000, 2000)

    async def test_a_cost_of_other_units_takes_one_job_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, cost={"token": 9})
        await goes_at(store, clock, 0, 1000, 2000)

    async def test_a_limit_holds_jobs_that_take_nothing_of_it_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, TOKENS)
        await spend(store, 13, unit="token")
        await goes_at(store, clock, *[2000] * 10)

    async def test_a_cost_of_0_of_a_unit_leaves_its_debt(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 1, "token"), cost={"token": 0})
        await goes_freely(store, 4)
        await spend(store, 2, unit="token")
        move_to(clock, 1500)
        await goes_at(store, clock, *[2000] * 6)

    async def test_each_delivery_of_a_job_pays_its_cost(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=1, cost={"job": 3})
        await release_job(store, await take(store))
        move_to(clock, 3000)
        await release_job(store, await take(store))
        assert [job.attempt for job in await goes_at(store, clock, 6000)] == [3]

    async def test_a_delayed_job_pays_its_cost_when_it_goes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=2, cost={"job": 3}, delay=500)
        await goes_at(store, clock, 500, 3500)

    async def test_a_redriven_job_costs_what_it_did(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=1, cost={"job": 3})
        await fail_job(store, await take(store), dead=True)
        await redrive_job(store, "q", "0")
        await goes_at(store, clock, 3000)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 6000)

    async def test_the_first_job_in_order_pays_not_the_cheapest(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=1, cost={"job": 5})
        await enqueue(store, "q", "cheap")
        jobs = await goes_at(store, clock, 0, 5000)
        assert [job.job_id for job in jobs] == ["0", "cheap"]

    async def test_a_job_that_dies_before_it_goes_pays_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await enqueue(store, "q", "ends", cost={"job": 50}, priority=9, ttl=10)
        move_to(clock, 10)
        jobs = await goes_at(store, clock, 10, 1010)
        assert [job.job_id for job in jobs] == ["0", "1"]

    @pytest.mark.parametrize("cost", [4000, 4001, MAX_COST])
    @pytest.mark.parametrize("per", [MAX_PER, MAX_PER - 1])
    async def test_one_delivery_adds_no_more_than_the_largest_burst(
        self, store: QueueStore, clock: ManualClock, cost: int, per: int
    ) -> None:
        await stock(store, Limit(MAX_RATE, per))
        await spend(store, cost)
        await goes_at(store, clock, -(-4000 * per // MAX_RATE))

    @pytest.mark.parametrize(
        ("per", "units", "instant"),
        [(300_000_000_007, 13_333, 3_999_900_001), (600_000_000_001, 6666, 3_999_600_001)],
    )
    async def test_what_a_delivery_adds_is_whole_units(
        self, store: QueueStore, clock: ManualClock, per: int, units: int, instant: int
    ) -> None:
        assert units < MAX_BURST_DEBT / per < units + 1
        await stock(store, Limit(MAX_RATE, per))
        await spend(store, units + 1)
        await goes_at(store, clock, instant)

    async def test_the_largest_burst_goes_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(MAX_RATE, MAX_PER, 4000))
        await spend(store, 3998)
        await goes_at(store, clock, 0, 0, 1_000_000)

    async def test_the_largest_cost_after_the_largest_burst_is_paid_off_to_the_ms(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(999_983, MAX_PER, 4000))
        await spend(store, 3999)
        await spend(store, MAX_COST)
        await goes_at(store, clock, 4_000_068_002, 4_001_068_019)


class SeveralLimitsConformance(Conformance):
    """Each of several limits holds the queue; the last one to allow a dequeue decides."""

    async def test_the_limit_that_ends_last_decides(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 100), Limit(1, 1000, 3), Limit(1, 60_000, 5))
        await goes_at(store, clock, 0, 100, 200, 1000, 2000, 60_000)

    @pytest.mark.parametrize("first", [0, 1])
    async def test_two_limits_of_one_unit_both_count_it(
        self, store: QueueStore, clock: ManualClock, first: int
    ) -> None:
        limits = [EACH_SECOND, Limit(1, 500, 4)]
        await stock(store, limits[first], limits[1 - first], cost={"job": 3})
        await goes_at(store, clock, 0, 3000)

    async def test_each_limit_counts_its_own_unit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 100), TOKENS, cost={"token": 6})
        await goes_at(store, clock, 0, 100, 1500, 4500)

    async def test_units_that_no_limit_counts_are_free(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, TOKENS, cost={"byte": 10**6, "token": 0})
        await goes_at(store, clock, 0, 1000)

    async def test_five_limits_and_eight_units(self, store: QueueStore, clock: ManualClock) -> None:
        limits = [Limit(n, 100, n, f"u{n}") for n in range(1, 6)]
        cost = {f"u{n}": 10 - n for n in range(1, 8)}
        await stock(store, *limits, cost=cost | {"job": 7})
        await goes_at(store, clock, 0, 900, 1800)

    async def test_a_debt_falls_also_while_another_limit_holds(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, Limit(1, 100, 5, "token"))
        await spend(store, 9, unit="token")
        await goes_at(store, clock, 1000)
        await spend_at(store, clock, 2000, token=5)
        await goes_at(store, clock, 3000)

    async def test_a_batch_stops_at_the_first_limit_that_holds(self, store: QueueStore) -> None:
        await stock(store, Limit(1, 1000, 5), TOKENS, cost={"token": 5})
        assert len(await take_batch(store, 9)) == 2


async def spend_at(store: QueueStore, clock: ManualClock, instant: int, **cost: int) -> None:
    """Have queue "q" give a job of this cost at an instant."""
    move_to(clock, instant)
    await enqueue(store, "q", f"at{instant}", cost=cost, priority=9)
    await finish_job(store, await take(store))


class BroughtIntervalCostConformance(Conformance):
    """An interval that an enqueue brought is a limit too: costs count against it."""

    async def test_a_cost_counts_against_a_brought_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=1000, cost={"job": 3})
        await goes_at(store, clock, 0, 3000)
        await enqueue(store, "q", "3", interval=1000)
        await goes_at(store, clock, 6000)

    async def test_other_units_do_not(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "1", "2", interval=1000, cost={"token": 30})
        await goes_at(store, clock, 0, 1000)

    async def test_a_cost_is_free_where_the_interval_is_0(self, store: QueueStore) -> None:
        await enqueue(store, "q", "1", "2", "3", cost={"job": 30})
        await goes_freely(store, 3)

    async def test_cheap_and_dear_jobs_take_turns(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n, cost in enumerate([1, 4, 1, 2, 1]):
            await enqueue(store, "q", str(n), interval=100, cost={"job": cost})
        await goes_at(store, clock, 0, 100, 500, 600, 800)

    @pytest.mark.parametrize("interval", [300, 1000, 4000])
    async def test_another_interval_keeps_the_units_that_are_owed(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=1000, cost={"job": 3})
        await goes_at(store, clock, 0)
        move_to(clock, 800)
        assert await change_interval(store, TYPE, "q", interval)
        await goes_at(store, clock, 3 * interval)

    async def test_an_interval_of_0_forgets_what_was_owed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=1000, cost={"job": 3})
        await goes_at(store, clock, 0)
        assert await change_interval(store, TYPE, "q", 0)
        assert await change_interval(store, TYPE, "q", 1000)
        await goes_at(store, clock, 1000)

    @pytest.mark.parametrize("elapsed", [2999, 3000])
    async def test_an_empty_queue_keeps_its_rate_until_the_cost_is_paid(
        self, store: QueueStore, clock: ManualClock, elapsed: int
    ) -> None:
        await enqueue(store, "q", "gone", interval=1000, cost={"job": 3})
        await goes_at(store, clock, 0)
        move_to(clock, elapsed)
        await store.tend(limit=1000)
        await enqueue(store, "q", "j", interval=5000)
        await goes_at(store, clock, 15_000 if elapsed < 3000 else 3000)

    async def test_the_largest_cost_at_the_longest_interval_is_cut(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=MAX_PER, cost={"job": MAX_COST})
        await goes_at(store, clock, 0, 4000 * MAX_PER)
