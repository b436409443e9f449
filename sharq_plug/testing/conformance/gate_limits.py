"""Limits of a gate: each job of the type pays its cost to them, whatever queue it is of."""

from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.model import JobState, Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import served, take_from
from sharq_plug.testing.conformance.operating import DAY, clear_states
from sharq_plug.testing.conformance.setting import (
    finish_with,
    patch_type,
    set_limits,
    type_rules,
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


async def limit_type(store: QueueStore, *limits: Limit) -> None:
    """Set the limits of the gate."""
    await patch_type(store, limits=limits)


async def stock(store: QueueStore, *queue_ids: str, jobs: int = 9) -> None:
    """Give queues jobs."""
    for queue_id in queue_ids:
        await enqueue(store, queue_id, *(f"j{n}" for n in range(jobs)))


class GateLimitConformance(Conformance):
    """A limit of the gate counts what all queues give together."""

    async def test_all_queues_together_give_no_more_than_the_limit_says(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, Limit(2, 100, 3))
        await stock(store, "a", "b")
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b", "a"]
        await take_exactly_at(store, clock, start + 50)
        await take_exactly_at(store, clock, start + 100)
        clock.advance(1000)
        assert len(await take_batch(store, 9)) == 3

    async def test_each_job_pays_its_cost(self, store: QueueStore, clock: ManualClock) -> None:
        start = clock.now()
        await limit_type(store, Limit(10, 1000, 10, "tokens"))
        await enqueue(store, "a", "dear", cost={"tokens": 30})
        await enqueue(store, "b", "free", "other", cost={"tokens": 0})
        assert [job.job_id for job in await take_batch(store, 9)] == ["dear"]
        # 30 tokens are owed, and 9 may be.
        await take_exactly_at(store, clock, start + 2100)
        assert (await take(store)).job_id == "other"

    async def test_each_of_several_limits_holds(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, EACH_100, Limit(1, 10, 5, "tokens"))
        for n, tokens in enumerate((1, 50, 1, 1)):
            await enqueue(store, "q", f"j{n}", cost={"tokens": tokens})
        await take(store)
        for instant in (100, 560, 660):  # at 100, 50 tokens are owed, and 4 may be
            await take_exactly_at(store, clock, start + instant)

    async def test_a_job_pays_to_its_queue_and_to_the_gate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, Limit(1, 100))
        await set_limits(store, Limit(1, 250), queue_id="a")
        await stock(store, "a", "b")
        order = (await take(store)).queue_id
        for instant in (100, 200, 300, 400, 500, 600):
            order += (await take_exactly_at(store, clock, start + instant)).queue_id
        assert order == "abbbabb"

    async def test_batches_end_when_the_gate_closes(self, store: QueueStore) -> None:
        await limit_type(store, Limit(1, 100, 4))
        await stock(store, "a", "b")
        takes = [Take(2, LEASE_TIME), Take(9, LEASE_TIME, together=True), Take(9, LEASE_TIME)]
        answers = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in answers] == [
            ["a/j0", "b/j0"],
            ["a/j1", "a/j2"],
            [],
        ]

    async def test_a_take_of_named_queues_pays_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await limit_type(store, Limit(1, 100, 2))
        await stock(store, "a", "b", "c")
        answer = await take_from(store, "b", "c")
        assert (served(answer), answer.next_ready_at) == (["b/j0", "c/j0"], clock.now() + 100)
        assert await take_batch(store, 9) == []

    @pytest.mark.parametrize("end", [release_job, fail_job])
    async def test_a_job_that_comes_back_gives_nothing_back_and_pays_anew(
        self, store: QueueStore, clock: ManualClock, end: Ending
    ) -> None:
        start = clock.now()
        await limit_type(store, EACH_100)
        await enqueue(store, "q", "j")
        await end(store, await take(store))
        await end(store, await take_exactly_at(store, clock, start + 100))
        await take_exactly_at(store, clock, start + 200)

    async def test_a_repeated_take_pays_once(self, store: QueueStore) -> None:
        await limit_type(store, Limit(1, 100, 2))
        await stock(store, "q")
        for _ in range(3):
            assert served(await take_from(store, "q", count=1, attempt_id="x")) == ["q/j0"]
        assert len(await take_batch(store, 9)) == 1

    async def test_asking_in_vain_costs_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, EACH_100)
        await stock(store, "q")
        await take(store)
        for _ in range(3):
            clock.advance(30)
            assert await next_ready_at(store) == start + 100

    @pytest.mark.parametrize("notice", [next_ready_at, tend_all], ids=["dequeue", "tend"])
    async def test_a_clock_that_steps_back_leaves_what_the_gate_is_owed_from_when_it_is_noticed(
        self,
        store: QueueStore,
        clock: ManualClock,
        notice: Callable[[QueueStore], Awaitable[object]],
    ) -> None:
        await limit_type(store, Limit(1, 1000))
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        clock.advance(300)
        clock.step_back(10**6)
        await enqueue(store, "p", "j")
        await notice(store)
        await take_exactly_at(store, clock, clock.now() + 1000)


