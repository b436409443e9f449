"""Expired leases that a dequeue ends: when, which, how many, and what it says of them."""

from sharq_plug.model import MAX_ENDED, Delivery, EndedLease, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    enqueue,
    lengths,
    take,
    take_batch,
)
from sharq_plug.testing.conformance.watching import Wakes

MORE = MAX_ENDED + 50


def ended(job: Delivery, *, is_dead: bool = False) -> EndedLease:
    """Return what is said of a lease that expired."""
    return EndedLease(TYPE, job.queue_id, job.job_id, job.token, is_dead)


async def let_many_expire(
    store: QueueStore, clock: ManualClock, *, requeue_limit: int = -1
) -> list[Delivery]:
    """Let more leases of queue "q" expire than a dequeue may end; return what they were."""
    await enqueue(store, "q", *(f"j{n}" for n in range(MORE)), requeue_limit=requeue_limit)
    jobs = await take_batch(store, MORE, lease_time=100)
    clock.advance(100)
    return jobs


class DequeueEndsConformance(Conformance):
    """A dequeue that comes short ends expired leases of its type, and looks again."""

    async def test_a_short_dequeue_gets_the_jobs_whose_leases_it_ends(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        first = await take_batch(store, 2, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME)
        assert [(job.job_id, job.attempt) for job in answer.jobs] == [("j1", 2), ("j2", 2)]
        assert answer.ended == tuple(map(ended, first))

    async def test_a_lease_is_ended_at_its_ms_and_not_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(99)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert (answer.jobs, answer.ended) == ((), ())
        clock.advance(1)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert (len(answer.jobs), len(answer.ended)) == (1, 1)

    async def test_a_dequeue_that_gets_what_it_asks_for_ends_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await take(store, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert [job.job_id for job in answer.jobs] == ["waiting"]
        assert answer.ended == ()
        assert await lengths(store, "q") == (0, 2, 0)

    async def test_what_is_ready_goes_before_what_comes_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await take(store, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME)
        assert [job.job_id for job in answer.jobs] == ["waiting", "leased"]

    async def test_a_job_without_requeues_dies_and_its_end_is_told(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        job = await take(store, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert answer.jobs == ()
        assert answer.ended == (ended(job, is_dead=True),)
        assert answer.next_ready_at is None
        assert await lengths(store, "q") == (0, 0, 1)

    async def test_other_types_are_left_alone(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j", queue_type="other")
        await take(store, queue_type="other", lease_time=100)
        clock.advance(100)
        assert (await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)).ended == ()
        answer = await dequeue_for_one(store, "other", count=1, lease_time=LEASE_TIME)
        assert [lease.queue_type for lease in answer.ended] == ["other"]

    async def test_a_call_ends_the_first_leases_up_to_its_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        jobs = await let_many_expire(store, clock)
        answer = await dequeue_for_one(store, TYPE, count=MORE, lease_time=LEASE_TIME)
        assert answer.ended == tuple(map(ended, jobs[:MAX_ENDED]))
        assert len(answer.jobs) == MAX_ENDED
        assert answer.next_ready_at == clock.now()
        answer = await dequeue_for_one(store, TYPE, count=MORE, lease_time=LEASE_TIME)
        assert answer.ended == tuple(map(ended, jobs[MAX_ENDED:]))
        assert answer.next_ready_at == clock.now() + LEASE_TIME

    async def test_a_call_that_only_finds_the_dead_says_to_come_back_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_many_expire(store, clock, requeue_limit=0)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert (answer.jobs, len(answer.ended)) == ((), MAX_ENDED)
        assert answer.next_ready_at == clock.now()

    async def test_the_takes_of_a_call_share_its_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_many_expire(store, clock)
        takes = [Take(1, LEASE_TIME), Take(MORE, LEASE_TIME), Take(MORE, LEASE_TIME)]
        one, rest, none = await store.dequeue(TYPE, takes)
        assert [len(answer.ended) for answer in (one, rest, none)] == [MAX_ENDED, 0, 0]
        assert [len(answer.jobs) for answer in (one, rest, none)] == [1, MAX_ENDED - 1, 0]
        assert none.next_ready_at == clock.now()

    async def test_watchers_hear_of_the_places_that_a_dequeue_gives(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, "j")
        await take_batch(store, 2, lease_time=100)
        clock.advance(100)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
            assert (len(answer.jobs), len(answer.ended)) == (1, 2)
            await wakes.hear(0)
