"""Reclaim: expired leases go back into their queues, or to the dead letters."""

import pytest

from sharq_plug.model import COUNTED_MINUTES, MAX_INTEGER, MINUTE, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import Reclaimed, release_all, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    clear,
    counted,
    enqueue,
    finish,
    finish_job,
    lengths,
    listed,
    reclaim,
    reclaim_in_steps,
    reclaim_of_each,
    take,
    take_batch,
    take_in_turn,
)

NOTHING = Reclaimed(requeued=0, dead=0, more=False)


async def reclaim_order(store: QueueStore, count: int) -> list[str]:
    """Reclaim `count` leases one by one, and lease each job anew; return whose they were."""
    order = []
    for _ in range(count):
        assert (await tend_type(store, TYPE, limit=1)).requeued == 1
        job = await take(store, lease_time=10**9)
        order.append(f"{job.queue_id}/{job.job_id}")
    assert await reclaim(store) == NOTHING
    return order


class ReclaimConformance(Conformance):
    """Tending ends a lease once it has expired."""

    async def test_a_lease_expires_at_its_ms_and_not_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(99)
        assert await reclaim(store) == NOTHING
        assert await lengths(store, "q") == (0, 1, 0)
        clock.advance(1)
        assert await reclaim(store) == Reclaimed(requeued=1, dead=0, more=False)
        assert await lengths(store, "q") == (1, 0, 0)
        assert await reclaim(store) == NOTHING

    async def test_there_is_nothing_to_reclaim_in_an_unknown_type(self, store: QueueStore) -> None:
        assert await reclaim(store) == NOTHING

    async def test_a_reclaimed_job_has_one_requeue_less(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=2)
        remaining = []
        for _ in range(3):
            remaining.append((await take(store, lease_time=100)).requeues_remaining)
            clock.advance(100)
            await reclaim(store)
        assert remaining == [2, 1, 0]
        assert await lengths(store, "q") == (0, 0, 1)

    async def test_a_limit_of_minus_1_stays_for_ever(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=-1)
        for attempt in range(1, 21):
            job = await take(store, lease_time=100)
            assert (job.attempt, job.requeues_remaining) == (attempt, -1)
            clock.advance(100)
            await reclaim(store)

    @pytest.mark.parametrize("limit", [10**15, MAX_INTEGER])
    async def test_the_largest_limits_are_counted_exactly(
        self, store: QueueStore, clock: ManualClock, limit: int
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=limit)
        for requeues in range(3):
            assert (await take(store, lease_time=100)).requeues_remaining == limit - requeues
            clock.advance(100)
            await reclaim(store)

    async def test_a_reclaimed_job_keeps_its_payload(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(100)
        await reclaim(store)
        assert (await take(store)).payload == b"{}"

    async def test_a_reclaim_ends_no_more_leases_than_its_limit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(7)))
        await take_batch(store, 7, lease_time=100)
        clock.advance(100)
        assert await tend_type(store, TYPE, limit=3) == Reclaimed(requeued=3, dead=0, more=True)
        assert await lengths(store, "q") == (3, 4, 0)
        assert await tend_type(store, TYPE, limit=3) == Reclaimed(requeued=3, dead=0, more=True)
        assert await tend_type(store, TYPE, limit=3) == Reclaimed(requeued=1, dead=0, more=False)

    async def test_leases_that_have_not_expired_are_no_more_to_do(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        await take(store, lease_time=100)
        await take_batch(store, 8, lease_time=101)
        clock.advance(100)
        assert await tend_type(store, TYPE, limit=2) == Reclaimed(requeued=1, dead=0, more=False)

    async def test_jobs_that_wait_and_leases_that_stand_are_no_more_to_do_however_long(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store, lease_time=10**12)
        for _ in range(3):
            clock.advance(COUNTED_MINUTES * MINUTE)
            await reclaim_in_steps(store, 100)
            assert await tend_type(store, TYPE, limit=100) == NOTHING

    async def test_leases_are_reclaimed_in_the_order_of_their_expiry(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        for lease_time in (300, 9, 100, 20):
            await take(store, lease_time=lease_time)
        clock.advance(300)
        assert await reclaim_order(store, 4) == ["q/j2", "q/j4", "q/j3", "q/j1"]

    async def test_leases_that_expire_together_go_by_queue_id_and_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        queue_ids = ["a_", "aa", "B", "a0", "b", "10", "a", "9", "a-", "A", "_", "-"]
        for queue_id in queue_ids:
            await enqueue(store, queue_id, "j2", "j1")
        assert len(await take_batch(store, 24, lease_time=100)) == 24
        clock.advance(100)
        expected = [f"{queue_id}/{job}" for queue_id in sorted(queue_ids) for job in ("j2", "j1")]
        assert await reclaim_order(store, 24) == expected

    async def test_more_than_ten_leases_of_a_queue_go_by_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        job_ids = [f"j{n}" for n in range(101)]
        await enqueue(store, "q", *job_ids)
        await take_batch(store, 101, lease_time=100)
        clock.advance(100)
        assert await reclaim_order(store, 101) == [f"q/{job_id}" for job_id in job_ids]

    async def test_what_is_reclaimed_is_counted_neither_as_enqueue_nor_as_dequeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(100)
        await reclaim(store)
        assert await counted(store, "q") == (1, 1)

    async def test_a_reclaim_leaves_other_types_alone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", queue_type="other")
        await take(store, queue_type="other", lease_time=100)
        clock.advance(100)
        ours, theirs = await reclaim_of_each(store, TYPE, "other")
        assert ours == NOTHING
        assert theirs.requeued == 1

    async def test_a_lease_that_was_ended_is_not_reclaimed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "finished", "released", "expired")
        finished, released, _ = await take_in_turn(store, 3, lease_time=100)
        await finish_job(store, finished)
        await release_all(store, TYPE, [claim(released)])
        clock.advance(100)
        assert (await reclaim(store)).requeued == 1
        assert await lengths(store, "q") == (2, 0, 0)

    async def test_the_lease_of_a_redelivery_expires_in_its_own_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await release_all(store, TYPE, [claim(await take(store, lease_time=100))])
        await take(store, lease_time=500)
        clock.advance(499)
        assert await reclaim(store) == NOTHING
        clock.advance(1)
        assert (await reclaim(store)).requeued == 1


class DeadLetterConformance(Conformance):
    """A job out of requeues becomes a dead letter of its queue."""

    async def test_a_limit_of_0_means_one_delivery(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        await take(store, lease_time=100)
        clock.advance(100)
        assert await reclaim(store) == Reclaimed(requeued=0, dead=1, more=False)
        assert await lengths(store, "q") == (0, 0, 1)

    async def test_a_dead_job_is_delivered_no_more(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        await take(store, lease_time=100)
        for _ in range(3):
            clock.advance(100_000)
            await reclaim(store)
            assert await take_batch(store, 9) == []
        assert await lengths(store, "q") == (0, 0, 1)

    async def test_a_dead_letter_alone_makes_no_queue_exist(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        await take(store, lease_time=100)
        clock.advance(100)
        await reclaim(store)
        assert await listed(store, None) == set()
        assert await listed(store) == set()

    async def test_the_dead_and_the_requeued_are_told_apart(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", requeue_limit=0)
        await enqueue(store, "q", "j3", "j4", "j5", requeue_limit=1)
        await take_batch(store, 5, lease_time=100)
        clock.advance(100)
        assert await reclaim(store) == Reclaimed(requeued=3, dead=2, more=False)
        assert await lengths(store, "q") == (3, 0, 2)

    async def test_a_limit_counts_the_dead_too(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(5)), requeue_limit=0)
        await take_batch(store, 5, lease_time=100)
        clock.advance(100)
        assert await tend_type(store, TYPE, limit=2) == Reclaimed(requeued=0, dead=2, more=True)
        assert await reclaim_in_steps(store, 2) == Reclaimed(requeued=0, dead=3, more=False)

    async def test_a_second_death_of_an_id_replaces_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for deaths in (1, 2, 3):
            await enqueue(store, "q", "j", requeue_limit=0)
            await take(store, lease_time=100)
            clock.advance(100)
            await reclaim(store)
            assert await lengths(store, "q") == (0, 0, deaths)
        assert (await clear(store, "q", purge=True)).dead == 3

    async def test_dead_letters_are_those_of_their_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j", requeue_limit=0)
        await enqueue(store, "b", "j", requeue_limit=1)
        await take_batch(store, 2, lease_time=100)
        clock.advance(100)
        await reclaim(store)
        assert await lengths(store, "a") == (0, 0, 1)
        assert await lengths(store, "b") == (1, 0, 0)
        assert await lengths(store, "a", queue_type="other") == (0, 0, 0)

    async def test_the_token_of_a_death_stays_stale_while_the_letter_is_kept(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        late = claim(await take(store, lease_time=100))
        clock.advance(100)
        await reclaim(store)
        clock.advance(10**9)
        await reclaim(store)
        assert await finish(store, late) is LeaseOutcome.STALE