class GateDebtConformance(Conformance):
    """What is owed to the gate stays while it has limits, and follows their changes."""

    async def test_a_gate_that_gets_limits_owes_nothing_yet(self, store: QueueStore) -> None:
        await stock(store, "q")
        await take_batch(store, 3)
        await limit_type(store, EACH_100)
        assert len(await take_batch(store, 9)) == 1

    async def test_another_limit_of_the_unit_goes_on_with_its_debt(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, EACH_100)
        await stock(store, "q")
        await take(store)
        await limit_type(store, Limit(1, 700))
        assert await next_ready_at(store) == start + 700
        await limit_type(store, Limit(1, 700), Limit(1, 900, unit="tokens"))
        assert await next_ready_at(store) == start + 900  # a new one owes one unit
        await limit_type(store, Limit(1, 100, 5), Limit(1, 50))
        clock.advance(50)
        assert len(await take_batch(store, 9)) == 1

    @pytest.mark.parametrize("limits", [None, ()])
    async def test_without_limits_it_owes_nothing(
        self, store: QueueStore, limits: tuple[Limit, ...] | None
    ) -> None:
        await limit_type(store, EACH_100)
        await stock(store, "q")
        await take(store)
        await patch_type(store, limits=limits)
        await take_batch(store, 2)
        await limit_type(store, EACH_100)
        assert len(await take_batch(store, 9)) == 1

    @pytest.mark.parametrize("end", ["finish", "clear", "purge"])
    async def test_it_owes_on_when_the_type_has_no_jobs(
        self, store: QueueStore, clock: ManualClock, end: str
    ) -> None:
        start = clock.now()
        await limit_type(store, Limit(1, 5000))
        await enqueue(store, "q", "j")
        job = await take(store)
        if end == "finish":
            await finish_job(store, job)
        else:
            await clear_states(store, None, *JobState, counts=end == "purge")
        clock.advance(1000)
        await tend_all(store)
        await enqueue(store, "p", "j")
        await take_exactly_at(store, clock, start + 5000)

    async def test_it_owes_on_when_the_totals_of_the_type_are_forgotten(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, Limit(1, 3 * DAY))
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        for _ in range(2):
            clock.advance(DAY)
            await tend_all(store)
        await enqueue(store, "q", "j")
        assert await next_ready_at(store) == start + 3 * DAY

    async def test_it_keeps_its_latest_dequeue_also_when_all_is_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await limit_type(store, EACH_100)
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        clock.advance(500)
        await tend_all(store)
        await limit_type(store, EACH_100, Limit(1, 2000, unit="tokens"))
        await enqueue(store, "q", "j")
        assert await next_ready_at(store) == clock.now() + 1500


class GateCorrectionConformance(Conformance):
    """A finish that says what the job took corrects what the gate is owed, unit by unit."""

    @pytest.mark.parametrize(("actual", "opens"), [(60, 5100), (5, 0), (0, 0), (10, 100)])
    async def test_the_difference_is_paid_or_given_back(
        self, store: QueueStore, clock: ManualClock, actual: int, opens: int
    ) -> None:
        start = clock.now()
        await limit_type(store, Limit(1, 100, 10, "tokens"))
        await enqueue(store, "a", "j", cost={"tokens": 10})
        job = await take(store)
        await enqueue(store, "b", "j")
        assert await next_ready_at(store) == start + 100
        await finish_with(store, job, tokens=actual)
        if opens:
            await take_exactly_at(store, clock, start + opens)
        else:
            await take(store)

    async def test_what_it_does_not_name_stays_as_it_was_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, EACH_100, Limit(1, 10, unit="tokens"))
        await enqueue(store, "q", "j1", "j2", cost={"tokens": 50})
        job = await take(store)
        await finish_with(store, job, tokens=1)
        await take_exactly_at(store, clock, start + 100)

    async def test_the_queue_and_the_gate_are_both_corrected(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await limit_type(store, EACH_100)
        await set_limits(store, Limit(1, 50))
        await enqueue(store, "q", "j1", "j2")
        await finish_with(store, await take(store), job=5)
        assert [held.until for held in (await type_rules(store)).held_by] == [start + 500]
        await limit_type(store)
        await take_exactly_at(store, clock, start + 250)

    async def test_a_correction_after_a_while_counts_from_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await limit_type(store, EACH_100)
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        clock.advance(10**6)
        await finish_with(store, job, job=4)
        await take_exactly_at(store, clock, clock.now() + 300)

    async def test_a_gate_without_limits_is_not_corrected(self, store: QueueStore) -> None:
        await patch_type(store, concurrency=9)
        await enqueue(store, "q", "j1", "j2")
        await finish_with(store, await take(store), job=9)
        await limit_type(store, EACH_100)
        assert (await take(store)).job_id == "j2"
