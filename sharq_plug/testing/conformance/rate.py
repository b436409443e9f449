"""Rate: two dequeues of one queue are an interval apart, whatever happens in between."""

import pytest

from sharq_plug.model import MAX_INTERVAL, Delivery
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    Ending,
    claim_without_token,
    clear,
    enqueue,
    finish,
    finish_job,
    new_job,
    next_ready_at,
    reclaim,
    reclaim_in_steps,
    release_job,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)


async def a_finish_without_token(store: QueueStore, job: Delivery) -> None:
    """End the queue by finishing its job as a client does that sends no token."""
    await finish(store, claim_without_token(job))


async def a_clearing(store: QueueStore, job: Delivery) -> None:
    """End the queue by clearing it."""
    await clear(store, job.queue_id)


async def a_purge(store: QueueStore, job: Delivery) -> None:
    """End the queue by purging it."""
    await clear(store, job.queue_id, purge=True)


async def a_death(store: QueueStore, job: Delivery) -> None:
    """End the queue by the death of its job."""
    assert (await reclaim(store)).dead == 1, job


every_ending = pytest.mark.parametrize(
    "ending",
    [finish_job, a_finish_without_token, a_clearing, a_purge, a_death],
    ids=lambda ending: ending.__name__,
)


async def end_a_queue(
    store: QueueStore, clock: ManualClock, ending: Ending, *, interval: int
) -> int:
    """Let queue "q" come and, 1 ms after its dequeue, go; return when it was dequeued."""
    dequeued_at = clock.now()
    await enqueue(store, "q", "gone", interval=interval, requeue_limit=0)
    job = await take(store, lease_time=1)
    clock.advance(1)
    await ending(store, job)
    return dequeued_at


