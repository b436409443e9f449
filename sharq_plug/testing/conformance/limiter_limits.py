"""Limits of a type and of a shared limit: each job pays to them, whatever queue it is of."""

import pytest

from sharq_plug.model import JobState, Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiters import Limiter, every_limiter
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.operating import DAY, clear_states
from sharq_plug.testing.conformance.setting import (
    finish_with,
    set_limits,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    Ending,
    enqueue,
    fail_job,
    finish_job,
    next_ready_at,
    release_job,
    take,
    take_batch,
    take_exactly_at,
)

EACH_100 = Limit(1, 100)


class LimiterLimitConformance(Conformance):
    """A limit of a type or of a shared limit counts what all its queues give together."""

    @every_limiter
    async def test_all_its_queues_together_give_no_more_than_it_says(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, Limit(2, 100, 3))
        await limiter.stock(store, "ab")
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b", "a"]
        assert (await take_exactly_at(store, clock, start + 50)).queue_id == "b"
        assert (await take_exactly_at(store, clock, start + 100)).queue_id == "a"
        clock.advance(1000)
        assert len(await take_batch(store, 9)) == 3

    @every_limiter
    async def test_each_job_pays_its_cost_to_it(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, Limit(10, 1000, 10, "tokens"))
        await limiter.use(store, "ab")
        await enqueue(store, "a", "dear", cost={"tokens": 30})
        await enqueue(store, "b", "free", "other", cost={"tokens": 0})
        assert [job.job_id for job in await take_batch(store, 9)] == ["dear"]
        # 30 tokens are owed, and 9 may be.
        await take_exactly_at(store, clock, start + 2100)
        assert (await take(store)).job_id == "other"

    @every_limiter
    async def test_each_of_its_limits_holds(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, EACH_100, Limit(1, 10, 5, "tokens"))
        await limiter.use(store, "q")
        for n, tokens in enumerate((1, 50, 1, 1)):
            await enqueue(store, "q", f"j{n}", cost={"tokens": tokens})
        await take(store)
        for instant in (100, 560, 660):  # at 100, 50 tokens are owed, and 4 may be
            await take_exactly_at(store, clock, start + instant)

    @every_limiter
    async def test_a_job_pays_to_its_queue_and_to_its_limiter(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, Limit(1, 100))
        await set_limits(store, Limit(1, 250), queue_id="a")
        await limiter.stock(store, "ab")
        order = (await take(store)).queue_id
        for instant in (100, 200, 300, 400, 500, 600):
            order += (await take_exactly_at(store, clock, start + instant)).queue_id
        assert order == "abbbabb"

    @every_limiter
    async def test_batches_end_when_it_closes(self, store: QueueStore, limiter: Limiter) -> None:
        await limiter.limit(store, Limit(1, 100, 4))
        await limiter.stock(store, "ab")
        takes = [Take(2, LEASE_TIME), Take(9, LEASE_TIME, together=True), Take(9, LEASE_TIME)]
        answers = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in answers] == [
            ["a/j0", "b/j0"],
            ["a/j1", "a/j2"],
            [],
        ]

    @every_limiter
    async def test_a_take_of_named_queues_pays_to_it(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.limit(store, Limit(1, 100, 2))
        await limiter.stock(store, "abc")
        answer = await take_from(store, "b", "c")
        assert (served(answer), answer.next_ready_at) == (["b/j0", "c/j0"], clock.now() + 100)
        assert await take_batch(store, 9) == []

    @every_limiter
    @pytest.mark.parametrize("end", [release_job, fail_job])
    async def test_a_job_that_comes_back_gives_nothing_back_and_pays_to_it_anew(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, end: Ending
    ) -> None:
        start = clock.now()
        await limiter.limit(store, EACH_100)
        await limiter.stock(store, "q", jobs=1)
        await end(store, await take(store))
        await end(store, await take_exactly_at(store, clock, start + 100))
        await take_exactly_at(store, clock, start + 200)

    @every_limiter
    async def test_a_repeated_take_pays_to_it_once(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.limit(store, Limit(1, 100, 2))
        await limiter.stock(store, "q")
        for _ in range(3):
            assert served(await take_from(store, "q", count=1, attempt_id="x")) == ["q/j0"]
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    async def test_asking_it_in_vain_costs_nothing(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, EACH_100)
        await limiter.stock(store, "q")
        await take(store)
        for _ in range(3):
            clock.advance(30)
            assert await next_ready_at(store) == start + 100


class LimiterDebtConformance(Conformance):
    """What is owed to a type or to a shared limit stays, and follows the changes of its limits."""

    @every_limiter
    async def test_one_that_gets_limits_is_owed_nothing_yet(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "q")
        await take_batch(store, 3)
        await limiter.limit(store, EACH_100)
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    async def test_another_limit_of_the_unit_goes_on_with_the_debt_to_it(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, EACH_100)
        await limiter.stock(store, "ab")
        await take(store)
        await limiter.limit(store, Limit(1, 700))
        assert await next_ready_at(store) == start + 700
        await limiter.limit(store, Limit(1, 700), Limit(1, 900, unit="tokens"))
        assert await next_ready_at(store) == start + 900  # a new one owes one unit
        await limiter.limit(store, Limit(1, 100, 5), Limit(1, 50))
        clock.advance(50)
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    @pytest.mark.parametrize("limits", [None, ()])
    async def test_without_limits_it_is_owed_nothing(
        self, store: QueueStore, limiter: Limiter, limits: tuple[Limit, ...] | None
    ) -> None:
        await limiter.limit(store, EACH_100)
        await limiter.stock(store, "ab")
        await take(store)
        await limiter.patch(store, limits=limits)
        await take_batch(store, 2)
        await limiter.limit(store, EACH_100)
        assert len(await take_batch(store, 9)) == 1

    @every_limiter
    @pytest.mark.parametrize("end", ["finish", "clear", "purge"])
    async def test_it_is_owed_on_when_the_type_has_no_jobs(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, end: str
    ) -> None:
        start = clock.now()
        await limiter.limit(store, Limit(1, 5000))
        await limiter.stock(store, "q", jobs=1)
        job = await take(store)
        if end == "finish":
            await finish_job(store, job)
        else:
            await clear_states(store, None, *JobState, counts=end == "purge")
        clock.advance(1000)
        await tend_all(store)
        await limiter.stock(store, "p", jobs=1)
        await take_exactly_at(store, clock, start + 5000)

    @every_limiter
    async def test_it_is_owed_on_when_the_totals_of_the_type_are_forgotten(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, Limit(1, 3 * DAY))
        await limiter.stock(store, "q", jobs=1)
        await finish_job(store, await take(store))
        for _ in range(2):
            clock.advance(DAY)
            await tend_all(store)
        await limiter.stock(store, "q", jobs=1)
        assert await next_ready_at(store) == start + 3 * DAY

    @every_limiter
    async def test_it_keeps_its_latest_dequeue_also_when_all_is_paid(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.limit(store, EACH_100)
        await limiter.stock(store, "q", jobs=1)
        await finish_job(store, await take(store))
        clock.advance(500)
        await tend_all(store)
        await limiter.limit(store, EACH_100, Limit(1, 2000, unit="tokens"))
        await limiter.stock(store, "q", jobs=1)
        assert await next_ready_at(store) == clock.now() + 1500


class LimiterCorrectionConformance(Conformance):
    """A finish that says what the job took corrects what its type and shared limit are owed."""

    @every_limiter
    @pytest.mark.parametrize(("actual", "opens"), [(60, 5100), (5, 0), (0, 0), (10, 100)])
    async def test_the_difference_is_paid_to_it_or_given_back(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, actual: int, opens: int
    ) -> None:
        start = clock.now()
        await limiter.limit(store, Limit(1, 100, 10, "tokens"))
        await limiter.stock(store, "a", jobs=1, cost={"tokens": 10})
        job = await take(store)
        await limiter.stock(store, "b", jobs=1)
        assert await next_ready_at(store) == start + 100
        await finish_with(store, job, tokens=actual)
        if opens:
            await take_exactly_at(store, clock, start + opens)
        else:
            await take(store)

    @every_limiter
    async def test_what_a_finish_does_not_name_stays_as_it_was_paid_to_it(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, EACH_100, Limit(1, 10, unit="tokens"))
        await limiter.stock(store, "q", jobs=2, cost={"tokens": 50})
        job = await take(store)
        await finish_with(store, job, tokens=1)
        await take_exactly_at(store, clock, start + 100)

    @every_limiter
    async def test_the_queue_and_its_limiter_are_both_corrected(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        start = clock.now()
        await limiter.limit(store, EACH_100)
        await set_limits(store, Limit(1, 50))
        await limiter.stock(store, "q", jobs=2)
        await finish_with(store, await take(store), job=5)
        assert [held.until for held in await limiter.held_by(store)] == [start + 500]
        await limiter.limit(store)
        await take_exactly_at(store, clock, start + 250)

    @every_limiter
    async def test_a_correction_of_it_after_a_while_counts_from_then(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.limit(store, EACH_100)
        await limiter.stock(store, "q", jobs=2)
        job = await take(store)
        clock.advance(10**6)
        await finish_with(store, job, job=4)
        await take_exactly_at(store, clock, clock.now() + 300)

    @every_limiter
    async def test_without_limits_it_is_not_corrected(
        self, store: QueueStore, limiter: Limiter
    ) -> None:
        await limiter.patch(store, concurrency=9)
        await limiter.stock(store, "q", jobs=2)
        await finish_with(store, await take(store), job=9)
        await limiter.limit(store, EACH_100)
        assert (await take(store)).job_id == "j1"
