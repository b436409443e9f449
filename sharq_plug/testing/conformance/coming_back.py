"""Coming back late: a job that is released or failed with a delay."""

from collections.abc import Callable
from typing import Any

import pytest

from sharq_plug.model import MAX_DURATION
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    enqueue,
    fail_job,
    job_order,
    listed,
    next_ready_at,
    queue_order,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)

both_ways = pytest.mark.parametrize("give_back", [release_job, fail_job])
GiveBack = Callable[..., Any]


class LateReturnConformance(Conformance):
    """A job comes back so many ms after its release or fail."""

    @both_ways
    async def test_a_job_comes_back_after_its_delay(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        clock.advance(50)
        await give_back(store, job, delay=1000)
        assert await by_state(store, "q") == (0, 1, 0, 0)
        assert await listed(store) == {"q"}
        again = await take_exactly_at(store, clock, clock.now() + 1000)
        assert (again.job_id, again.attempt) == ("j", 2)

    @both_ways
    async def test_with_a_delay_of_0_it_waits_at_once(
        self, store: QueueStore, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "j")
        await give_back(store, await take(store), delay=0)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await take(store)

    @both_ways
    async def test_the_delay_of_an_expired_lease_that_stands_counts_from_now(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store, lease_time=100)
        clock.advance(1000)
        await give_back(store, job, delay=500)
        await take_exactly_at(store, clock, clock.now() + 500)

    @both_ways
    async def test_the_longest_delay_is_exact(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "j")
        await give_back(store, await take(store), delay=MAX_DURATION)
        assert await next_ready_at(store) == clock.now() + MAX_DURATION

    async def test_only_the_fail_spends_a_requeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "released", "j", requeue_limit=5)
        await enqueue(store, "failed", "j", requeue_limit=5)
        released, failed = await take_in_turn(store, 2)
        await release_job(store, released, delay=10)
        await fail_job(store, failed, delay=20)
        clock.advance(20)
        assert [job.requeues_remaining for job in await take_in_turn(store, 2)] == [5, 4]

    @both_ways
    async def test_after_its_delay_it_stands_before_those_that_were_never_delivered(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "never", delay=100)
        await enqueue(store, "q", "returned")
        await give_back(store, await take(store), delay=100)
        clock.advance(100)
        assert await job_order(store, 2) == ["returned", "never"]

    @both_ways
    async def test_jobs_that_came_back_late_stand_by_their_numbers(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        jobs = await take_in_turn(store, 3)
        for job, delay in zip(jobs, (300, 100, 200), strict=True):
            await give_back(store, job, delay=delay)
        clock.advance(300)
        assert await job_order(store, 3) == ["j1", "j2", "j3"]

    @both_ways
    async def test_others_go_meanwhile(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await give_back(store, await take(store), delay=100)
        assert (await take(store, lease_time=10**6)).job_id == "j2"
        await take_exactly_at(store, clock, clock.now() + 100)

    @both_ways
    async def test_the_rate_holds_beside_the_delay_of_a_return(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        served = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        await give_back(store, await take(store), delay=300)
        await take_exactly_at(store, clock, served + 1000)
        await enqueue(store, "other", "j", interval=1000)
        await give_back(store, await take(store), delay=3000)
        await take_exactly_at(store, clock, served + 4000)

    @both_ways
    async def test_the_queue_stands_where_the_delay_puts_it(
        self, store: QueueStore, clock: ManualClock, give_back: GiveBack
    ) -> None:
        await enqueue(store, "a", "j")
        await give_back(store, await take(store), delay=100)
        clock.advance(99)
        await enqueue(store, "b", "j")
        clock.advance(2)
        await enqueue(store, "c", "j")
        assert await queue_order(store, 3) == ["b", "a", "c"]

    async def test_it_can_be_given_back_late_again_and_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        for attempt in range(1, 6):
            job = await take(store)
            assert job.attempt == attempt
            await release_job(store, job, delay=10)
            clock.advance(10)
