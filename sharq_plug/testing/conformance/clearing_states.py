"""Clearing by states: jobs in the named states are removed, and no others."""

from collections.abc import Set
from itertools import chain

import pytest

from sharq_plug.model import (
    ALL_STATES,
    LIVING,
    Clear,
    Cleared,
    Deduplicate,
    EnqueueOutcome,
    JobState,
    LeaseOutcome,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, cleared_in_all, counts_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.filling import (
    IDS,
    cleared_of,
    every_set,
    every_set_in_steps,
    fill,
    left_by,
    name_of,
)
from sharq_plug.testing.conformance.operating import (
    clear_states,
    ids_in,
    let_each_die,
    letters,
    queues,
    types,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    counted,
    enqueue,
    finish,
    listed,
    new_job,
    next_ready_at,
    offer,
    reclaim,
    sums,
    take_batch,
)

WAITING, DELAYED = JobState.WAITING, JobState.DELAYED
LEASED, DEAD = JobState.LEASED, JobState.DEAD


class StateClearConformance(Conformance):
    """Whatever set of states is named, its jobs go and the others stay."""

    @every_set
    async def test_the_jobs_in_the_states_go(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q")
        assert await clear_states(store, "q", *states) == cleared_of(states)
        assert await by_state(store, "q") == left_by(states)
        assert await clear_states(store, "q", *states) == Cleared()

    @every_set
    async def test_the_jobs_in_other_states_stay(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q")
        await clear_states(store, "q", *states)
        for state in JobState:
            expected = set() if state in states else set(IDS[state])
            assert set(await ids_in(store, "q", state)) == expected

    @every_set
    async def test_other_queues_stay(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q", "other")
        await fill(store, clock, "q", queue_type="other")
        await clear_states(store, "q", *states)
        assert await by_state(store, "other") == left_by(frozenset())
        assert await by_state(store, "q", queue_type="other") == left_by(frozenset())

    @every_set
    async def test_the_keys_of_the_living_jobs_that_go_are_free_and_of_the_others_are_not(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q")
        await clear_states(store, "q", *states)
        for state in LIVING:
            for key in IDS[state]:
                result = await offer(store, new_job("q", "new", deduplicate=Deduplicate(key, 1)))
                assert (result.outcome is EnqueueOutcome.QUEUED) == (state in states)
                await cancel(store, "q", "new")

    @every_set
    async def test_a_worker_may_finish_unless_its_lease_was_cleared(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        jobs = await fill(store, clock, "q")
        await clear_states(store, "q", *states)
        expected = LeaseOutcome.UNKNOWN if LEASED in states else LeaseOutcome.ENDED
        assert [await finish(store, claim(job)) for job in jobs] == [expected] * len(jobs)

    @every_set
    async def test_what_stays_is_delivered(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q")
        await clear_states(store, "q", *states)
        clock.advance(1000)
        left = [IDS[state] for state in (WAITING, DELAYED) if state not in states]
        assert [job.job_id for job in await take_batch(store, 99)] == [*chain(*left)]

    async def test_a_queue_without_jobs_and_letters_is_gone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "q")
        await clear_states(store, "q", *ALL_STATES)
        assert await listed(store) == await listed(store, None) == set()
        assert await queues(store) == {}
        assert await types(store) == {}
        assert await letters(store) == []
        assert await next_ready_at(store) is None
        clock.advance(10**6)
        assert (await reclaim(store)).requeued == 0

    async def test_a_queue_with_only_letters_does_not_exist(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "q")
        await clear_states(store, "q", *LIVING)
        assert await listed(store) == set()
        assert set(await queues(store)) == {"q"}
        assert await next_ready_at(store) is None


class ClearStepConformance(Conformance):
    """A queue is cleared in steps, unless all living states are cleared."""

    @every_set
    @pytest.mark.parametrize("limit", [1, 3])
    async def test_all_steps_together_remove_what_one_would(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState], limit: int
    ) -> None:
        await fill(store, clock, "q")
        steps = await clear_all(store, TYPE, Clear("q", states), limit=limit)
        assert cleared_in_all(steps) == cleared_of(states)
        assert await by_state(store, "q") == left_by(states)

    @every_set_in_steps
    async def test_a_step_removes_no_more_than_its_limit(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q")
        for step in await clear_all(store, TYPE, Clear("q", states), limit=2):
            assert step.waiting + step.delayed + step.leased + step.dead <= 2

    @pytest.mark.parametrize("states", [LIVING, ALL_STATES], ids=name_of)
    async def test_jobs_that_all_go_do_so_in_one_step(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState]
    ) -> None:
        await fill(store, clock, "q")
        await enqueue(store, "q", *(f"j{n}" for n in range(500)))
        steps = await clear_all(store, TYPE, Clear("q", states), limit=1)
        assert [step.waiting for step in steps if step.waiting] == [503]
        assert [step.delayed for step in steps if step.delayed] == [4]
        assert [step.leased for step in steps if step.leased] == [2]

    async def test_one_step_is_enough_if_no_letter_goes(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "d1", "d2")
        await enqueue(store, "q", *(f"j{n}" for n in range(50)))
        assert await store.clear(TYPE, Clear("q"), limit=1) == Cleared(waiting=50)

    async def test_many_letters_go_in_steps(self, store: QueueStore) -> None:
        await let_each_die(store, "q", *(f"d{n}" for n in range(500)))
        steps = await clear_all(store, TYPE, Clear("q", frozenset({DEAD})), limit=150)
        assert [step.dead for step in steps][:4] == [150, 150, 150, 50]
        assert await letters(store) == []

    async def test_many_waiting_jobs_go_in_steps_and_leave_the_others(
        self, store: QueueStore
    ) -> None:
        for priority in (0, 5):
            jobs = (f"j{priority}-{n}" for n in range(250))
            await enqueue(store, "q", *jobs, priority=priority)
        await take_batch(store, 3)
        steps = await clear_all(store, TYPE, Clear("q", frozenset({WAITING})), limit=150)
        assert cleared_in_all(steps) == Cleared(waiting=497)
        assert await by_state(store, "q") == (0, 0, 3, 0)

    async def test_between_two_steps_jobs_come_and_go(self, store: QueueStore) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(9)))
        what = Clear("q", frozenset({WAITING}))
        step = await store.clear(TYPE, what, limit=4)
        assert step.cursor is not None
        await take_batch(store, 2)
        rest = await store.clear(TYPE, what, cursor=step.cursor, limit=99)
        assert (step.waiting, rest) == (4, Cleared(waiting=3))
        assert await by_state(store, "q") == (0, 0, 2, 0)


class ClearCountConformance(Conformance):
    """The minute counts of a queue are removed only with `counts`."""

    @pytest.mark.parametrize("states", [frozenset(), {WAITING}, {DEAD}, ALL_STATES], ids=name_of)
    @pytest.mark.parametrize("counts", [False, True])
    async def test_minute_counts_go_only_with_counts(
        self, store: QueueStore, clock: ManualClock, states: Set[JobState], *, counts: bool
    ) -> None:
        await fill(store, clock, "q", "other")
        before = await counted(store, "q")
        await clear_states(store, "q", *states, counts=counts)
        assert await counted(store, "q") == ((0, 0) if counts else before)
        assert await counted(store, "other") == before

    async def test_the_minute_counts_of_the_type_stay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "q")
        of_type, of_all = await counts_of(store, TYPE), await counts_of(store)
        await clear_states(store, "q", *ALL_STATES, counts=True)
        assert sums(await counts_of(store, TYPE)) == sums(of_type)
        assert sums(await counts_of(store)) == sums(of_all)
