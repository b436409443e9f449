"""Reschedules: a job that waits or is delayed gets another priority, or another time."""

import pytest
from msgspec.structs import replace

from sharq_plug.model import Amendment, Cancel, JobRef, Reschedule
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import LEASED, reschedule, reschedule_job, seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import DONE, UNKNOWN
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    enqueue,
    extend_lease,
    fail_job,
    finish_job,
    job_order,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)


class ReschedulePriorityConformance(Conformance):
    """Another priority moves a job within its queue; its number stays."""

    @pytest.mark.parametrize("moved", ["j1", "j2", "j3"])
    async def test_a_higher_priority_moves_a_job_ahead(self, store: QueueStore, moved: str) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await reschedule_job(store, "q", moved, priority=1)
        others = [job_id for job_id in ("j1", "j2", "j3") if job_id != moved]
        assert await job_order(store, 3) == [moved, *others]

    @pytest.mark.parametrize("moved", ["j1", "j2", "j3"])
    async def test_a_lower_priority_moves_a_job_back(self, store: QueueStore, moved: str) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", priority=9)
        await reschedule_job(store, "q", moved, priority=8)
        others = [job_id for job_id in ("j1", "j2", "j3") if job_id != moved]
        assert await job_order(store, 3) == [*others, moved]

    async def test_a_job_keeps_its_number_up_and_down(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        for priority in (5, 9, 0):
            await reschedule_job(store, "q", "j2", priority=priority)
        assert await job_order(store, 3) == ["j1", "j2", "j3"]

    async def test_the_new_priority_is_shown_and_stays(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", requeue_limit=5)
        await reschedule_job(store, "q", "j", priority=7)
        for _ in range(2):
            job = await take(store)
            assert job.priority == 7
            await fail_job(store, job)

    async def test_a_returned_job_stays_one(self, store: QueueStore) -> None:
        await enqueue(store, "q", "returned", "j", "never", priority=3)
        await release_job(store, await take(store))
        await reschedule_job(store, "q", "j", priority=2)
        await reschedule_job(store, "q", "returned", priority=2)
        await reschedule_job(store, "q", "never", priority=2)
        assert await job_order(store, 3) == ["returned", "j", "never"]

    async def test_a_returned_job_passes_an_older_one_of_its_new_priority(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "older", delay=100)
        await enqueue(store, "q", "returned", priority=5)
        await release_job(store, await take(store))
        clock.advance(100)
        await tend_all(store)
        await reschedule_job(store, "q", "returned", priority=0)
        assert await job_order(store, 2) == ["returned", "older"]

    async def test_a_delayed_job_keeps_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "q", "low", "high", at=at)
        await reschedule_job(store, "q", "high", priority=1)
        assert await by_state(store, "q") == (0, 2, 0, 0)
        assert (await take_exactly_at(store, clock, at)).job_id == "high"

    async def test_all_else_of_a_job_stays(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(
            store, "q", "j", payload=b"[1]", requeue_limit=3, cost={"job": 2}, headers={"a": "b"}
        )
        await fail_job(store, await take(store), error="e")
        before = await seen(store, "q", "j", payloads=True)
        clock.advance(10)
        await reschedule_job(store, "q", "j", priority=2)
        await reschedule_job(store, "q", "j", delay=50)
        await reschedule_job(store, "q", "j", priority=0, delay=0)
        after = replace(before, earliest_at=clock.now())
        assert await seen(store, "q", "j", payloads=True) == after


class RescheduleTimeConformance(Conformance):
    """Another time delays a job, or lets it wait; its number stays, and the end of its ttl."""

    async def test_a_delay_counts_from_the_reschedule(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=1000)
        clock.advance(300)
        await reschedule_job(store, "q", "j", delay=2000)
        await take_exactly_at(store, clock, clock.now() + 2000)

    @pytest.mark.parametrize("delay", [None, 100, 10_000])
    async def test_an_at_is_that_instant(
        self, store: QueueStore, clock: ManualClock, delay: int | None
    ) -> None:
        at = clock.now() + 5000
        await enqueue(store, "q", "j", delay=delay)
        await reschedule_job(store, "q", "j", at=at)
        assert await by_state(store, "q") == (0, 1, 0, 0)
        await take_exactly_at(store, clock, at)

    @pytest.mark.parametrize("late", [0, 1, 10**6, 1_700_000_000_000])
    async def test_another_at_that_has_passed_is_now(
        self, store: QueueStore, clock: ManualClock, late: int
    ) -> None:
        await enqueue(store, "q", "j", delay=1000)
        await reschedule_job(store, "q", "j", at=clock.now() - late)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await take(store)

    @pytest.mark.parametrize("delayed", ["j1", "j2", "j3"])
    async def test_a_job_that_was_delayed_and_is_back_stands_by_its_number(
        self, store: QueueStore, delayed: str
    ) -> None:
        jobs = ["j1", "j2", "j3"]
        await enqueue(store, "q", *jobs)
        await reschedule_job(store, "q", delayed, delay=1000)
        assert await by_state(store, "q") == (2, 1, 0, 0)
        await reschedule_job(store, "q", delayed, delay=0)
        assert await by_state(store, "q") == (3, 0, 0, 0)
        assert await job_order(store, 3) == jobs

    async def test_delayed_jobs_go_in_the_order_of_their_new_times(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", delay=100)
        await reschedule_job(store, "q", "j1", delay=300)
        await reschedule_job(store, "q", "j3", delay=200)
        start = clock.now()
        for at, job_id in ((100, "j2"), (200, "j3"), (300, "j1")):
            assert (await take_exactly_at(store, clock, start + at)).job_id == job_id

    async def test_a_returned_job_that_was_delayed_is_still_one(self, store: QueueStore) -> None:
        await enqueue(store, "q", "first", "second")
        first, second = await take_in_turn(store, 2)
        await release_job(store, second)
        await enqueue(store, "q", "third")
        await reschedule_job(store, "q", "second", delay=100)
        await reschedule_job(store, "q", "second", delay=0)
        await release_job(store, first)
        assert await job_order(store, 3) == ["first", "second", "third"]

    async def test_a_due_job_can_be_delayed_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", delay=100)
        clock.advance(150)
        await reschedule_job(store, "q", "j1", delay=100)
        assert await by_state(store, "q") == (1, 1, 0, 0)
        assert [job.job_id for job in await take_batch(store, 5)] == ["j2"]

    async def test_nothing_is_changed_by_a_reschedule_that_says_nothing(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "delayed", delay=100)
        await enqueue(store, "q", "waiting", priority=3)
        for job_id in ("delayed", "waiting"):
            before = await seen(store, "q", job_id)
            await reschedule_job(store, "q", job_id)
            assert await seen(store, "q", job_id) == before

    async def test_the_ttl_ends_when_it_did(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "sooner", delay=100, ttl=100)
        await enqueue(store, "q", "later", ttl=100)
        await enqueue(store, "q", "never", ttl=100)
        await reschedule_job(store, "q", "sooner", delay=0)
        await reschedule_job(store, "q", "later", delay=99)
        await reschedule_job(store, "q", "never", delay=1000)
        clock.advance(99)
        assert [job.job_id for job in await take_batch(store, 1)] == ["sooner"]
        clock.advance(1)
        await tend_all(store)
        assert await by_state(store, "q") == (0, 0, 1, 2)

    async def test_the_ttl_of_a_job_that_was_to_be_delayed_ends_when_it_did(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=100, ttl=100)
        await reschedule_job(store, "q", "j", delay=0)
        clock.advance(199)
        await tend_all(store)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        clock.advance(1)
        assert await take_batch(store, 1) == []

    async def test_a_leased_job_is_not_rescheduled(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        jobs = await take_in_turn(store, 2, lease_time=100)
        for job in jobs:
            assert await reschedule(store, "q", job.job_id, priority=9, delay=10) is LEASED
        clock.advance(100)
        assert await reschedule(store, "q", "j1", delay=10) is LEASED, "its lease still stands"
        await extend_lease(store, jobs[0], 1000)
        await finish_job(store, jobs[0])
        await reclaim(store)
        assert (await take(store)).priority == 0

    async def test_what_is_not_there_is_not_rescheduled(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        assert await reschedule(store, "q", "no", delay=10) is UNKNOWN
        assert await reschedule(store, "none", "j", delay=10) is UNKNOWN
        assert await next_ready_at(store, queue_type="none") is None

    async def test_reschedules_of_a_call_see_what_earlier_ones_did(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        one, two, three = (JobRef("q", f"j{n}") for n in (1, 2, 3))
        changes: list[Amendment] = [
            Reschedule(one, priority=1),
            Reschedule(three, priority=1),
            Reschedule(one, delay=1000),
            Cancel(two),
            Reschedule(two, priority=9),
            Reschedule(one, delay=0),
        ]
        assert await store.amend(TYPE, changes) == [DONE] * 4 + [UNKNOWN, DONE]
        assert await job_order(store, 2) == ["j1", "j3"]
