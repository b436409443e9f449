"""Requeue delays: how long a job waits after an expired lease, or after a fail."""

import pytest

from sharq_plug.model import MAX_DURATION, Delivery, RequeueDelay
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import Reclaimed, dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    enqueue,
    fail_job,
    let_expire,
    next_ready_at,
    queue_order,
    reclaim,
    release_job,
    take,
    take_exactly_at,
)
from sharq_plug.testing.conformance.watching import Wakes

FIXED = RequeueDelay(500)
GROWING = RequeueDelay(first=100, factor=3, most=1000)


async def fail_and_wait(
    store: QueueStore, clock: ManualClock, job: Delivery, delay: int
) -> Delivery:
    """Fail a job, and take it again exactly `delay` ms later."""
    await fail_job(store, job)
    return await take_exactly_at(store, clock, clock.now() + delay)


class RequeueDelayConformance(Conformance):
    """A job waits after each of its penalties, as its requeue delay says."""

    async def test_after_a_fail_the_job_waits_for_its_requeue_delay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED, requeue_limit=1)
        await fail_job(store, await take(store))
        assert await by_state(store, "q") == (0, 1, 0, 0)
        again = await take_exactly_at(store, clock, clock.now() + 500)
        assert (again.attempt, again.requeues_remaining) == (2, 0)

    async def test_after_an_expired_lease_it_waits_from_the_reclaim_on(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED, requeue_limit=1)
        await take(store, lease_time=100)
        clock.advance(250)
        assert await reclaim(store) == Reclaimed(requeued=1, dead=0, more=False)
        assert await by_state(store, "q") == (0, 1, 0, 0)
        again = await take_exactly_at(store, clock, clock.now() + 500)
        assert (again.attempt, again.requeues_remaining) == (2, 0)

    async def test_a_dequeue_that_ends_a_lease_does_not_get_its_delayed_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED)
        job = await take(store, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert answer.jobs == ()
        assert [(lease.token, lease.is_dead) for lease in answer.ended] == [(job.token, False)]
        assert answer.next_ready_at == clock.now() + 500
        await take_exactly_at(store, clock, clock.now() + 500)

    async def test_the_first_delivery_is_not_delayed_by_it(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED)
        await take(store)

    async def test_a_fixed_delay_stays_the_same(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED)
        job = await take(store)
        for _ in range(4):
            job = await fail_and_wait(store, clock, job, 500)

    async def test_a_growing_delay_grows_up_to_its_most(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=GROWING)
        job = await take(store)
        for delay in (100, 300, 900, 1000, 1000):
            job = await fail_and_wait(store, clock, job, delay)

    async def test_expired_leases_grow_it_as_fails_do(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=GROWING)
        await let_expire(store, clock)
        job = await take_exactly_at(store, clock, clock.now() + 100)
        job = await fail_and_wait(store, clock, job, 300)
        await release_job(store, job)
        await let_expire(store, clock)
        await take_exactly_at(store, clock, clock.now() + 900)

    async def test_a_release_waits_for_no_requeue_delay_and_does_not_grow_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=GROWING)
        for _ in range(3):
            await release_job(store, await take(store))
        await fail_and_wait(store, clock, await take(store), 100)

    @pytest.mark.parametrize("delay", [0, 7, 5000])
    async def test_the_delay_of_a_fail_goes_before_it_and_grows_it_all_the_same(
        self, store: QueueStore, clock: ManualClock, delay: int
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=GROWING)
        await fail_job(store, await take(store), delay=delay)
        if delay:
            clock.advance(delay - 1)
            assert await by_state(store, "q") == (0, 1, 0, 0)
            clock.advance(1)
        await fail_and_wait(store, clock, await take(store), 300)

    async def test_the_last_requeue_is_waited_for_and_then_none(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED, requeue_limit=1)
        await fail_job(store, await take(store))
        clock.advance(500)
        await fail_job(store, await take(store))
        assert await by_state(store, "q") == (0, 0, 0, 1)
        assert await next_ready_at(store) is None

    async def test_a_first_of_0_never_waits(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_delay=RequeueDelay(0, 10))
        for _ in range(5):
            await fail_job(store, await take(store))
        await take(store)

    async def test_a_most_below_the_first_is_the_delay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=RequeueDelay(500, 2, 200))
        await fail_and_wait(store, clock, await take(store), 200)

    async def test_many_penalties_reach_the_longest_delay_exactly(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=RequeueDelay(7, 10))
        for _ in range(400):
            await fail_job(store, await take(store), delay=0)
        await fail_job(store, await take(store))
        assert await next_ready_at(store) == clock.now() + MAX_DURATION

    async def test_each_growing_delay_is_exact(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j", requeue_delay=RequeueDelay(987_654_321, 3))
        delay = 987_654_321
        for _ in range(8):
            await fail_job(store, await take(store))
            assert await next_ready_at(store) == clock.now() + min(delay, MAX_DURATION)
            clock.advance(min(delay, MAX_DURATION))
            delay *= 3

    async def test_queues_stand_where_their_requeue_delays_put_them(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id, first in (("a", 300), ("b", 100), ("c", 200)):
            await enqueue(store, queue_id, "j", requeue_delay=RequeueDelay(first))
            await fail_job(store, await take(store))
        clock.advance(300)
        assert await queue_order(store, 3) == ["b", "c", "a"]

    async def test_a_reclaim_wakes_for_the_end_of_the_requeue_delay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_delay=FIXED)
        await take(store, lease_time=100)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await reclaim(store)
            assert 0 not in await wakes.hear(500)