class RateConformance(Conformance):
    """A queue that exists keeps its rate."""

    async def test_a_new_queue_is_ready_at_once(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", interval=MAX_INTERVAL)
        assert (await take(store)).job_id == "j"

    @pytest.mark.parametrize("interval", [1, 7, 1000, 86_400_000, MAX_INTERVAL - 1, MAX_INTERVAL])
    async def test_two_dequeues_are_an_interval_apart_to_the_ms(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=interval)
        await take(store)
        await take_exactly_at(store, clock, start + interval)

    async def test_an_interval_of_0_is_no_limit(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", interval=0)
        await take_in_turn(store, 3)

    async def test_a_batch_takes_one_job_of_a_limited_queue(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", interval=1)
        assert len(await take_batch(store, 3)) == 1

    async def test_a_rest_saves_nothing_up(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", interval=1000)
        await take(store)
        clock.advance(2500)
        await take(store)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_asking_in_vain_delays_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=10)
        await take(store)
        for _ in range(9):
            clock.advance(1)
            await next_ready_at(store)
        await take_exactly_at(store, clock, start + 10)

    async def test_a_greedy_worker_drains_a_queue_at_its_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", *(f"j{n}" for n in range(12)), interval=7)
        served = []
        for _ in range(12 * 7):
            served += [clock.now() - start] * len(await take_batch(store, 5))
            clock.advance(1)
        assert served == [7 * n for n in range(12)]

    async def test_each_queue_has_a_rate_of_its_own(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "slow", "j1", "j2", interval=1000)
        await enqueue(store, "fast", "j1", "j2", interval=10)
        await enqueue(store, "slow", "j1", "j2", interval=500, queue_type="other")
        await take_in_turn(store, 2)
        await take(store, queue_type="other")
        assert (await take_exactly_at(store, clock, start + 10)).queue_id == "fast"
        assert (await take_exactly_at(store, clock, start + 1000)).queue_id == "slow"

    async def test_a_redelivery_is_a_dequeue_like_any_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        await release_job(store, await take(store))
        clock.advance(1500)
        await release_job(store, await take(store))
        await take_exactly_at(store, clock, start + 2500)

    async def test_a_released_job_gives_nothing_back_to_the_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        await release_job(store, await take(store))
        assert (await take_exactly_at(store, clock, start + 1000)).attempt == 2

    async def test_a_lease_shorter_than_the_interval_does_not_hurry_the_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=10_000)
        await take(store, lease_time=100)
        clock.advance(100)
        assert (await reclaim(store)).requeued == 1
        assert (await take_exactly_at(store, clock, start + 10_000)).attempt == 2

    async def test_a_queue_of_leased_jobs_only_never_forgets_its_latest_dequeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "leased", interval=1000)
        await take(store, lease_time=100_000)
        clock.advance(5000)
        await reclaim(store)
        await enqueue(store, "q", "j", interval=10_000)
        await take_exactly_at(store, clock, start + 10_000)


class UnpaidRateConformance(Conformance):
    """A queue that is gone keeps its rate until it is paid off, and not 1 ms longer."""

    @every_ending
    async def test_a_queue_that_refills_keeps_its_rate(
        self, store: QueueStore, clock: ManualClock, ending: Ending
    ) -> None:
        dequeued_at = await end_a_queue(store, clock, ending, interval=1000)
        await enqueue(store, "q", "j", interval=1000)
        await take_exactly_at(store, clock, dequeued_at + 1000)

    @every_ending
    async def test_the_interval_of_a_refill_holds_for_the_unpaid_rate(
        self, store: QueueStore, clock: ManualClock, ending: Ending
    ) -> None:
        dequeued_at = await end_a_queue(store, clock, ending, interval=1000)
        clock.advance(998)
        await reclaim(store)
        await enqueue(store, "q", "j", interval=5000)
        await take_exactly_at(store, clock, dequeued_at + 5000)

    @every_ending
    async def test_a_rate_is_forgotten_at_the_instant_it_is_paid_off(
        self, store: QueueStore, clock: ManualClock, ending: Ending
    ) -> None:
        await end_a_queue(store, clock, ending, interval=1000)
        clock.advance(999)
        await enqueue(store, "q", "j", interval=5000)
        await take(store)

    async def test_a_rate_is_paid_off_with_a_reclaim_or_without(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await end_a_queue(store, clock, finish_job, interval=1000)
        clock.advance(999)
        await reclaim(store)
        await enqueue(store, "q", "j", interval=5000)
        await take(store)

    async def test_a_rate_that_was_paid_off_while_the_queue_lived_goes_with_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", interval=1000)
        job = await take(store)
        clock.advance(1000)
        await finish_job(store, job)
        await enqueue(store, "q", "j2", interval=60_000)
        await take(store)

    async def test_the_longest_rate_is_kept_to_the_ms(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        dequeued_at = await end_a_queue(store, clock, a_clearing, interval=MAX_INTERVAL)
        clock.advance(MAX_INTERVAL // 2)
        await reclaim(store)
        await enqueue(store, "q", "j", interval=MAX_INTERVAL)
        await take_exactly_at(store, clock, dequeued_at + MAX_INTERVAL)

    async def test_a_queue_that_is_back_is_not_forgotten_when_its_old_rate_is_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        dequeued_at = await end_a_queue(store, clock, finish_job, interval=1000)
        await enqueue(store, "q", "j", interval=60_000)
        clock.advance(1000)
        await reclaim(store)
        await take_exactly_at(store, clock, dequeued_at + 60_000)

    async def test_a_refill_that_makes_the_rate_longer_makes_it_longer_to_pay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        dequeued_at = await end_a_queue(store, clock, finish_job, interval=1000)
        await enqueue(store, "q", "cleared", interval=10_000)
        await clear(store, "q")
        clock.advance(5000)
        await reclaim(store)
        await enqueue(store, "q", "j", interval=10_000)
        await take_exactly_at(store, clock, dequeued_at + 10_000)

    async def test_a_refill_that_makes_the_rate_shorter_makes_it_shorter_to_pay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await end_a_queue(store, clock, finish_job, interval=10_000)
        await enqueue(store, "q", "cleared", interval=1000)
        await clear(store, "q")
        clock.advance(999)
        await enqueue(store, "q", "j", interval=10_000)
        await take(store)

    async def test_a_refused_refill_neither_keeps_nor_changes_the_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await end_a_queue(store, clock, finish_job, interval=1000)
        await store.enqueue(TYPE, [new_job("q", "no", interval=9000, max_queued_length=0)])
        clock.advance(999)
        await enqueue(store, "q", "j", interval=9000)
        await take(store)

    async def test_a_queue_that_was_never_dequeued_leaves_no_rate(self, store: QueueStore) -> None:
        await enqueue(store, "q", "cleared", interval=60_000)
        await clear(store, "q")
        await enqueue(store, "q", "j", interval=60_000)
        await take(store)

    async def test_unpaid_rates_of_equal_queues_of_two_types_are_two(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await end_a_queue(store, clock, finish_job, interval=1000)
        await enqueue(store, "q", "j", interval=1000, queue_type="other")
        await take(store, queue_type="other")

    async def test_many_unpaid_rates_are_each_forgotten_in_their_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for n in range(50):
            await enqueue(store, f"q{n}", "gone", interval=1000 + n)
        for job in await take_batch(store, 50):
            await finish_job(store, job)
        clock.advance(1025)
        await reclaim_in_steps(store, 3)
        for n in range(50):
            await enqueue(store, f"q{n}", "j", interval=60_000)
        assert {job.queue_id for job in await take_batch(store, 50)} == {f"q{n}" for n in range(26)}
        assert (await take_exactly_at(store, clock, start + 60_000)).queue_id == "q26"
