"""When a job can go at the earliest: what a find says of jobs that wait or are delayed."""

from typing import Any

import pytest

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_JOINS, JobRef, JobView, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import reschedule_job
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import patch, set_limits
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    finish_job,
    new_job,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)


async def earliest(store: QueueStore, *job_ids: str) -> list[int | None]:
    """Return when jobs of queue "q" can go, looked at in one call."""
    found = await store.find(TYPE, [JobRef("q", job_id) for job_id in job_ids])
    assert all(isinstance(view, JobView) for view in found)
    return [view.earliest_at for view in found if isinstance(view, JobView)]


async def enqueue_many(store: QueueStore, count: int, **fields: Any) -> None:
    """Enqueue jobs "j0", "j1" and so on into queue "q"."""
    for start in range(0, count, 500):
        ids = range(start, min(start + 500, count))
        await enqueue(store, "q", *(f"j{n}" for n in ids), **fields)


class EarliestConformance(Conformance):
    """A job goes once the holds of its queue have ended for those before it and for it."""

    async def test_without_holds_each_job_can_go_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue_many(store, 3)
        clock.advance(10)
        assert await earliest(store, "j0", "j2") == [clock.now()] * 2

    async def test_each_job_ahead_takes_its_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue_many(store, 3, interval=100)
        assert await earliest(store, "j0", "j1", "j2") == [now, now + 100, now + 200]
        await take(store)
        assert await earliest(store, "j1", "j2") == [now + 100, now + 200]
        clock.advance(130)
        assert await earliest(store, "j1", "j2") == [now + 130, now + 230]

    async def test_a_burst_goes_at_once(self, store: QueueStore, clock: ManualClock) -> None:
        now = clock.now()
        await set_limits(store, Limit(2, 100, 3))
        await enqueue_many(store, 6)
        ids = [f"j{n}" for n in range(6)]
        expected = [now, now, now, now + 50, now + 100, now + 150]
        assert await earliest(store, *ids) == expected
        for job_id, instant in zip(ids, expected, strict=True):
            clock.advance(instant - clock.now())
            assert (await take(store)).job_id == job_id

    async def test_each_pays_its_cost_to_each_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await set_limits(store, Limit(1, 100), Limit(10, 1000, 10, "tokens"))
        costs = [{"tokens": 20}, {"tokens": 0}, {"job": 3}, None, {"tokens": 40}, None]
        for n, cost in enumerate(costs):
            await enqueue(store, "q", f"j{n}", cost=cost)
        ids = [f"j{n}" for n in range(6)]
        # Of 20 tokens 11 must be earned back, at 10 in 1000 ms; of 44 that are owed at 1600, 35.
        expected = [now, now + 1100, now + 1200, now + 1500, now + 1600, now + 5100]
        assert await earliest(store, *ids) == expected
        assert (await take(store)).job_id == "j0"
        for instant in expected[1:]:
            await take_exactly_at(store, clock, instant)

    async def test_a_freeze_comes_before_all(self, store: QueueStore, clock: ManualClock) -> None:
        now = clock.now()
        await enqueue_many(store, 2, interval=100)
        await patch(store, freeze=1000)
        assert await earliest(store, "j0", "j1") == [now + 1000, now + 1100]

    async def test_changed_limits_count_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue_many(store, 3, interval=100)
        await take(store)
        await set_limits(store, Limit(1, 10))
        assert await earliest(store, "j1", "j2") == [now + 10, now + 20]
        await set_limits(store)
        assert await earliest(store, "j1", "j2") == [now, now]

    async def test_the_end_of_a_ttl_does_not_matter_to_the_job_itself(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue_many(store, 2, interval=100)
        await enqueue(store, "q", "ends", interval=100, ttl=10)
        assert await earliest(store, "ends") == [now + 200]


class EarliestOrderConformance(Conformance):
    """Those jobs count that wait, stand before it in the order of the queue, and have no ttl."""

    async def test_priorities_and_returns_count(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "returned", "low", interval=0)
        job = await take(store)
        await enqueue(store, "q", "last", "high", interval=0)
        await reschedule_job(store, "q", "high", priority=5)
        await release_job(store, job)
        await set_limits(store, Limit(1, 100))
        order = ["high", "returned", "low", "last"]
        assert await earliest(store, *order) == [now + 100 * n for n in range(1, 5)]

    async def test_a_delayed_job_goes_no_earlier_than_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", delay=500)
        assert await earliest(store, "j") == [now + 500]
        await patch(store, freeze=700, limits=(Limit(1, 10),))
        assert await earliest(store, "j") == [now + 700]
        await patch(store, freeze=400)
        assert await earliest(store, "j") == [now + 500]

    async def test_a_delayed_job_counts_on_those_that_wait_and_stand_before_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "early", delay=50)
        await enqueue(store, "q", "w1", "w2", "w3")
        await enqueue(store, "q", "late", delay=150)
        await enqueue(store, "q", "high", delay=150, priority=1)
        await enqueue(store, "q", "latest", delay=900)
        await set_limits(store, Limit(1, 100))
        expected = [now + 50, now + 300, now + 150, now + 900]
        assert await earliest(store, "early", "late", "high", "latest") == expected

    async def test_those_that_are_delayed_do_not_count(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "d1", "d2", interval=100, delay=10, priority=9)
        await enqueue(store, "q", "w1", "w2", interval=100)
        assert await earliest(store, "w1", "w2") == [now, now + 100]
        assert await earliest(store, "d1", "d2") == [now + 10, now + 10]

    async def test_those_that_are_due_count_though_they_have_not_joined(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "due1", "due2", delay=10)
        await enqueue(store, "q", "waits", interval=100)
        await enqueue(store, "q", "after", interval=100, delay=5)
        clock.advance(10)
        now = clock.now()
        order = ["due1", "due2", "waits", "after"]
        assert await earliest(store, *order) == [now + 100 * n for n in range(4)]

    async def test_those_that_have_a_ttl_do_not_count(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "ends1", "ends2", interval=100, ttl=10**6)
        await enqueue(store, "q", "j1", "j2", interval=100)
        assert await earliest(store, "ends2", "j1", "j2") == [now, now, now + 100]

    async def test_at_most_as_many_are_counted_as_a_dequeue_lets_join(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue_many(store, MAX_JOINS + 300, interval=10)
        ids = [f"j{n}" for n in (MAX_JOINS - 1, MAX_JOINS, MAX_JOINS + 1, MAX_JOINS + 299)]
        bound = now + 10 * MAX_JOINS
        assert await earliest(store, *ids) == [bound - 10, bound, bound, bound]

    async def test_as_many_due_ones_are_counted_beside_them(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue_many(store, MAX_JOINS + 100, interval=10, delay=10)
        clock.advance(10)
        now = clock.now()
        await enqueue(store, "q", "last", interval=10)
        ids = [f"j{n}" for n in (MAX_JOINS - 1, MAX_JOINS + 99)]
        bound = now + 10 * MAX_JOINS
        assert await earliest(store, *ids, "last") == [bound - 10, bound, bound]
        await enqueue(store, "q", "first1", "first2", interval=10, priority=9)
        assert await earliest(store, "last") == [bound + 20]

    async def test_no_more_are_counted_than_the_payloads_of_a_dequeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        third = bytes(MAX_DEQUEUE_BYTES // 3 + 1)
        for n in range(5):
            await store.enqueue(TYPE, [new_job("q", f"j{n}", payload=third, interval=100)])
        expected = [now, now + 100, now + 200, now + 300, now + 300]
        assert await earliest(store, *(f"j{n}" for n in range(5))) == expected


class NeverForeseenConformance(Conformance):
    """No instant is told of a job that only an event can free."""

    async def test_no_job_of_a_paused_queue_is_foreseen(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue_many(store, 2)
        await enqueue(store, "q", "delayed", delay=10)
        await patch(store, paused=True, freeze=100, concurrency=1)
        assert await earliest(store, "j0", "j1", "delayed") == [None] * 3
        await patch(store, paused=False, concurrency=None)
        assert await earliest(store, "j0") == [clock.now() + 100]

    @pytest.mark.parametrize("concurrency", [1, 2, 3])
    @pytest.mark.parametrize("leased", [0, 1, 2, 3])
    async def test_as_many_jobs_are_foreseen_as_there_is_room_for_leases(
        self, store: QueueStore, clock: ManualClock, concurrency: int, leased: int
    ) -> None:
        await enqueue_many(store, 6)
        await take_in_turn(store, leased)
        await patch(store, concurrency=concurrency, limits=(Limit(1, 100),))
        room = max(0, concurrency - leased)
        first = 100 if leased else 0
        expected = [clock.now() + first + 100 * n if n < room else None for n in range(3)]
        assert await earliest(store, *(f"j{leased + n}" for n in range(3))) == expected

    async def test_the_end_of_a_lease_makes_one_more_foreseen(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await patch(store, concurrency=1)
        await enqueue_many(store, 3)
        job = await take(store)
        assert await earliest(store, "j1", "j2") == [None, None]
        await finish_job(store, job)
        assert await earliest(store, "j1", "j2") == [now, None]

    async def test_an_expired_lease_takes_room_until_it_is_ended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, concurrency=1)
        await enqueue_many(store, 2)
        await take(store, lease_time=10)
        clock.advance(10)
        assert await earliest(store, "j1") == [None]

    async def test_jobs_with_a_ttl_take_no_room(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await patch(store, concurrency=1)
        await enqueue(store, "q", "ends", ttl=10**6)
        await enqueue_many(store, 2)
        assert await earliest(store, "ends", "j0", "j1") == [now, now, None]

    async def test_a_delayed_job_is_foreseen_if_those_before_it_leave_room(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await patch(store, concurrency=2)
        await enqueue_many(store, 2)
        await enqueue(store, "q", "low", delay=10)
        await enqueue(store, "q", "high", delay=10, priority=9)
        assert await earliest(store, "low", "high") == [None, now + 10]

    async def test_leased_jobs_have_none(self, store: QueueStore) -> None:
        await enqueue_many(store, 1)
        await take(store)
        assert await earliest(store, "j0") == [None]
