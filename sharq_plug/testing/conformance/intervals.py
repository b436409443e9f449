"""A live change of the interval applies at once, to the jobs that wait already too."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sharq_plug.model import MAX_INTERVAL, EnqueueOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    enqueue_one,
    finish_job,
    let_expire,
    listed,
    new_job,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)

Change = Callable[[QueueStore, int], Coroutine[Any, Any, None]]


async def configure(store: QueueStore, interval: int) -> None:
    """Change the interval of queue "q" by the verb for it."""
    assert await change_interval(store, TYPE, "q", interval)


async def enqueue_another(store: QueueStore, interval: int) -> None:
    """Change the interval of queue "q" by another job."""
    await enqueue(store, "q", f"another{interval}", interval=interval)


async def enqueue_a_waiting_duplicate(store: QueueStore, interval: int) -> None:
    """Change the interval of queue "q" by a job that waits already."""
    job = new_job("q", "waiting", interval=interval)
    assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE


async def enqueue_a_leased_duplicate(store: QueueStore, interval: int) -> None:
    """Change the interval of queue "q" by a job that is leased, though a refusal was asked for."""
    job = new_job("q", "leased", interval=interval, max_queued_length=0)
    assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE


every_change = pytest.mark.parametrize(
    "change",
    [configure, enqueue_another, enqueue_a_waiting_duplicate, enqueue_a_leased_duplicate],
    ids=lambda change: change.__name__,
)


async def lease_one_of_two(store: QueueStore, *, interval: int) -> None:
    """Fill queue "q" with the jobs "leased", which is, and "waiting", which does."""
    await enqueue(store, "q", "leased", "waiting", interval=interval)
    assert (await take(store)).job_id == "leased"


class IntervalConformance(Conformance):
    """However the interval changes, `last + interval` holds from then on."""

    @every_change
    @pytest.mark.parametrize(
        ("before", "after"),
        [(1000, 5000), (5000, 1000), (0, 1000)],
        ids=["longer", "shorter", "none-before"],
    )
    async def test_another_interval_counts_from_the_latest_dequeue(
        self, store: QueueStore, clock: ManualClock, change: Change, before: int, after: int
    ) -> None:
        start = clock.now()
        await lease_one_of_two(store, interval=before)
        clock.advance(100)
        await change(store, after)
        await take_exactly_at(store, clock, start + after)

    @every_change
    async def test_an_interval_that_has_passed_frees_the_queue_at_once(
        self, store: QueueStore, clock: ManualClock, change: Change
    ) -> None:
        await lease_one_of_two(store, interval=5000)
        clock.advance(500)
        await change(store, 500)
        await take(store)

    @every_change
    async def test_an_interval_of_0_frees_the_queue_at_once(
        self, store: QueueStore, change: Change
    ) -> None:
        await lease_one_of_two(store, interval=MAX_INTERVAL)
        await change(store, 0)
        await take(store)

    @every_change
    async def test_a_ready_queue_is_held_back_again(
        self, store: QueueStore, clock: ManualClock, change: Change
    ) -> None:
        start = clock.now()
        await lease_one_of_two(store, interval=100)
        clock.advance(200)
        await change(store, MAX_INTERVAL)
        assert await next_ready_at(store) == start + 60_000
        await take_exactly_at(store, clock, start + MAX_INTERVAL)

    @every_change
    async def test_an_interval_may_change_to_and_fro(
        self, store: QueueStore, clock: ManualClock, change: Change
    ) -> None:
        start = clock.now()
        await lease_one_of_two(store, interval=1000)
        for interval in (5000, 10, 0, 77, 3000):
            clock.advance(10)
            await change(store, interval)
        await take_exactly_at(store, clock, start + 3000)

    async def test_a_queue_that_was_never_dequeued_stays_ready(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", interval=0)
        assert await change_interval(store, TYPE, "q", MAX_INTERVAL)
        await take(store)

    async def test_the_interval_of_the_latest_enqueue_is_the_queue_s(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", interval=9000)
        await enqueue(store, "q", "j2", "j3", interval=50)
        await take(store)
        await take_exactly_at(store, clock, start + 50)
        await take_exactly_at(store, clock, start + 100)

    async def test_the_latest_of_a_batch_that_is_not_refused_sets_the_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await lease_one_of_two(store, interval=10)
        jobs = [
            new_job("q", "j", interval=5000),
            new_job("q", "waiting", interval=700),
            new_job("q", "refused", interval=1, max_queued_length=1),
        ]
        await store.enqueue(TYPE, jobs)
        await take_exactly_at(store, clock, start + 700)

    async def test_an_interval_holds_for_a_queue_of_leased_jobs_only(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        job = await take(store)
        clock.advance(100)
        assert await change_interval(store, TYPE, "q", 3000)
        await release_job(store, job)
        await take_exactly_at(store, clock, start + 3000)

    async def test_an_interval_set_on_leased_jobs_only_is_the_one_to_be_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        job = await take(store)
        assert await change_interval(store, TYPE, "q", 3000)
        await finish_job(store, job)
        clock.advance(2000)
        await reclaim(store)
        await enqueue(store, "q", "j", interval=4000)
        await take_exactly_at(store, clock, start + 4000)

    async def test_a_queue_that_never_was_has_no_interval_to_set(self, store: QueueStore) -> None:
        assert not await change_interval(store, TYPE, "q", 1000)
        assert await listed(store, None) == set()

    async def test_a_queue_that_is_gone_keeps_the_interval_it_had(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", interval=1000)
        await finish_job(store, await take(store))
        assert not await change_interval(store, TYPE, "q", 60_000)
        clock.advance(1000)
        await enqueue(store, "q", "j", interval=60_000)
        await take(store)

    async def test_a_cleared_queue_has_no_interval_to_set(self, store: QueueStore) -> None:
        await lease_one_of_two(store, interval=1000)
        await clear(store, "q")
        assert not await change_interval(store, TYPE, "q", 0)

    async def test_dead_letters_do_not_make_a_queue_exist(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        await let_expire(store, clock, dies=True)
        assert not await change_interval(store, TYPE, "q", 0)

    async def test_a_change_reaches_one_queue_of_one_type_only(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for queue_type in (TYPE, "other"):
            for queue_id in ("q", "p"):
                await enqueue(store, queue_id, "1", "2", interval=1000, queue_type=queue_type)
            await take_in_turn(store, 2, queue_type=queue_type)
        assert await change_interval(store, TYPE, "q", 0)
        assert (await take(store)).queue_id == "q"
        assert await next_ready_at(store, queue_type="other") == start + 1000
        assert (await take_exactly_at(store, clock, start + 1000)).queue_id == "p"
