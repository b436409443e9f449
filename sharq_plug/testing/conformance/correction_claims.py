"""Corrections: which finishes correct what was paid, and how much at most."""

import pytest

from sharq_plug.model import (
    MAX_COST,
    MAX_DEBT,
    MAX_PER,
    MAX_RATE,
    Finish,
    LeaseOutcome,
    LeaseRef,
    Limit,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import outcome_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    stock,
)
from sharq_plug.testing.conformance.setting import finish_with, set_limits
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    claim_without_token,
    enqueue,
    finish_job,
    reclaim,
    release_job,
    settle,
    take,
)

LONG = 10**12


class CorrectionBoundConformance(Conformance):
    """The bounds of what is paid hold for corrections too."""

    @pytest.mark.parametrize(
        ("cost", "actual", "units"),
        [
            (4000, MAX_COST, 4000),
            (MAX_COST, 4001, 4000),
            (MAX_COST, 3999, 3999),
            (4001, 1, 1),
            (1, 4001, 4000),
        ],
    )
    async def test_each_of_both_counts_as_no_more_than_the_largest_burst(
        self, store: QueueStore, clock: ManualClock, cost: int, actual: int, units: int
    ) -> None:
        await stock(store, Limit(MAX_RATE, MAX_PER), cost={"job": cost})
        await finish_with(store, await take(store, lease_time=LONG), job=actual)
        await goes_at(store, clock, units * MAX_PER // MAX_RATE)

    async def test_a_debt_has_a_bound(self, store: QueueStore, clock: ManualClock) -> None:
        await stock(store, jobs=4)
        jobs = [await take(store, lease_time=LONG) for _ in range(3)]
        await set_limits(store, Limit(MAX_RATE, MAX_PER))
        for job in jobs:
            await finish_with(store, job, job=3500)
        await goes_at(store, clock, MAX_DEBT // MAX_RATE)

    async def test_what_is_above_the_bound_is_forgotten(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, jobs=5, cost={"job": 1001})
        jobs = [await take(store, lease_time=LONG) for _ in range(4)]
        await set_limits(store, Limit(MAX_RATE, MAX_PER))
        for job in jobs[:3]:
            await finish_with(store, job, job=MAX_COST)
        await finish_with(store, jobs[3], job=1)
        await goes_at(store, clock, MAX_DEBT // MAX_RATE - 1000 * MAX_PER // MAX_RATE)


class CorrectionClaimConformance(Conformance):
    """Only a finish that ends a lease corrects anything."""

    async def test_a_second_finish_under_a_receipt_corrects_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store)
        await finish_with(store, job, job=3)
        move_to(clock, 400)
        await finish_with(store, job, job=9)
        await set_limits(store, Limit(1, 2000))
        await goes_at(store, clock, 6000)

    async def test_a_receipt_of_a_finish_without_it_corrects_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store)
        await finish_job(store, job)
        await finish_with(store, job, job=9)
        await goes_at(store, clock, 1000)

    async def test_a_stale_token_corrects_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 2), jobs=2)
        job = await take(store)
        await release_job(store, job)
        item = Finish(claim(job), RECEIPT_TIME, {"job": 9})
        assert await settle(store, item) is LeaseOutcome.STALE
        await take(store)
        assert await settle(store, item) is LeaseOutcome.STALE
        await goes_at(store, clock, 1000)

    async def test_a_job_that_is_not_there_corrects_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await goes_freely(store, 1)
        for lease in (LeaseRef("q", "0", "token"), LeaseRef("q", "0"), LeaseRef("q", "1")):
            item = Finish(lease, RECEIPT_TIME, {"job": 9})
            assert await settle(store, item) is LeaseOutcome.UNKNOWN
        await goes_at(store, clock, 1000)

    async def test_a_finish_without_a_token_corrects_the_current_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        item = Finish(claim_without_token(await take(store)), RECEIPT_TIME, {"job": 3})
        assert await settle(store, item) is LeaseOutcome.ENDED
        assert await settle(store, item) is LeaseOutcome.UNKNOWN
        await goes_at(store, clock, 3000)

    async def test_an_expired_lease_that_stands_can_be_corrected(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store, lease_time=1)
        move_to(clock, 500)
        await finish_with(store, job, job=3)
        await goes_at(store, clock, 3000)

    async def test_a_lease_that_was_reclaimed_cannot(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        job = await take(store, lease_time=1)
        move_to(clock, 500)
        assert (await reclaim(store)).requeued == 1
        item = Finish(claim(job), RECEIPT_TIME, {"job": 3})
        assert await settle(store, item) is LeaseOutcome.STALE
        await goes_at(store, clock, 1000)

    async def test_two_corrections_in_a_call_come_one_after_the_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 9), cost={"job": 2})
        jobs = [await take(store), await take(store)]
        await set_limits(store, EACH_SECOND)
        move_to(clock, 3500)
        items = [
            Finish(claim(job), RECEIPT_TIME, {"job": actual})
            for job, actual in zip([*jobs, jobs[0]], [1, 3, 9], strict=True)
        ]
        outcomes = [outcome_of(one) for one in await store.settle(TYPE, items)]
        assert outcomes == [LeaseOutcome.ENDED] * 3
        await goes_at(store, clock, 4500)

    async def test_the_last_job_of_a_queue_leaves_what_it_took_to_be_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=1)
        job = await take(store)
        move_to(clock, 2000)
        await finish_with(store, job, job=4)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 5000)

    async def test_the_last_job_of_a_queue_may_pay_all_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=1, cost={"job": 5})
        job = await take(store)
        move_to(clock, 1000)
        await finish_with(store, job, job=1)
        await set_limits(store, Limit(1, 60_000))
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 1000)
