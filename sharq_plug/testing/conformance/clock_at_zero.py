"""A clock that begins at 0."""

from collections.abc import AsyncIterator

import pytest

from sharq_plug.model import MINUTE, LeaseOutcome, Limit, Retention, Totals
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, dequeue_for_one, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance, OpenStore
from sharq_plug.testing.conformance.limiting import stock
from sharq_plug.testing.conformance.operating import (
    DAY,
    let_each_die,
    letters,
    numbers,
    totals,
)
from sharq_plug.testing.conformance.setting import finish_with, set_limits
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    counted,
    enqueue,
    finish,
    finish_job,
    lengths,
    reclaim,
    take,
    take_exactly_at,
)


class ClockAtZeroConformance(Conformance):
    """The clock may begin at 0, and 0 is an instant like any other."""

    @pytest.fixture
    def early(self) -> ManualClock:
        """Return a clock that begins at 0."""
        return ManualClock(0)

    @pytest.fixture
    async def store_at_0(
        self, open_store: OpenStore, early: ManualClock
    ) -> AsyncIterator[QueueStore]:
        """Open the author's store with that early."""
        async with open_store(early) as store:
            yield store

    async def test_a_rate_holds_from_0_on(self, store_at_0: QueueStore, early: ManualClock) -> None:
        await enqueue(store_at_0, "q", "j1", "j2", interval=1000)
        await take(store_at_0)
        await take_exactly_at(store_at_0, early, 1000)

    async def test_limits_are_owed_from_0_on(
        self, store_at_0: QueueStore, early: ManualClock
    ) -> None:
        await stock(store_at_0, cost={"job": 3})
        await finish_with(store_at_0, await take(store_at_0), job=9)
        await set_limits(store_at_0, Limit(1, 1000))
        early.advance(400)
        await set_limits(store_at_0, Limit(1, 700))
        await take_exactly_at(store_at_0, early, 700)
        await take_exactly_at(store_at_0, early, 2800)

    async def test_a_burst_goes_at_0(self, store_at_0: QueueStore, early: ManualClock) -> None:
        await stock(store_at_0, Limit(1, 1000, 2))
        for _ in range(2):
            await finish_job(store_at_0, await take(store_at_0))
        await take_exactly_at(store_at_0, early, 1000)

    async def test_a_queue_that_is_gone_owes_what_it_was_given_at_0(
        self, store_at_0: QueueStore, early: ManualClock
    ) -> None:
        await enqueue(store_at_0, "q", "gone", interval=1000)
        await finish_job(store_at_0, await take(store_at_0))
        await enqueue(store_at_0, "q", "j", interval=1000)
        await take_exactly_at(store_at_0, early, 1000)

    async def test_another_interval_counts_from_0(
        self, store_at_0: QueueStore, early: ManualClock
    ) -> None:
        await enqueue(store_at_0, "q", "j1", "j2", interval=0)
        await take(store_at_0)
        assert await change_interval(store_at_0, TYPE, "q", 1000)
        await take_exactly_at(store_at_0, early, 1000)

    async def test_what_is_counted_at_0_counts_for_ten_minutes(
        self, store_at_0: QueueStore, early: ManualClock
    ) -> None:
        await enqueue(store_at_0, "q", "j1")
        await finish_job(store_at_0, await take(store_at_0))
        early.advance(9 * MINUTE)
        await reclaim(store_at_0)
        assert await counted(store_at_0, "q") == (1, 1)
        await enqueue(store_at_0, "q", "j2")
        assert await counted(store_at_0, "q") == (2, 1)
        early.advance(MINUTE)
        assert await counted(store_at_0, "q") == (1, 0)

    async def test_leases_and_what_is_repeated_count_from_0(
        self, store_at_0: QueueStore, early: ManualClock
    ) -> None:
        await enqueue(store_at_0, "q", "done", "leased", requeue_limit=0)
        done = await take(store_at_0)
        await finish_job(store_at_0, done)
        first = await dequeue_for_one(store_at_0, TYPE, count=1, lease_time=10, attempt_id="a")
        early.advance(9)
        assert (
            await dequeue_for_one(store_at_0, TYPE, count=1, lease_time=10, attempt_id="a")
        ).jobs == first.jobs
        early.advance(1)
        assert (await reclaim(store_at_0)).dead == 1
        early.advance(RECEIPT_TIME - 10)
        assert await finish(store_at_0, claim(done)) is LeaseOutcome.ENDED
        assert await lengths(store_at_0, "q") == (0, 0, 1)

    async def test_letters_and_totals_count_from_0(
        self, store_at_0: QueueStore, early: ManualClock
    ) -> None:
        await let_each_die(store_at_0, "q", "j")
        [letter] = await letters(store_at_0)
        assert (letter.enqueued_at, letter.died_at) == (0, 0)
        await tend_all(store_at_0, retention=Retention(max_age=10))
        assert await numbers(store_at_0) == [1]
        early.advance(10)
        await tend_all(store_at_0, retention=Retention(max_age=10))
        assert await numbers(store_at_0) == []
        early.advance(DAY - 1)
        assert (await totals(store_at_0)).aged_out == 1
        early.advance(1)
        assert await totals(store_at_0) == Totals()
