"""The concurrency of a type or a shared limit: so many leases of its queues stand at a time."""

import pytest

from sharq_plug.model import JobState, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.lease_ends import ENDS
from sharq_plug.testing.conformance.limiters import Limiter, every_limiter
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.operating import clear_states
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    Ending,
    clear,
    extend_lease,
    finish_job,
    next_ready_at,
    take,
    take_batch,
)

every_end = pytest.mark.parametrize(
    "end",
    [*ENDS.values(), lambda store, job: clear(store, job.queue_id)],
    ids=[*ENDS, "clear all"],
)


async def fill(store: QueueStore, limiter: Limiter, concurrency: int) -> None:
    """Give queues "a", "b" and "c" jobs, and lease as many as may be leased at a time."""
    await limiter.patch(store, concurrency=concurrency)
    await limiter.stock(store, "abc")
    assert len(await take_batch(store, 27)) == concurrency


class LimiterConcurrencyConformance(Conformance):
    """The leases of all queues that use it count together; each that ends makes room."""

    @every_limiter
    async def test_its_queues_together_have_no_more_leases(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await fill(store, limiter, 4)
        assert (await take_from(store, "c")).jobs == ()

    @every_limiter
    async def test_the_takes_of_a_call_count_together_to_their_limiter(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store, concurrency=5)
        await limiter.stock(store, "ab")
        takes = [
            Take(2, LEASE_TIME),
            Take(9, LEASE_TIME, together=True),
            Take(2, LEASE_TIME, queues=("b",)),
        ]
        answers = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in answers] == [
            ["a/j0", "b/j0"],
            ["a/j1", "a/j2", "a/j3"],
            [],
        ]

    @every_limiter
    async def test_leases_from_before_it_had_a_concurrency_count(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "ab")
        await take_batch(store, 3)
        await limiter.patch(store, concurrency=4)
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    async def test_a_lower_one_gives_none_before_there_is_room(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "ab")
        leased = await take_batch(store, 3)
        await limiter.patch(store, concurrency=2)
        await finish_job(store, leased[0])
        assert await take_batch(store, 1) == []
        await finish_job(store, leased[1])
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    @pytest.mark.parametrize(("concurrency", "more"), [(3, 1), (None, 25)])
    async def test_one_that_allows_more_gives_more_at_once(
        self, store: QueueStore, limiter: Limiter, concurrency: int | None, more: int
    ) -> None:
        await fill(store, limiter, 2)
        await limiter.patch(store, concurrency=concurrency)
        assert len(await take_batch(store, 27)) == more

    @every_limiter
    async def test_the_queues_own_concurrency_counts_too(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await patch(store, "a", concurrency=1)
        await limiter.patch(store, concurrency=4)
        await limiter.stock(store, "ab")
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b", "b", "b"]

    @every_limiter
    @every_end
    async def test_the_end_of_a_lease_of_any_queue_makes_room(
        self, store: QueueStore, limiter: Limiter, end: Ending
    ) -> None:
        await limiter.patch(store, concurrency=1)
        await limiter.stock(store, "a", jobs=1)
        await limiter.stock(store, "b", jobs=2)
        job = await take(store)
        assert await take_batch(store, 9) == []
        await end(store, job)
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    async def test_a_cleared_type_has_room(self, store: QueueStore, limiter: Limiter) -> None:
        await fill(store, limiter, 3)
        assert (await clear_states(store, None, JobState.LEASED, limit=1)).leased == 3
        assert await limiter.leased(store) == 0
        assert len(await take_batch(store, 27)) == 3

    @every_limiter
    @pytest.mark.parametrize("tends", [True, False])
    async def test_an_expired_lease_counts_to_its_limiter_until_it_is_ended(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, *, tends: bool
    ) -> None:
        await fill(store, limiter, 3)
        clock.advance(LEASE_TIME)
        assert await limiter.leased(store) == 3
        if tends:
            await tend_all(store)
            assert len(await take_batch(store, 2)) == 2
        answer = await take_from(store, "a", "b", "c", count=27)
        assert len(answer.jobs) == (1 if tends else 3)
        assert len(answer.ended) == (0 if tends else 3)

    @every_limiter
    async def test_a_dequeue_ends_no_more_leases_than_its_bound(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await fill(store, limiter, 27)
        await limiter.stock(store, "q", jobs=100)
        await limiter.patch(store, concurrency=127)
        await take_batch(store, 100, lease_time=10)
        await limiter.patch(store, concurrency=20)
        clock.advance(LEASE_TIME)
        assert await next_ready_at(store) == clock.now()
        assert len(await take_batch(store, 100)) == 20

    @every_limiter
    async def test_an_extended_lease_counts_to_its_limiter(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store, concurrency=1)
        await limiter.stock(store, "ab", jobs=1)
        await extend_lease(store, await take(store), 2 * LEASE_TIME)
        clock.advance(2 * LEASE_TIME - 1)
        assert await take_batch(store, 9) == []
        clock.advance(1)
        assert len(await take_batch(store, 9)) == 1
