"""Concurrency: whatever runs at the same time, each item is one step."""

import asyncio
from collections import Counter

from sharq_plug.model import (
    ALL_STATES,
    AmendOutcome,
    EnqueueOutcome,
    JobRef,
    LeaseOutcome,
    LeaseRef,
    LetterRef,
    Redrive,
    Retention,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    amend,
    clear_states,
    discard_range,
    let_each_die,
    numbers,
    redrive_range,
    totals,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    RECEIPT_TIME,
    TYPE,
    claim,
    claim_without_token,
    counted,
    enqueue,
    finish,
    lengths,
    new_job,
    reclaim,
    release,
    take,
    take_batch,
)

MANY = 40


class ConcurrencyConformance(Conformance):
    """Nothing is decided in one step and done in another."""

    async def test_a_depth_limit_of_5_admits_5_of_many(self, store: QueueStore) -> None:
        jobs = [new_job("q", f"j{n}", max_queued_length=5) for n in range(MANY)]
        answers = await asyncio.gather(*(store.enqueue(TYPE, [job]) for job in jobs))
        results = [result for answer in answers for result in answer]
        lengths_before = Counter(result.queue_length for result in results)
        assert lengths_before == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: MANY - 5}
        queued = [result for result in results if result.outcome is EnqueueOutcome.QUEUED]
        assert len(queued) == 5
        assert await lengths(store, "q") == (5, 0, 0)

    async def test_one_id_sent_by_many_is_queued_once(self, store: QueueStore) -> None:
        answers = await asyncio.gather(
            *(store.enqueue(TYPE, [new_job("q", "j")]) for _ in range(MANY))
        )
        outcomes = Counter(answer[0].outcome for answer in answers)
        assert outcomes == {EnqueueOutcome.QUEUED: 1, EnqueueOutcome.DUPLICATE: MANY - 1}
        assert await counted(store, "q") == (1, 0)

    async def test_no_job_is_handed_to_two_workers(self, store: QueueStore) -> None:
        expected = set()
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(MANY)))
            expected |= {(queue_id, f"j{n}") for n in range(MANY)}
        answers = await asyncio.gather(
            *(
                dequeue_for_one(store, TYPE, count=1 + n % 4, lease_time=LEASE_TIME)
                for n in range(2 * MANY)
            )
        )
        jobs = [job for answer in answers for job in answer.jobs]
        assert len(jobs) == len(expected)
        assert {(job.queue_id, job.job_id) for job in jobs} == expected
        assert len({job.token for job in jobs}) == len(jobs)

    async def test_many_workers_break_no_rate(self, store: QueueStore, clock: ManualClock) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(MANY)), interval=10)
        for _ in range(5):
            batches = await asyncio.gather(*(take_batch(store, 2) for _ in range(MANY)))
            served = [job.queue_id for batch in batches for job in batch]
            assert sorted(served) == ["a", "b", "c"]
            clock.advance(10)

    async def test_one_lease_is_finished_without_a_token_once(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        lease = claim_without_token(await take(store))
        outcomes = Counter(await asyncio.gather(*(finish(store, lease) for _ in range(MANY))))
        assert outcomes == {LeaseOutcome.ENDED: 1, LeaseOutcome.UNKNOWN: MANY - 1}

    async def test_one_lease_is_either_finished_or_released(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        lease = claim(await take(store))
        finished, released = await asyncio.gather(finish(store, lease), release(store, lease))
        if finished is LeaseOutcome.ENDED:
            assert released is LeaseOutcome.UNKNOWN
            assert await lengths(store, "q") == (0, 0, 0)
        else:
            assert (finished, released) == (LeaseOutcome.STALE, LeaseOutcome.ENDED)
            assert await lengths(store, "q") == (1, 0, 0)

    async def test_a_lease_is_reclaimed_by_one_of_many(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(MANY)), requeue_limit=5)
        await take_batch(store, MANY, lease_time=100)
        clock.advance(100)
        passes = await asyncio.gather(*(reclaim(store) for _ in range(5)))
        assert sum(reclaimed.requeued for reclaimed in passes) == MANY
        assert {job.requeues_remaining for job in await take_batch(store, MANY)} == {4}

    async def test_what_goes_in_while_others_take_out_is_neither_lost_nor_doubled(
        self, store: QueueStore
    ) -> None:
        finished: list[LeaseRef] = []

        async def produce(producer: int) -> None:
            for n in range(MANY):
                await enqueue(store, f"q{n % 3}", f"j{producer}-{n}")

        async def work() -> None:
            for _ in range(2 * MANY):
                batch = [claim(job) for job in await take_batch(store, 3)]
                outcomes = await finish_all(store, TYPE, batch, receipt_time=RECEIPT_TIME)
                assert set(outcomes) <= {LeaseOutcome.ENDED}
                finished.extend(batch)

        await asyncio.gather(*(produce(n) for n in range(4)), work(), work(), work())
        finished.extend(claim(job) for job in await take_batch(store, 4 * MANY))
        assert len(finished) == len(set(finished)) == 4 * MANY


class OperatorConcurrencyConformance(Conformance):
    """What several operators do at the same time is done once."""

    async def test_one_letter_is_redriven_once(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        refs: list[LetterRef | JobRef] = [LetterRef(1), JobRef("q", "j")] * MANY
        outcomes = Counter(await asyncio.gather(*(amend(store, Redrive(ref)) for ref in refs)))
        assert outcomes == {AmendOutcome.DONE: 1, AmendOutcome.UNKNOWN: 2 * MANY - 1}
        assert await lengths(store, "q") == (1, 0, 0)

    async def test_each_letter_is_redriven_or_discarded_or_dropped(self, store: QueueStore) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(MANY)))
        redriven, discarded, *_ = await asyncio.gather(
            redrive_range(store, limit=10),
            discard_range(store, limit=10),
            tend_all(store, retention=Retention(max_count=25)),
            redrive_range(store, limit=10),
        )
        of_type = await totals(store)
        assert await lengths(store, "q") == (of_type.redriven, 0, len(await numbers(store)))
        assert of_type.redriven >= redriven.count
        assert of_type.discarded == discarded.count
        gone = of_type.redriven + of_type.discarded + of_type.aged_out
        assert gone == MANY - len(await numbers(store))

    async def test_two_who_clear_a_type_remove_each_job_once(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await let_each_die(store, queue_id, "dead")
            await enqueue(store, queue_id, *(f"j{n}" for n in range(MANY)), delay=10)
        one, two = await asyncio.gather(
            *(clear_states(store, None, *ALL_STATES, limit=2) for _ in range(2))
        )
        assert (one.delayed + two.delayed, one.dead + two.dead) == (3 * MANY, 3)
        removed = await totals(store)
        assert (removed.removed, removed.discarded) == (3 * MANY, 3)
