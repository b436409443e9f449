"""Extending: a lease gets another end, and keeps everything else."""

import pytest

from sharq_plug.model import MAX_DURATION, Extended, LeaseOutcome, LeaseRef
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import Reclaimed, dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    claim_without_token,
    clear,
    counted,
    enqueue,
    extend,
    extend_lease,
    fail_job,
    finish,
    finish_job,
    lengths,
    let_expire,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_in_turn,
)

ENDED, STALE, UNKNOWN = LeaseOutcome.ENDED, LeaseOutcome.STALE, LeaseOutcome.UNKNOWN
NOTHING = Reclaimed(requeued=0, dead=0, more=False)


async def expire_at(store: QueueStore, clock: ManualClock, instant: int) -> None:
    """Reach the instant at which the one lease expires, when it stood 1 ms before."""
    clock.advance(instant - 1 - clock.now())
    assert await reclaim(store) == NOTHING
    clock.advance(1)
    assert (await reclaim(store)).requeued == 1


class ExtendConformance(Conformance):
    """An extended lease ends so many ms from then, later or sooner."""

    @pytest.mark.parametrize("lease_time", [1, 99, 100, 5000])
    async def test_a_lease_ends_so_many_ms_from_now(
        self, store: QueueStore, clock: ManualClock, lease_time: int
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store, lease_time=100)
        clock.advance(30)
        until = clock.now() + lease_time
        assert await extend(store, claim(job), lease_time) == Extended(until)
        await expire_at(store, clock, until)

    async def test_the_longest_extension_is_exact(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        until = clock.now() + MAX_DURATION
        assert await extend(store, claim(job), MAX_DURATION) == Extended(until)
        assert await next_ready_at(store) == until

    async def test_an_expired_lease_that_stands_may_be_extended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        job = await take(store, lease_time=100)
        clock.advance(1000)
        await extend_lease(store, job, 100)
        assert await reclaim(store) == NOTHING
        assert await next_ready_at(store) == clock.now() + 100
        await finish_job(store, job)

    async def test_an_extension_spends_nothing_and_counts_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=3)
        job = await take(store, lease_time=100)
        for _ in range(5):
            clock.advance(80)
            await extend_lease(store, job, 100)
        assert await lengths(store, "q") == (0, 1, 0)
        assert await counted(store, "q") == (1, 1)
        await release_job(store, job)
        again = await take(store)
        assert (again.attempt, again.requeues_remaining) == (2, 3)

    async def test_a_reclaimed_lease_is_not_revived(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        late = await let_expire(store, clock)
        assert await extend(store, claim(late), 1000) is STALE
        assert await lengths(store, "q") == (1, 0, 0)
        theirs = await take(store, lease_time=100)
        assert await extend(store, claim(late), 1000) is STALE
        await expire_at(store, clock, theirs.expires_at)

    async def test_the_lease_of_a_dead_job_is_not_revived(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        dead = await let_expire(store, clock, dies=True)
        assert await extend(store, claim(dead), 1000) is STALE
        assert await lengths(store, "q") == (0, 0, 1)

    async def test_a_lease_that_was_ended_is_not_extended(self, store: QueueStore) -> None:
        await enqueue(store, "q", "released", "failed", "finished", "cleared")
        released, failed, finished, cleared = await take_in_turn(store, 4)
        await release_job(store, released)
        await fail_job(store, failed)
        await finish_job(store, finished)
        assert await extend(store, claim(released), 1000) is STALE
        assert await extend(store, claim(failed), 1000) is STALE
        assert await extend(store, claim(finished), 1000) is UNKNOWN
        await clear(store, "q")
        assert await extend(store, claim(cleared), 1000) is UNKNOWN
        assert await lengths(store, "q") == (0, 0, 0)

    async def test_without_a_token_the_current_lease_is_extended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        unleased = LeaseRef("q", "j")
        assert await extend(store, unleased, 1000) is UNKNOWN
        job = await take(store, lease_time=100)
        answer = await extend(store, claim_without_token(job), 1000)
        assert answer == Extended(clock.now() + 1000)
        await expire_at(store, clock, clock.now() + 1000)

    async def test_an_extended_lease_can_be_finished_and_that_repeated(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store, lease_time=100)
        await extend_lease(store, job, 1000)
        clock.advance(999)
        await finish_job(store, job)
        assert await finish(store, claim(job)) is ENDED
        clock.advance(1)
        assert await reclaim(store) == NOTHING


class ExtendedOrderConformance(Conformance):
    """What goes by the end of a lease goes by its new end."""

    async def test_leases_are_reclaimed_in_the_order_of_their_new_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "a", "b", "c")
        a, b, c = await take_in_turn(store, 3, lease_time=100)
        await extend_lease(store, a, 300)
        await extend_lease(store, c, 50)
        clock.advance(300)
        tended = await store.tend(limit=100)
        assert [lease.token for lease in tended.ended] == [c.token, b.token, a.token]

    async def test_leases_that_end_together_are_reclaimed_by_queue_and_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "b", "j")
        await enqueue(store, "a", "j1", "j2")
        jobs = await take_in_turn(store, 3, lease_time=100)
        for job in reversed(jobs):
            await extend_lease(store, job, 200)
        clock.advance(200)
        tended = await store.tend(limit=100)
        found = [(lease.queue_id, lease.job_id) for lease in tended.ended]
        assert found == [("a", "j1"), ("a", "j2"), ("b", "j")]

    async def test_tending_meets_a_shorter_end_in_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store, lease_time=10**6)
        await reclaim(store)
        await extend_lease(store, job, 10)
        await expire_at(store, clock, clock.now() + 10)

    async def test_next_ready_at_follows_the_new_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        j1, j2 = await take_in_turn(store, 2, lease_time=1000)
        await extend_lease(store, j1, 10)
        assert await next_ready_at(store) == clock.now() + 10
        await extend_lease(store, j1, 5000)
        assert await next_ready_at(store) == j2.expires_at

    async def test_a_dequeue_ends_the_lease_at_its_new_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await extend_lease(store, await take(store, lease_time=100), 300)
        clock.advance(299)
        assert await next_ready_at(store) == clock.now() + 1
        clock.advance(1)
        assert (await take(store)).attempt == 2

    async def test_a_repeated_dequeue_shows_the_present_end(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        first = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        [job] = first.jobs
        answer = await extend(store, claim(job), 7000)
        assert isinstance(answer, Extended)
        again = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        assert again.is_repeated
        [shown] = again.jobs
        assert (shown.token, shown.expires_at) == (job.token, answer.expires_at)

    async def test_an_extension_does_not_change_until_when_a_dequeue_can_be_repeated(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        first = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        await extend_lease(store, first.jobs[0], 7000)
        clock.advance(999)
        again = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        assert again.is_repeated
        clock.advance(1)
        fresh = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        assert [job.job_id for job in fresh.jobs] == ["j2"]

    async def test_a_lease_that_was_cut_short_and_ended_is_not_repeated(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        first = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        await extend_lease(store, first.jobs[0], 1)
        clock.advance(1)
        await reclaim(store)
        fresh = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        assert [(job.job_id, job.attempt) for job in fresh.jobs] == [("j", 2)]
