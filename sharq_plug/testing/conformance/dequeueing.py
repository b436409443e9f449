"""Dequeue: what a lease says, how large a batch is, and when to come back."""

from sharq_plug.model import MAX_BATCH, MAX_DEQUEUE_BYTES, MAX_ENDED
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance, OpenStore
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    clear,
    enqueue,
    lengths,
    new_job,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)

MIB = 1024 * 1024
SHORTEST_TOKEN = 15
"""96 bits, written with 85 different characters."""


class DequeueConformance(Conformance):
    """A dequeue leases the first job of the first ready queue."""

    async def test_a_lease_says_all_about_its_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await store.enqueue(TYPE, [new_job("q", "j", payload=b"[1]", requeue_limit=3)])
        await enqueue(store, "q", "left")
        job = await take(store, lease_time=1234)
        assert (job.queue_id, job.job_id, job.payload) == ("q", "j", b"[1]")
        assert (job.attempt, job.requeues_remaining) == (1, 3)
        assert job.expires_at == clock.now() + 1234
        assert job.queue_length == 1
        assert await lengths(store, "q") == (1, 1, 0)

    async def test_an_answer_tells_the_present_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        for jobs in (1, 0, 0):
            answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
            assert (len(answer.jobs), answer.now) == (jobs, clock.now())
            clock.advance(10)

    async def test_the_queue_length_is_that_after_each_job_left(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j1")
        jobs = await take_batch(store, 4)
        assert [(job.queue_id, job.queue_length) for job in jobs] == [
            ("a", 2),
            ("b", 0),
            ("a", 1),
            ("a", 0),
        ]

    async def test_nothing_is_there_where_nothing_was_enqueued(self, store: QueueStore) -> None:
        assert await take_batch(store, 1) == []
        assert await take_batch(store, MAX_BATCH) == []

    async def test_a_batch_holds_no_more_than_asked_for(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        assert [job.job_id for job in await take_batch(store, 2)] == ["j1", "j2"]
        assert [job.job_id for job in await take_batch(store, 2)] == ["j3"]

    async def test_a_batch_gathers_from_many_queues(self, store: QueueStore) -> None:
        jobs = [new_job(f"q{n}", "j", interval=1000) for n in range(MAX_BATCH)]
        await store.enqueue(TYPE, jobs)
        batch = await take_batch(store, MAX_BATCH)
        assert [job.queue_id for job in batch] == [job.queue_id for job in jobs]
        assert {job.attempt for job in batch} == {1}

    async def test_a_leased_job_is_handed_out_to_nobody_else(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        clock.advance(99)
        assert await next_ready_at(store) == clock.now() + 1

    async def test_a_dequeue_ends_expired_leases_and_serves_their_jobs(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "returns", requeue_limit=1)
        await enqueue(store, "q", "dies", requeue_limit=0)
        returns, dies = await take_in_turn(store, 2, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=2, lease_time=LEASE_TIME)
        assert [(job.job_id, job.attempt) for job in answer.jobs] == [("returns", 2)]
        assert {(lease.token, lease.is_dead) for lease in answer.ended} == {
            (returns.token, False),
            (dies.token, True),
        }

    async def test_a_dequeue_that_gets_what_it_asked_for_ends_no_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "leased", "waits")
        await take(store, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert ([job.job_id for job in answer.jobs], answer.ended) == (["waits"], ())

    async def test_a_dequeue_ends_no_more_leases_than_it_may(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(MAX_ENDED + 1):
            await enqueue(store, f"q{n}", "j", requeue_limit=0)
        await take_batch(store, MAX_ENDED + 1, lease_time=100)
        clock.advance(100)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert len(answer.ended) == MAX_ENDED
        assert answer.next_ready_at == clock.now()

    async def test_leases_of_different_lengths_stand_side_by_side(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", "j3")
        jobs = [await take(store, lease_time=lease_time) for lease_time in (1, 10**12, 50)]
        expiries = [job.expires_at for job in jobs]
        assert expiries == [start + 1, start + 10**12, start + 50]

    async def test_an_attempt_is_one_higher_than_the_latest_however_that_one_ended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        for attempt in range(1, 12):
            job = await take(store, lease_time=100)
            assert job.attempt == attempt
            if attempt % 2:
                await release_job(store, job)
            else:
                clock.advance(100)
                await reclaim(store)

    async def test_no_two_leases_have_one_token(self, store: QueueStore) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(500)))
        tokens = [job.token for job in await take_batch(store, 500)]
        await clear(store, "q")
        await enqueue(store, "q", "j")
        for _ in range(100):
            job = await take(store)
            tokens.append(job.token)
            await release_job(store, job)
        assert len(set(tokens)) == 600
        assert min(map(len, tokens)) >= SHORTEST_TOKEN

    async def test_a_token_does_not_follow_from_what_happened_before(
        self, open_store: OpenStore
    ) -> None:
        tokens = set()
        for queue_type in ("one", "two", "three"):
            async with open_store(ManualClock()) as store:
                await enqueue(store, "q", "j", queue_type=queue_type)
                tokens.add((await take(store, queue_type=queue_type)).token)
        assert len(tokens) == 3


class BatchSizeConformance(Conformance):
    """A dequeue batch holds at most 8 MiB of payload, and at least one job."""

    async def test_a_batch_of_exactly_8_mib_is_whole(self, store: QueueStore) -> None:
        jobs = [new_job("q", f"j{n}", payload=bytes(MAX_DEQUEUE_BYTES // 4)) for n in range(4)]
        await store.enqueue(TYPE, [*jobs, new_job("q", "empty", payload=b"")])
        batch = await take_batch(store, 9)
        assert [job.job_id for job in batch] == ["j0", "j1", "j2", "j3", "empty"]

    async def test_a_batch_ends_before_the_byte_too_many(self, store: QueueStore) -> None:
        await store.enqueue(TYPE, [new_job("q", "j1", payload=bytes(MAX_DEQUEUE_BYTES))])
        await store.enqueue(TYPE, [new_job("q", "j2", payload=b"x")])
        assert [job.job_id for job in await take_batch(store, 9)] == ["j1"]
        assert [job.job_id for job in await take_batch(store, 9)] == ["j2"]

    async def test_a_job_that_does_not_fit_is_not_passed_over(self, store: QueueStore) -> None:
        await store.enqueue(TYPE, [new_job("a", "j", payload=bytes(4 * MIB))])
        await store.enqueue(TYPE, [new_job("b", "j", payload=bytes(5 * MIB))])
        await enqueue(store, "c", "j")
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a"]
        assert [job.queue_id for job in await take_batch(store, 9)] == ["b", "c"]

    async def test_a_job_that_did_not_fit_stays_as_it_was(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await store.enqueue(TYPE, [new_job("a", "j", payload=bytes(4 * MIB), interval=50)])
        await store.enqueue(TYPE, [new_job("b", "j", payload=bytes(5 * MIB), interval=50)])
        assert len(await take_batch(store, 2)) == 1
        assert await lengths(store, "b") == (1, 0, 0)
        clock.advance(10)
        job = await take(store)
        assert (job.queue_id, job.attempt) == ("b", 1)

    async def test_the_first_job_may_be_larger_than_a_batch(self, store: QueueStore) -> None:
        jobs = [
            new_job("q", "large", payload=bytes(9 * MIB)),
            new_job("q", "empty", payload=b""),
        ]
        await store.enqueue(TYPE, jobs)
        assert [len(job.payload) for job in await take_batch(store, 9)] == [9 * MIB]
        assert [job.job_id for job in await take_batch(store, 9)] == ["empty"]
