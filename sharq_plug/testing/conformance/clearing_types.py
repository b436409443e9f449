"""Clearing a whole type, in bounded steps."""

from collections.abc import Set

import pytest

from sharq_plug.model import ALL_STATES, LIVING, Clear, Cleared, JobState, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, clear_steps, cleared_in_all, counts_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.filling import (
    cleared_of,
    every_set,
    every_set_in_steps,
    fill,
    left_by,
)
from sharq_plug.testing.conformance.operating import (
    clear_states,
    let_each_die,
    letters,
    numbers,
    queues,
    redrive,
    type_by_state,
    types,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    counted,
    enqueue,
    enqueue_in_each,
    finish,
    finish_job,
    listed,
    next_ready_at,
    reclaim,
    sums,
    take,
    take_batch,
    take_exactly_at,
)

DEAD = JobState.DEAD


class TypeClearConformance(Conformance):
    """The jobs in the named states are removed from every queue of the type."""

    @every_set
    @pytest.mark.parametrize("limit", [2, 1000])
    async def test_the_jobs_in_the_states_go_from_all_queues(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState], limit: int
    ) -> None:
        await fill(store, clock, "a", "b", "c")
        await fill(store, clock, "a", queue_type="other")
        steps = await clear_all(store, TYPE, Clear(None, states), limit=limit)
        assert cleared_in_all(steps) == cleared_of(states, queues=3)
        for queue_id in ("a", "b", "c"):
            assert await by_state(store, queue_id) == left_by(states)
        assert await by_state(store, "a", queue_type="other") == left_by(frozenset())

    @every_set_in_steps
    async def test_a_step_removes_no_more_than_its_limit_over_all_queues(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "a", "b", "c")
        for step in await clear_all(store, TYPE, Clear(None, states), limit=3):
            assert step.waiting + step.delayed + step.leased + step.dead <= 3

    async def test_a_type_without_queues_has_nothing_to_clear(self, store: QueueStore) -> None:
        assert await store.clear(TYPE, Clear(), limit=10) == Cleared()
        assert await store.clear(TYPE, Clear(None, ALL_STATES), limit=10) == Cleared()

    async def test_nothing_is_left(self, store: QueueStore, clock: ManualClock) -> None:
        await fill(store, clock, "a", "b", "c")
        await clear_states(store, None, *ALL_STATES, limit=2)
        assert await listed(store) == await listed(store, None) == set()
        assert await queues(store) == {}
        assert await types(store) == {}
        assert await letters(store) == []
        assert await type_by_state(store) == (0, 0, 0, 0)
        assert await next_ready_at(store) is None
        clock.advance(10**6)
        assert (await reclaim(store)).requeued == 0

    async def test_letters_that_stay_keep_the_type(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "a", "b")
        await clear_states(store, None, *LIVING)
        assert await listed(store) == await listed(store, None) == set()
        assert (set(await types(store)), set(await queues(store))) == ({TYPE}, {"a", "b"})
        await redrive(store, 1, 2)
        assert await listed(store) == {"a", "b"}

    async def test_thousands_of_queues_are_cleared(self, store: QueueStore) -> None:
        await enqueue_in_each(store, (f"q{n}" for n in range(2000)))
        await take_batch(store, 300)
        assert await clear_states(store, None, *LIVING, limit=100) == Cleared(1700, leased=300)
        assert await listed(store, None) == set()

    async def test_letters_of_many_queues_are_cleared(self, store: QueueStore) -> None:
        for n in range(10):
            await let_each_die(store, f"q{n}", *(f"j{m}" for m in range(50)))
        assert await clear_states(store, None, DEAD, limit=70) == Cleared(dead=500)
        assert await types(store) == {}

    async def test_queues_that_stay_are_cleared_while_others_come_and_go(
        self, store: QueueStore
    ) -> None:
        staying = {f"stays{n}" for n in range(200)}
        await enqueue_in_each(store, staying)
        await enqueue_in_each(store, (f"goes{n}" for n in range(100)))
        step = 0
        async for _ in clear_steps(store, TYPE, Clear(), limit=10):
            if step < 100:
                await clear_states(store, f"goes{step}", *LIVING)
                await enqueue(store, f"comes{step}", "j")
            step += 1
        assert not await listed(store) & staying

    async def test_queues_that_lose_their_jobs_meanwhile_are_cleared(
        self, store: QueueStore
    ) -> None:
        for n in range(40):
            await let_each_die(store, f"q{n}", "dead")
        await enqueue_in_each(store, (f"q{n}" for n in range(0, 40, 2)))
        for n in range(1, 40, 2):
            await redrive(store, n + 1)
        async for _ in clear_steps(store, TYPE, Clear(None, ALL_STATES), limit=3):
            for job in await take_batch(store, 1):
                await finish_job(store, job)
        assert await queues(store) == {}


class ClearedTypeConformance(Conformance):
    """What stays after the clearing of a type."""

    async def test_the_unpaid_rate_of_each_queue_stays(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "a", "j1", "j2", interval=1000)
        await enqueue(store, "b", "j1", "j2", interval=2000)
        await take_batch(store, 2)
        await clear_states(store, None, *ALL_STATES)
        await enqueue(store, "a", "j", interval=1000)
        await enqueue(store, "b", "j", interval=2000)
        assert (await take_exactly_at(store, clock, start + 1000)).queue_id == "a"
        assert (await take_exactly_at(store, clock, start + 2000)).queue_id == "b"

    async def test_leases_are_over(self, store: QueueStore, clock: ManualClock) -> None:
        jobs = await fill(store, clock, "a", "b")
        await clear_states(store, None, JobState.LEASED)
        for job in jobs:
            assert await finish(store, claim(job)) is LeaseOutcome.UNKNOWN

    async def test_receipts_stay(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        await finish_job(store, job)
        await clear_states(store, None, *ALL_STATES, counts=True)
        assert await finish(store, claim(job)) is LeaseOutcome.ENDED

    @pytest.mark.parametrize("counts", [False, True])
    async def test_the_minute_counts_of_its_queues_go_only_with_counts(
        self, store: QueueStore, clock: ManualClock, *, counts: bool
    ) -> None:
        await fill(store, clock, "a", "b")
        before, of_type = await counted(store, "a"), await counts_of(store, TYPE)
        await clear_states(store, None, *ALL_STATES, counts=counts)
        for queue_id in ("a", "b"):
            assert await counted(store, queue_id) == ((0, 0) if counts else before)
        assert sums(await counts_of(store, TYPE)) == sums(of_type)

    async def test_the_minute_counts_of_a_queue_that_is_gone_stay(self, store: QueueStore) -> None:
        await enqueue(store, "gone", "j")
        await finish_job(store, await take(store))
        await let_each_die(store, "letters", "j")
        await enqueue(store, "exists", "j")
        await clear_states(store, None, *ALL_STATES, counts=True)
        assert await counted(store, "gone") == (1, 1)
        assert await counted(store, "letters") == await counted(store, "exists") == (0, 0)

    async def test_the_numbers_of_letters_go_on(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await clear_states(store, None, *ALL_STATES)
        await let_each_die(store, "q", "j3")
        assert await numbers(store) == [3]

    async def test_a_cleared_type_works_again(self, store: QueueStore, clock: ManualClock) -> None:
        await fill(store, clock, "a", "b")
        await clear_states(store, None, *ALL_STATES)
        await fill(store, clock, "a", "b")
        assert await by_state(store, "a") == await by_state(store, "b") == left_by(frozenset())
