"""Receipts: a finish that succeeded with its token succeeds again, for a while."""

from itertools import count

from sharq_plug.model import MAX_BATCH, Delivery, LeaseOutcome, LeaseRef
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import finish_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    claim_without_token,
    clear,
    counted,
    enqueue,
    finish,
    finish_job,
    lengths,
    next_ready_at,
    reclaim,
    take,
    take_batch,
    take_in_turn,
)

ENDED = LeaseOutcome.ENDED
STALE = LeaseOutcome.STALE
UNKNOWN = LeaseOutcome.UNKNOWN

KEPT_RECEIPTS = 100_000


async def finished_job(store: QueueStore, job_id: str = "j") -> Delivery:
    """Let a job of queue "q" come and be finished; return it as it was leased."""
    await enqueue(store, "q", job_id)
    job = await take(store)
    await finish_job(store, job)
    return job


class ReceiptConformance(Conformance):
    """The receipt of a finish answers its repetition."""

    async def test_a_finish_that_is_repeated_is_answered_alike(self, store: QueueStore) -> None:
        job = await finished_job(store)
        for _ in range(3):
            assert await finish(store, claim(job)) is ENDED
        assert await counted(store, "q") == (1, 1)

    async def test_a_receipt_is_for_its_token_only(self, store: QueueStore) -> None:
        job = await finished_job(store)
        assert await finish(store, claim_without_token(job)) is UNKNOWN
        assert await finish(store, LeaseRef("q", "j", job.token + "x")) is UNKNOWN

    async def test_a_finish_without_a_token_leaves_no_receipt(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        assert await finish(store, claim_without_token(job)) is ENDED
        assert await finish(store, claim(job)) is UNKNOWN

    async def test_a_receipt_is_kept_for_the_receipt_time_and_not_1_ms_longer(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        job = await finished_job(store)
        clock.advance(RECEIPT_TIME)
        assert await finish(store, claim(job)) is ENDED
        clock.advance(1)
        assert await finish(store, claim(job)) is UNKNOWN

    async def test_a_reclaim_forgets_no_receipt_before_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        early = await finished_job(store, "early")
        clock.advance(1)
        late = await finished_job(store, "late")
        clock.advance(RECEIPT_TIME)
        await reclaim(store)
        assert await finish(store, claim(early)) is UNKNOWN
        assert await finish(store, claim(late)) is ENDED

    async def test_a_receipt_counts_from_the_finish_not_from_the_dequeue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store, lease_time=10)
        clock.advance(100_000)
        await finish_job(store, job)
        clock.advance(RECEIPT_TIME)
        assert await finish(store, claim(job)) is ENDED

    async def test_a_receipt_that_is_shown_lasts_no_longer_for_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        job = await finished_job(store)
        clock.advance(RECEIPT_TIME // 2)
        assert await finish(store, claim(job)) is ENDED
        clock.advance(RECEIPT_TIME // 2 + 1)
        assert await finish(store, claim(job)) is UNKNOWN

    async def test_a_receipt_outlives_the_id_s_next_life_and_leaves_it_alone(
        self, store: QueueStore
    ) -> None:
        job = await finished_job(store)
        await enqueue(store, "q", "j")
        assert await finish(store, claim(job)) is ENDED
        assert await lengths(store, "q") == (1, 0, 0)
        await take(store)
        assert await finish(store, claim(job)) is ENDED
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_without_its_receipt_an_old_finish_is_stale_once_the_id_lives_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        job = await finished_job(store)
        await enqueue(store, "q", "j")
        clock.advance(RECEIPT_TIME + 1)
        assert await finish(store, claim(job)) is STALE
        await take(store)
        assert await finish(store, claim(job)) is STALE
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_each_life_of_an_id_has_its_receipt(self, store: QueueStore) -> None:
        lives = [await finished_job(store) for _ in range(3)]
        for job in lives:
            assert await finish(store, claim(job)) is ENDED

    async def test_a_receipt_belongs_to_its_job_and_queue_and_type(self, store: QueueStore) -> None:
        token = (await finished_job(store)).token
        await enqueue(store, "q", "waiting")
        await enqueue(store, "p", "leased")
        await enqueue(store, "q", "j", queue_type="other")
        assert await finish(store, LeaseRef("q", "waiting", token)) is STALE
        assert [job.job_id for job in await take_in_turn(store, 2)] == ["waiting", "leased"]
        assert await finish(store, LeaseRef("p", "leased", token)) is STALE
        assert await finish(store, LeaseRef("q", "never", token)) is UNKNOWN
        assert await finish(store, LeaseRef("p", "j", token)) is UNKNOWN
        assert await finish(store, LeaseRef("q", "j", token), queue_type="other") is STALE
        assert await finish(store, LeaseRef("q", "j", token), queue_type="third") is UNKNOWN

    async def test_a_clearing_leaves_the_receipts(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        job = await finished_job(store)
        await enqueue(store, "q", "another")
        await clear(store, "q")
        assert await finish(store, claim(job)) is ENDED
        await clear(store, "q", purge=True)
        clock.advance(RECEIPT_TIME)
        assert await finish(store, claim(job)) is ENDED

    async def test_a_receipt_time_may_be_long(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        assert await finish(store, claim(job), receipt_time=10**12) is ENDED
        clock.advance(10**12)
        await reclaim(store)
        assert await finish(store, claim(job), receipt_time=10**12) is ENDED
        clock.advance(1)
        assert await finish(store, claim(job), receipt_time=10**12) is UNKNOWN

    async def test_each_receipt_is_kept_for_its_own_receipt_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        times = [3000, 1000, 5000, 2000, 4000]
        await enqueue(store, "q", *(f"j{n}" for n in times))
        jobs = dict(zip(times, await take_batch(store, len(times)), strict=True))
        for time, job in jobs.items():
            await finish(store, claim(job), receipt_time=time)
        for elapsed in sorted(times):
            clock.advance(1000)
            await reclaim(store)
            for time, job in jobs.items():
                kept = ENDED if time >= elapsed else UNKNOWN
                assert await finish(store, claim(job), receipt_time=1) is kept
            clock.advance(1)
            await reclaim(store)
            assert await finish(store, claim(jobs[elapsed]), receipt_time=1) is UNKNOWN
            clock.step_back(1)

    async def test_receipts_are_nothing_to_wait_for(self, store: QueueStore) -> None:
        await finished_job(store)
        assert await next_ready_at(store) is None

    async def test_a_hundred_thousand_receipts_of_a_type_are_kept(self, store: QueueStore) -> None:
        ids = count()
        finished: list[LeaseRef] = []
        while len(finished) < KEPT_RECEIPTS:
            await enqueue(store, "q", *(f"j{next(ids)}" for _ in range(MAX_BATCH)))
            batch = [claim(job) for job in await take_batch(store, MAX_BATCH)]
            await finish_all(store, TYPE, batch, receipt_time=RECEIPT_TIME)
            finished += batch
        for part in (finished[:MAX_BATCH], finished[-MAX_BATCH:]):
            outcomes = await finish_all(store, TYPE, part, receipt_time=RECEIPT_TIME)
            assert set(outcomes) == {ENDED}
