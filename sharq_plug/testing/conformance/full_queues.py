"""Full queues: those with as many leases as their concurrency allows, and what makes room."""

import asyncio

import pytest

from sharq_plug.model import MAX_INTEGER, Finish, Hold, HoldKind, JobState, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import clear_states
from sharq_plug.testing.conformance.setting import patch, rules
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    RECEIPT_TIME,
    TYPE,
    Ending,
    by_state,
    claim,
    claim_without_token,
    clear,
    enqueue,
    extend_lease,
    fail_job,
    finish,
    finish_job,
    queue_order,
    release_job,
    take,
    take_batch,
    take_in_turn,
)

FULL = (Hold(HoldKind.CONCURRENCY),)


async def fill(store: QueueStore, concurrency: int, *, jobs: int = 9) -> None:
    """Give queue "q" jobs, and lease as many of them as may be leased at a time."""
    await patch(store, concurrency=concurrency)
    await enqueue(store, "q", *(f"j{n}" for n in range(jobs)))
    assert len(await take_batch(store, jobs)) == concurrency


class ConcurrencyHoldConformance(Conformance):
    """At most so many leases of a queue stand at a time."""

    @pytest.mark.parametrize("concurrency", [1, 2, 9])
    async def test_a_queue_gives_as_many_as_may_be_leased_at_a_time(
        self, store: QueueStore, concurrency: int
    ) -> None:
        await fill(store, concurrency, jobs=10)
        assert await by_state(store, "q") == (10 - concurrency, 0, concurrency, 0)
        assert (await rules(store)).held_by == FULL

    async def test_single_dequeues_too(self, store: QueueStore) -> None:
        await patch(store, concurrency=2)
        await enqueue(store, "q", "j1", "j2", "j3")
        await take_in_turn(store, 2)
        assert await take_batch(store, 1) == []

    async def test_the_takes_of_a_call_count_together(self, store: QueueStore) -> None:
        await patch(store, concurrency=3)
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        takes = [Take(2, LEASE_TIME), Take(2, LEASE_TIME, queues=("q",)), Take(2, LEASE_TIME)]
        answers = await store.dequeue(TYPE, takes)
        assert [len(answer.jobs) for answer in answers] == [2, 1, 0]

    async def test_those_who_name_the_queue_get_no_more(self, store: QueueStore) -> None:
        await fill(store, 2)
        assert (await take_from(store, "q", "other")).jobs == ()

    async def test_jobs_that_are_taken_together_are_no_more(self, store: QueueStore) -> None:
        await patch(store, concurrency=3)
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        await enqueue(store, "other", "j1", "j2")
        takes = [Take(5, LEASE_TIME, together=True)] * 2
        answers = await store.dequeue(TYPE, takes)
        assert [[job.queue_id for job in answer.jobs] for answer in answers] == [
            ["q"] * 3,
            ["other"] * 2,
        ]

    async def test_each_queue_counts_its_own_leases(self, store: QueueStore) -> None:
        for queue_id, concurrency in (("a", 1), ("b", 2), ("c", None)):
            await patch(store, queue_id, concurrency=concurrency)
            await enqueue(store, queue_id, "j1", "j2", "j3")
        served = [job.queue_id for job in await take_batch(store, 9)]
        assert served == ["a", "b", "c", "b", "c", "c"]

    async def test_leases_that_stood_before_count(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        await take_batch(store, 2)
        await patch(store, concurrency=3)
        assert len(await take_batch(store, 9)) == 1

    async def test_a_lower_one_ends_no_lease_and_gives_none_before_there_is_room(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        leased = await take_batch(store, 4)
        await patch(store, concurrency=2)
        for job in leased[:2]:
            assert await take_batch(store, 1) == []
            await finish_job(store, job)
        assert await take_batch(store, 1) == []
        await finish_job(store, leased[2])
        assert len(await take_batch(store, 9)) == 1

    @pytest.mark.parametrize(("concurrency", "more"), [(3, 1), (MAX_INTEGER, 7), (None, 7)])
    async def test_a_higher_one_gives_more_at_once(
        self, store: QueueStore, concurrency: int | None, more: int
    ) -> None:
        await fill(store, 2)
        await patch(store, concurrency=concurrency)
        assert len(await take_batch(store, 9)) == more

    async def test_it_is_kept_when_the_queue_is_cleared(self, store: QueueStore) -> None:
        await fill(store, 2)
        await clear(store, "q", purge=True)
        await enqueue(store, "q", "j1", "j2", "j3")
        assert len(await take_batch(store, 9)) == 2

    async def test_a_repeated_take_counts_once(self, store: QueueStore) -> None:
        await patch(store, concurrency=2)
        await enqueue(store, "q", "j1", "j2", "j3")
        for _ in range(3):
            [job] = (await take_from(store, "q", count=1, attempt_id="x")).jobs
            assert job.job_id == "j1"
        assert [job.job_id for job in await take_batch(store, 9)] == ["j2"]

    async def test_many_workers_break_no_concurrency(self, store: QueueStore) -> None:
        await patch(store, concurrency=3)
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        batches = await asyncio.gather(*(take_batch(store, 2) for _ in range(20)))
        assert sum(map(len, batches)) == 3

    async def test_it_does_not_bound_what_comes_in(self, store: QueueStore) -> None:
        await fill(store, 1)
        await enqueue(store, "q", "more1", "more2")
        assert await by_state(store, "q") == (10, 0, 1, 0)


class FreedConcurrencyConformance(Conformance):
    """Each end of a lease makes room for one more."""

    @pytest.mark.parametrize(
        "end",
        [
            finish_job,
            release_job,
            fail_job,
            lambda store, job: finish(store, claim_without_token(job)),
            lambda store, job: release_job(store, job, delay=10),
            lambda store, job: fail_job(store, job, dead=True),
            lambda store, job: cancel(store, "q", job.job_id, leased=True),
        ],
        ids=["finish", "release", "fail", "without a token", "delay", "death", "cancel"],
    )
    async def test_one_more_goes_after_each_end(self, store: QueueStore, end: Ending) -> None:
        await patch(store, concurrency=2)
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        leased = await take_batch(store, 9)
        for _ in range(3):
            await end(store, leased.pop(0))
            leased += await take_batch(store, 9)
            assert len(leased) == 2

    async def test_a_call_of_many_ends_makes_room_for_as_many(self, store: QueueStore) -> None:
        await patch(store, concurrency=4)
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        leased = await take_batch(store, 9)
        await store.settle(TYPE, [Finish(claim(job), RECEIPT_TIME) for job in leased[:3]])
        assert len(await take_batch(store, 9)) == 3

    async def test_cleared_leases_make_room(self, store: QueueStore) -> None:
        await fill(store, 3)
        assert (await clear_states(store, "q", JobState.LEASED)).leased == 3
        assert len(await take_batch(store, 9)) == 3

    async def test_cleared_leases_of_a_whole_type_make_room(self, store: QueueStore) -> None:
        await fill(store, 3)
        assert (await clear_states(store, None, JobState.LEASED, limit=1)).leased == 3
        assert len(await take_batch(store, 9)) == 3

    async def test_a_dequeue_that_ends_expired_leases_gives_their_jobs(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, 3)
        clock.advance(LEASE_TIME)
        assert [job.attempt for job in await take_batch(store, 9)] == [2, 2, 2]

    async def test_tending_makes_room(self, store: QueueStore, clock: ManualClock) -> None:
        await fill(store, 3)
        clock.advance(LEASE_TIME)
        assert (await rules(store)).held_by == FULL
        await tend_all(store)
        assert (await rules(store)).held_by == ()

    async def test_a_lease_that_has_expired_counts_until_it_is_ended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "early", *(f"j{n}" for n in range(100)))
        await take_batch(store, 100, lease_time=1)
        await fill(store, 1)
        clock.advance(LEASE_TIME)
        assert (await take_from(store, "q")).jobs == ()
        assert (await rules(store)).held_by == FULL
        assert len((await take_from(store, "q")).jobs) == 1

    async def test_an_expired_lease_is_passed_over_while_others_can_go(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, 1)
        await enqueue(store, "other", "j1", "j2")
        clock.advance(LEASE_TIME)
        assert await queue_order(store, 2) == ["other", "other"]
        assert await by_state(store, "q") == (8, 0, 1, 0)

    async def test_an_extended_lease_counts_on(self, store: QueueStore, clock: ManualClock) -> None:
        await patch(store, concurrency=1)
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        await extend_lease(store, job, 2 * LEASE_TIME)
        clock.advance(2 * LEASE_TIME - 1)
        await tend_all(store)
        assert await take_batch(store, 9) == []
        clock.advance(1)
        assert len(await take_batch(store, 9)) == 1

    async def test_an_expired_lease_that_is_extended_counts_on(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, concurrency=1)
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        clock.advance(LEASE_TIME + 5)
        await extend_lease(store, job, LEASE_TIME)
        clock.advance(LEASE_TIME - 1)
        assert await take_batch(store, 9) == []


class FreedPlaceConformance(Conformance):
    """A full queue in which there is room again stands behind those that wait."""

    @pytest.mark.parametrize(
        "end",
        [
            finish_job,
            release_job,
            lambda store, job: fail_job(store, job, dead=True),
            lambda store, job: cancel(store, "q", job.job_id, leased=True),
            lambda store, _job: clear_states(store, "q", JobState.LEASED),
        ],
        ids=["finish", "release", "death", "cancel", "clear"],
    )
    async def test_the_end_of_a_lease_gives_it_a_new_place(
        self, store: QueueStore, end: Ending
    ) -> None:
        await patch(store, concurrency=1)
        await enqueue(store, "q", "j1", "j2")
        leased = await take(store)
        await enqueue(store, "a", "j")
        await end(store, leased)
        await enqueue(store, "b", "j")
        assert await queue_order(store, 3) == ["a", "q", "b"]

    async def test_so_does_a_lease_that_expired(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, 1)
        clock.advance(LEASE_TIME)
        await enqueue(store, "a", "j")
        await tend_all(store)
        await enqueue(store, "b", "j")
        assert await queue_order(store, 3) == ["a", "q", "b"]

    async def test_so_does_a_higher_concurrency(self, store: QueueStore) -> None:
        await fill(store, 1)
        await enqueue(store, "a", "j")
        await patch(store, concurrency=2)
        await enqueue(store, "b", "j")
        assert await queue_order(store, 3) == ["a", "q", "b"]

    async def test_an_end_in_a_queue_with_room_leaves_its_place(self, store: QueueStore) -> None:
        await patch(store, concurrency=3)
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        leased = await take_in_turn(store, 2)
        await enqueue(store, "a", "j")
        for job in leased:
            await finish_job(store, job)
        assert await queue_order(store, 2) == ["q", "a"]
