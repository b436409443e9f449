"""Fails: a worker gives up an attempt, which spends a requeue."""

import pytest

from sharq_plug.model import (
    MAX_ERROR_LENGTH,
    MAX_INTEGER,
    Extend,
    Extended,
    Fail,
    Finish,
    LeaseOutcome,
    LeaseRef,
    Release,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import outcome_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    by_state,
    claim,
    claim_without_token,
    clear,
    counted,
    enqueue,
    extend,
    fail,
    fail_job,
    finish,
    finish_job,
    job_order,
    let_expire,
    next_ready_at,
    reclaim,
    release,
    release_job,
    take,
    take_exactly_at,
    take_in_turn,
)

ENDED, STALE, UNKNOWN = LeaseOutcome.ENDED, LeaseOutcome.STALE, LeaseOutcome.UNKNOWN


class FailConformance(Conformance):
    """A fail ends a lease and spends a requeue; without one left, the job dies."""

    async def test_a_failed_job_waits_again_at_once(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=1, payload=b"[1]")
        await fail_job(store, await take(store))
        assert await by_state(store, "q") == (1, 0, 0, 0)
        assert (await take(store)).payload == b"[1]"

    async def test_each_fail_spends_a_requeue_and_leaves_the_attempt_to_the_leases(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=2)
        for attempt, remaining in ((1, 2), (2, 1), (3, 0)):
            job = await take(store)
            assert (job.attempt, job.requeues_remaining) == (attempt, remaining)
            await fail_job(store, job)
        assert await by_state(store, "q") == (0, 0, 0, 1)
        assert await next_ready_at(store) is None

    async def test_a_fail_without_a_requeue_left_is_ended_and_the_job_dead(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        assert await fail(store, claim(await take(store)), delay=1000) is ENDED
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_fail_leaves_a_limit_of_minus_1_as_it_is(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=-1)
        for attempt in range(1, 21):
            job = await take(store)
            assert (job.attempt, job.requeues_remaining) == (attempt, -1)
            await fail_job(store, job)

    async def test_the_largest_limit_is_counted_exactly(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=MAX_INTEGER)
        await fail_job(store, await take(store))
        assert (await take(store)).requeues_remaining == MAX_INTEGER - 1

    @pytest.mark.parametrize("requeue_limit", [-1, 0, 5])
    async def test_a_fail_with_dead_makes_a_dead_letter_whatever_is_left(
        self, store: QueueStore, requeue_limit: int
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=requeue_limit)
        await fail_job(store, await take(store), dead=True)
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_fail_and_an_expired_lease_spend_of_the_same_requeues(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=2)
        await let_expire(store, clock)
        await fail_job(store, await take(store))
        assert (await take(store, lease_time=1)).requeues_remaining == 0
        clock.advance(1)
        assert (await reclaim(store)).dead == 1

    async def test_a_release_between_fails_spends_nothing_and_gives_nothing_back(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=2)
        await fail_job(store, await take(store))
        for _ in range(3):
            await release_job(store, await take(store))
        assert (await take(store)).requeues_remaining == 1

    async def test_a_failed_job_stands_before_those_that_were_never_delivered(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        j1, j2 = await take_in_turn(store, 2)
        await fail_job(store, j2)
        await fail_job(store, j1)
        assert await job_order(store, 3) == ["j1", "j2", "j3"]

    async def test_a_fail_gives_nothing_back_to_the_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", interval=1000)
        job = await take(store)
        served = clock.now()
        clock.advance(300)
        await fail_job(store, job)
        await take_exactly_at(store, clock, served + 1000)

    async def test_a_fail_is_counted_neither_as_an_enqueue_nor_as_a_dequeue(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=1)
        for _ in range(2):
            await fail_job(store, await take(store))
        assert await counted(store, "q") == (1, 2)

    @pytest.mark.parametrize("error", [None, "", "x" * MAX_ERROR_LENGTH, "\U0001f4a5\n\0" * 600])
    async def test_a_fail_may_say_why(self, store: QueueStore, error: str | None) -> None:
        await enqueue(store, "q", "comes-back", "dies")
        comes_back, dies = await take_in_turn(store, 2)
        await fail_job(store, comes_back, error=error)
        await fail_job(store, dies, error=error, dead=True)
        assert await by_state(store, "q") == (1, 0, 0, 1)


class FailClaimConformance(Conformance):
    """A fail changes nothing unless the lease is the caller's."""

    async def test_an_expired_lease_may_be_failed_until_it_is_reclaimed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=2)
        job = await take(store, lease_time=100)
        clock.advance(1000)
        await fail_job(store, job)
        assert (await reclaim(store)).requeued == 0
        assert (await take(store)).requeues_remaining == 1

    async def test_a_repeated_fail_changes_nothing(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=5)
        job = await take(store)
        await fail_job(store, job)
        assert await fail(store, claim(job)) is STALE
        again = await take(store)
        assert again.requeues_remaining == 4
        assert await fail(store, claim(job), dead=True) is STALE
        assert await by_state(store, "q") == (0, 0, 1, 0)
        await finish_job(store, again)
        assert await fail(store, claim(job)) is UNKNOWN

    async def test_a_repeated_fail_of_a_dead_job_is_stale(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await fail_job(store, job, dead=True)
        assert await fail(store, claim(job), dead=True) is STALE
        assert await fail(store, claim_without_token(job), dead=True) is UNKNOWN
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_fail_of_a_finished_lease_is_unknown(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await finish_job(store, job)
        assert await fail(store, claim(job)) is UNKNOWN
        await enqueue(store, "q", "j")
        assert await fail(store, claim(job)) is STALE
        assert (await take(store)).requeues_remaining == -1

    async def test_a_failed_lease_leaves_no_receipt(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await fail_job(store, job)
        assert await finish(store, claim(job)) is STALE
        await finish_job(store, await take(store))
        assert await finish(store, claim(job)) is UNKNOWN

    async def test_a_fail_without_a_token_means_the_current_lease(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=1)
        job = await take(store)
        assert await fail(store, claim_without_token(job)) is ENDED
        assert await fail(store, claim_without_token(job)) is UNKNOWN
        assert (await take(store)).requeues_remaining == 0

    async def test_a_fail_of_what_was_never_there_or_is_cleared_is_unknown(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await clear(store, "q")
        assert await fail(store, claim(job), dead=True) is UNKNOWN
        assert await fail(store, LeaseRef("q", "never", "no-such-token")) is UNKNOWN
        assert await by_state(store, "q") == (0, 0, 0, 0)

    async def test_a_job_that_is_delayed_has_no_lease_to_fail(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=5)
        job = await take(store)
        await fail_job(store, job, delay=1000)
        assert await fail(store, claim(job), dead=True) is STALE
        assert await release(store, claim(job)) is STALE
        assert await finish(store, claim(job)) is STALE
        assert await extend(store, claim(job), 1) is STALE
        assert await fail(store, claim_without_token(job)) is UNKNOWN
        assert await by_state(store, "q") == (0, 1, 0, 0)

    async def test_a_mixed_batch_acts_in_order_and_later_items_see_earlier_ones(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "a", "b", "c", "d", requeue_limit=3)
        a, b, c, d = (claim(job) for job in await take_in_turn(store, 4))
        outcomes = await store.settle(
            TYPE,
            [
                Extend(a, 5000),
                Fail(a),
                Extend(a, 9000),
                Release(b),
                Fail(b, dead=True),
                Fail(c, dead=True),
                Finish(c, RECEIPT_TIME),
                Finish(d, RECEIPT_TIME),
                Fail(d),
                Finish(d, RECEIPT_TIME),
            ],
        )
        until = clock.now() + 5000
        assert [outcome_of(one) for one in outcomes] == [
            *(Extended(until), ENDED, STALE),
            *(ENDED, STALE),
            *(ENDED, STALE),
            *(ENDED, UNKNOWN, ENDED),
        ]
        assert await by_state(store, "q") == (2, 0, 0, 1)
        assert [job.requeues_remaining for job in await take_in_turn(store, 2)] == [2, 3]
