"""Intervals: where they may be brought to a queue, and where they may be left out."""

import pytest

from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    EnqueueResult,
    Limit,
    NewJob,
    SetInterval,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    stock,
)
from sharq_plug.testing.conformance.operating import totals
from sharq_plug.testing.conformance.precedence import SLOW, in_effect
from sharq_plug.testing.conformance.setting import (
    configure,
    patch,
    set_limits,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    counted,
    enqueue,
    enqueue_one,
    finish_job,
    listed,
    new_job,
    offer,
    take,
)

NO_INTERVAL = EnqueueOutcome.NO_INTERVAL


class SetIntervalConformance(Conformance):
    """An interval is brought to a queue that exists and has no limits from its settings."""

    @pytest.mark.parametrize("limits", [(), (EACH_SECOND,)])
    async def test_it_is_not_brought_where_limits_are_set(
        self, store: QueueStore, clock: ManualClock, limits: tuple[Limit, ...]
    ) -> None:
        await stock(store, *limits, interval=3000)
        await goes_freely(store, 1)
        assert await configure(store, SetInterval("q", SLOW)) is ChangeOutcome.LIMITS_SET
        assert await in_effect(store) == limits
        await patch(store, limits=None)
        await goes_at(store, clock, 3000)

    async def test_a_queue_that_is_not_there_is_unknown_first(self, store: QueueStore) -> None:
        await set_limits(store, EACH_SECOND)
        assert await configure(store, SetInterval("q", SLOW)) is ChangeOutcome.UNKNOWN
        await enqueue(store, "q", "j")
        assert await configure(store, SetInterval("q", SLOW)) is ChangeOutcome.LIMITS_SET
        await finish_job(store, await take(store))
        assert await configure(store, SetInterval("q", SLOW)) is ChangeOutcome.UNKNOWN

    async def test_other_settings_do_not_matter(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, concurrency=1, weight=2, max_length=9)
        await enqueue(store, "q", "1", "2")
        await goes_freely(store, 1)
        assert await change_interval(store, TYPE, "q", 1000)
        await goes_at(store, clock, 1000)

    async def test_it_is_brought_once_limits_are_taken_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await goes_at(store, clock, 0)
        await patch(store, limits=None)
        assert await change_interval(store, TYPE, "q", 4000)
        await goes_at(store, clock, 4000)

    async def test_each_item_of_a_call_sees_what_went_before(self, store: QueueStore) -> None:
        await stock(store, EACH_SECOND)
        await enqueue(store, "p", "j")
        changes = [SetInterval("q", 5), SetInterval("p", 5), SetInterval("no", 5)]
        assert await store.configure(TYPE, changes) == [
            ChangeOutcome.LIMITS_SET,
            ChangeOutcome.CHANGED,
            ChangeOutcome.UNKNOWN,
        ]
        assert await in_effect(store, "p") == (Limit(1, 5),)


class NoIntervalConformance(Conformance):
    """An enqueue may leave out its interval where limits are set, and nowhere else."""

    @pytest.mark.parametrize("limits", [(), (EACH_SECOND,)])
    async def test_it_is_not_needed_where_limits_are_set(
        self, store: QueueStore, limits: tuple[Limit, ...]
    ) -> None:
        await set_limits(store, *limits)
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is EnqueueOutcome.QUEUED
        assert (await take(store)).job_id == "j"

    async def test_without_it_nothing_comes_into_being(self, store: QueueStore) -> None:
        assert await offer(store, new_job("q", "j", interval=None)) == EnqueueResult(NO_INTERVAL)
        assert await listed(store, None) == set()
        assert await counted(store, "q") == (0, 0)
        assert (await totals(store)).enqueued == 0

    async def test_an_interval_that_was_brought_before_does_not_do(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", interval=1000)
        assert await enqueue_one(store, new_job("q", "no", interval=None)) is NO_INTERVAL
        assert await by_state(store, "q") == (2, 0, 0, 0)
        await goes_at(store, clock, 0, 1000)

    async def test_settings_without_limits_do_not_do(self, store: QueueStore) -> None:
        await patch(store, concurrency=3, weight=2, max_length=9)
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is NO_INTERVAL

    async def test_limits_that_were_taken_back_do_not_do(self, store: QueueStore) -> None:
        await stock(store, EACH_SECOND)
        await patch(store, limits=None)
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is NO_INTERVAL

    async def test_it_is_looked_for_before_duplicates(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is NO_INTERVAL

    async def test_it_is_looked_for_before_a_full_queue(self, store: QueueStore) -> None:
        await patch(store, max_length=0)
        job = new_job("q", "j", interval=None, max_queued_length=0)
        assert await offer(store, job) == EnqueueResult(NO_INTERVAL, queue_length=0)

    async def test_limits_of_another_queue_do_not_do(self, store: QueueStore) -> None:
        await set_limits(store, EACH_SECOND, queue_id="p")
        await set_limits(store, EACH_SECOND, queue_type="other")
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is NO_INTERVAL

    async def test_the_other_jobs_of_the_call_are_queued(self, store: QueueStore) -> None:
        await set_limits(store, queue_id="p")
        jobs: list[NewJob] = [
            new_job(queue_id, "j", interval=interval)
            for queue_id, interval in [("q", None), ("p", None), ("q", 0), ("q", None)]
        ]
        outcomes = [result.outcome for result in await store.enqueue(TYPE, jobs)]
        assert outcomes == [
            NO_INTERVAL,
            EnqueueOutcome.QUEUED,
            EnqueueOutcome.QUEUED,
            NO_INTERVAL,
        ]

    async def test_a_refusal_does_not_bring_back_what_was_paid_off(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "gone", interval=1000)
        await goes_at(store, clock, 0)
        move_to(clock, 500)
        assert await enqueue_one(store, new_job("q", "no", interval=None)) is NO_INTERVAL
        move_to(clock, 1000)
        await enqueue(store, "q", "j", interval=5000)
        await goes_at(store, clock, 1000)
