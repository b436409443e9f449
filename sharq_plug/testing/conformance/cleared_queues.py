"""What stays of a queue after a clearing by states: rate, place, letters, receipts."""

import pytest

from sharq_plug.model import (
    Absence,
    Clear,
    Cleared,
    JobRef,
    JobState,
    LeaseOutcome,
    LetterRef,
    Redrive,
    Take,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.filling import every_state
from sharq_plug.testing.conformance.operating import (
    UNKNOWN,
    amend,
    clear_states,
    let_each_die,
    letters,
    numbers,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    enqueue,
    fail_job,
    finish,
    finish_job,
    let_expire,
    listed,
    next_ready_at,
    queue_order,
    reclaim,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes

WAITING, DELAYED = JobState.WAITING, JobState.DELAYED
LEASED, DEAD = JobState.LEASED, JobState.DEAD


class ClearedRateConformance(Conformance):
    """An unpaid rate stays, whatever is cleared."""

    @every_state
    async def test_the_unpaid_rate_outlives_the_jobs_of_a_state(
        self, store: QueueStore, clock: ManualClock, state: JobState
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        job = await take(store)
        clock.advance(10)
        if state is WAITING:
            await release_job(store, job)
        elif state is DELAYED:
            await release_job(store, job, delay=100)
        elif state is DEAD:
            await fail_job(store, job, dead=True)
        await clear_states(store, "q", state)
        assert await by_state(store, "q") == (0, 0, 0, 0)
        assert await listed(store) == set()
        await enqueue(store, "q", "new", interval=1000)
        await take_exactly_at(store, clock, start + 1000)

    async def test_a_queue_that_stays_keeps_its_interval_and_its_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await enqueue(store, "q", "later", delay=500, interval=1000)
        await take(store)
        await clear_states(store, "q", WAITING, LEASED)
        await take_exactly_at(store, clock, start + 1000)


class ClearedPlaceConformance(Conformance):
    """After a clearing the place of a queue follows from what is left."""

    async def test_without_waiting_jobs_a_queue_stands_at_its_first_delayed_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "a", "delayed", at=at)
        await enqueue(store, "a", "w1", "w2")
        await enqueue(store, "b", "j", at=at)
        await clear_states(store, "a", WAITING)
        assert await next_ready_at(store) == at
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_without_its_delayed_jobs_a_queue_that_waits_keeps_its_place(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "later", delay=100)
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await clear_states(store, "a", DELAYED)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_with_only_leased_jobs_has_no_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await enqueue(store, "q", "later", delay=10)
        await take(store, lease_time=500)
        await clear_states(store, "q", WAITING, DELAYED)
        assert await next_ready_at(store) == clock.now() + 500

    async def test_without_its_leases_a_queue_keeps_its_place(self, store: QueueStore) -> None:
        await enqueue(store, "a", "leased", "j1")
        await enqueue(store, "b", "j")
        await take_in_turn(store, 1)
        await clear_states(store, "a", LEASED)
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_a_clearing_wakes_nobody(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        await take(store)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await clear_states(store, "q", WAITING, LEASED)
            await enqueue(store, "other", "j", delay=700)
            assert await wakes.hear(700) == [700]


class ClearedLeaseConformance(Conformance):
    """A lease that was cleared has also ended for its worker."""

    @pytest.mark.parametrize("leases", [1, 2, 3])
    async def test_a_cleared_lease_never_expires(
        self, store: QueueStore, clock: ManualClock, leases: int
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "waits", requeue_limit=0)
        await take_in_turn(store, leases, lease_time=100)
        assert await clear_states(store, "q", LEASED) == Cleared(leased=leases)
        clock.advance(1000)
        assert (await reclaim(store)).dead == 0
        assert await by_state(store, "q") == (4 - leases, 0, 0, 0)

    async def test_an_expired_lease_that_stands_is_cleared(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(100)
        assert await clear_states(store, "q", LEASED) == Cleared(leased=1)
        assert (await reclaim(store)).requeued == 0

    async def test_the_token_of_a_cleared_lease_is_stale_while_its_id_is_there(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        before = await take(store)
        await clear_states(store, "q", LEASED)
        assert await finish(store, claim(before)) is LeaseOutcome.UNKNOWN
        await enqueue(store, "q", "j")
        assert await finish(store, claim(before)) is LeaseOutcome.STALE

    async def test_the_token_of_a_cleared_lease_is_stale_while_its_id_is_dead(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "j")
        await enqueue(store, "q", "j")
        before = await take(store)
        await clear_states(store, "q", LEASED)
        assert await finish(store, claim(before)) is LeaseOutcome.STALE

    async def test_a_repeated_dequeue_finds_none_of_its_cleared_leases(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        again = Take(1, 1000, "try")
        [first] = await store.dequeue(TYPE, [again])
        await clear_states(store, "q", LEASED)
        [second] = await store.dequeue(TYPE, [again])
        assert [job.job_id for job in first.jobs + second.jobs] == ["j1", "j2"]

    async def test_a_receipt_outlives_every_clearing(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", "other")
        job = await take(store)
        await finish_job(store, job)
        await clear_states(store, "q", *JobState, counts=True)
        assert await finish(store, claim(job)) is LeaseOutcome.ENDED

    async def test_a_job_that_came_back_is_cleared_as_waiting(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", requeue_limit=3)
        await let_expire(store, clock)
        await release_job(store, await take(store))
        assert await clear_states(store, "q", WAITING) == Cleared(waiting=3)

    async def test_the_id_of_a_cleared_job_is_free(self, store: QueueStore) -> None:
        await enqueue(store, "q", "leased", "waits", requeue_limit=2)
        await release_job(store, await take(store))
        await take(store)
        await clear_states(store, "q", LEASED)
        await enqueue(store, "q", "leased", priority=1, requeue_limit=5)
        job = await take(store)
        assert (job.job_id, job.attempt, job.requeues_remaining) == ("leased", 1, 5)


class ClearedLetterConformance(Conformance):
    """Cleared letters are found neither by their numbers nor by their job ids."""

    async def test_cleared_letters_are_gone(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await fail_job(store, job, dead=True)
        await clear_states(store, "q", DEAD)
        assert await letters(store) == await letters(store, "q") == []
        assert await store.find(TYPE, [JobRef("q", "j")]) == [Absence.UNKNOWN]
        assert await amend(store, Redrive(LetterRef(1))) is UNKNOWN
        assert await finish(store, claim(job)) is LeaseOutcome.UNKNOWN

    async def test_letters_of_other_queues_stay(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "a", "b"):
            await let_each_die(store, queue_id, "j")
        assert await clear_states(store, "a", DEAD) == Cleared(dead=2)
        assert await numbers(store) == [2, 4]

    async def test_between_two_steps_the_newest_letter_left_is_found(
        self, store: QueueStore
    ) -> None:
        for error in ("first", "second", "third"):
            await let_each_die(store, "q", "j", error=error)
        step = await store.clear(TYPE, Clear("q", frozenset({DEAD})), limit=1)
        assert step.dead == 1
        left = (await letters(store))[0].last_error
        assert (await seen(store, "q", "j")).last_error == left

    async def test_a_living_job_outlives_the_letters_of_its_id(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await enqueue(store, "q", "j")
        await clear_states(store, "q", DEAD)
        assert (await seen(store, "q", "j")).state is WAITING
