"""The concurrency of a gate: so many leases of the whole type stand at a time."""

import pytest

from sharq_plug.model import JobState, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.lease_ends import ENDS
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.operating import clear_states
from sharq_plug.testing.conformance.setting import patch, patch_type
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    Ending,
    clear,
    enqueue,
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


async def fill(store: QueueStore, concurrency: int) -> None:
    """Give queues "a", "b" and "c" jobs, and lease as many as the type allows at a time."""
    await patch_type(store, concurrency=concurrency)
    for queue_id in ("a", "b", "c"):
        await enqueue(store, queue_id, *(f"j{n}" for n in range(9)))
    assert len(await take_batch(store, 27)) == concurrency


class GateConcurrencyConformance(Conformance):
    """The leases of all queues count together; each end of one makes room for one more."""

    async def test_all_queues_together_have_no_more_leases(self, store: QueueStore) -> None:
        await fill(store, 4)
        assert (await take_from(store, "c")).jobs == ()

    async def test_the_takes_of_a_call_count_together_to_the_gate(self, store: QueueStore) -> None:
        await patch_type(store, concurrency=5)
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(9)))
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

    async def test_leases_of_the_type_that_stood_before_count(self, store: QueueStore) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        await take_batch(store, 3)
        await patch_type(store, concurrency=4)
        assert len(await take_batch(store, 9)) == 1

    async def test_a_lower_one_gives_none_before_there_is_room(self, store: QueueStore) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        leased = await take_batch(store, 3)
        await patch_type(store, concurrency=2)
        await finish_job(store, leased[0])
        assert await take_batch(store, 1) == []
        await finish_job(store, leased[1])
        assert len(await take_batch(store, 9)) == 1

    @pytest.mark.parametrize(("concurrency", "more"), [(3, 1), (None, 25)])
    async def test_a_gate_that_allows_more_gives_more_at_once(
        self, store: QueueStore, concurrency: int | None, more: int
    ) -> None:
        await fill(store, 2)
        await patch_type(store, concurrency=concurrency)
        assert len(await take_batch(store, 27)) == more

    async def test_the_queues_own_concurrency_counts_too(self, store: QueueStore) -> None:
        await patch(store, "a", concurrency=1)
        await patch_type(store, concurrency=4)
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(9)))
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b", "b", "b"]

    @every_end
    async def test_the_end_of_a_lease_of_any_queue_makes_room(
        self, store: QueueStore, end: Ending
    ) -> None:
        await patch_type(store, concurrency=1)
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j1", "j2")
        job = await take(store)
        assert await take_batch(store, 9) == []
        await end(store, job)
        assert len(await take_batch(store, 9)) == 1

    async def test_a_cleared_type_has_room(self, store: QueueStore) -> None:
        await fill(store, 3)
        assert (await clear_states(store, None, JobState.LEASED, limit=1)).leased == 3
        assert len(await take_batch(store, 27)) == 3

    @pytest.mark.parametrize("tends", [True, False])
    async def test_an_expired_lease_counts_to_the_gate_until_it_is_ended(
        self, store: QueueStore, clock: ManualClock, *, tends: bool
    ) -> None:
        await fill(store, 3)
        clock.advance(LEASE_TIME)
        if tends:
            await tend_all(store)
            assert len(await take_batch(store, 2)) == 2
        answer = await take_from(store, "a", "b", "c", count=27)
        assert len(answer.jobs) == (1 if tends else 3)
        assert len(answer.ended) == (0 if tends else 3)

    async def test_a_dequeue_ends_no_more_leases_than_its_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, 27)
        await enqueue(store, "q", *(f"j{n}" for n in range(100)))
        await patch_type(store, concurrency=127)
        await take_batch(store, 100, lease_time=10)
        await patch_type(store, concurrency=20)
        clock.advance(LEASE_TIME)
        assert await next_ready_at(store) == clock.now()
        assert len(await take_batch(store, 100)) == 20

    async def test_an_extended_lease_counts_to_the_gate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_type(store, concurrency=1)
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await extend_lease(store, await take(store), 2 * LEASE_TIME)
        clock.advance(2 * LEASE_TIME - 1)
        assert await take_batch(store, 9) == []
        clock.advance(1)
        assert len(await take_batch(store, 9)) == 1
