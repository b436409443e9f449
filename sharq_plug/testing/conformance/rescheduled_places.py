"""Reschedules and the line: where a queue then stands, and who hears of it."""

from sharq_plug.model import JobState
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import reschedule_job, seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    finish_job,
    next_ready_at,
    queue_order,
    take,
    take_exactly_at,
)
from sharq_plug.testing.conformance.watching import Wakes


class RescheduledPlaceConformance(Conformance):
    """The place of a queue follows from the times of its jobs, and who watches hears of it."""

    async def test_a_queue_whose_only_job_is_delayed_keeps_its_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j", at=at)
        await reschedule_job(store, "a", "j", at=at)
        assert await next_ready_at(store) == at
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_whose_job_is_let_go_stands_behind_those_that_wait(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "j", delay=100)
        await enqueue(store, "b", "j")
        await reschedule_job(store, "a", "j", delay=0)
        await enqueue(store, "c", "j")
        assert await queue_order(store, 3) == ["b", "a", "c"]

    async def test_another_priority_moves_no_queue(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j1", "j2")
        await reschedule_job(store, "b", "j2", priority=9)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_queue_in_which_others_wait_keeps_its_place(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2")
        await enqueue(store, "b", "j")
        await reschedule_job(store, "a", "j1", delay=100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_a_job_that_is_let_go_wakes_at_once(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", delay=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await reschedule_job(store, "q", "j", delay=0)
            await wakes.hear(0)

    async def test_an_earlier_time_wakes_for_then(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", delay=1000)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await reschedule_job(store, "q", "j", delay=400)
            assert 0 not in await wakes.hear(400)

    async def test_the_rate_holds_a_job_that_is_let_go(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "paid-for", interval=1000)
        served = clock.now()
        await finish_job(store, await take(store))
        await enqueue(store, "q", "j", interval=1000, delay=5000)
        await reschedule_job(store, "q", "j", delay=0)
        assert (await seen(store, "q", "j")).state is JobState.WAITING
        await take_exactly_at(store, clock, served + 1000)
