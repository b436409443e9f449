"""Heads: queues that come to the head of the line with old defaults, and are put where they go."""

import pytest

from sharq_plug.model import MAX_HEADS, Dequeued, Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import EACH_SECOND, goes_at, goes_freely, move_to
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.setting import patch, rules, set_defaults
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    enqueue,
    new_job,
    queue_order,
    take_batch,
)
from sharq_plug.testing.conformance.watching import Wakes


async def lease_one_of_each(store: QueueStore, count: int) -> list[str]:
    """Give so many queues a leased job and one that waits; return their names, as they stand."""
    names = [f"q{n}" for n in range(count)]
    for start in range(0, count, 500):
        part = names[start : start + 500]
        await store.enqueue(TYPE, [new_job(name, job) for name in part for job in ("1", "2")])
    for start in range(0, count, 500):
        await take_batch(store, min(500, count - start))
    return names


async def take_some(store: QueueStore, *counts: int) -> list[Dequeued]:
    """Dequeue for several callers in one call."""
    return await store.dequeue(TYPE, [Take(count, LEASE_TIME) for count in counts])


class HeadConformance(Conformance):
    """A dequeue lets the head of the line take up the defaults before it serves it."""

    async def test_what_tightens_is_never_exceeded(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for name in ("a", "b"):
            await enqueue(store, name, *"123")
        await goes_freely(store, 2)
        move_to(clock, 400)
        await set_defaults(store, limits=(EACH_SECOND,))
        assert (await rules(store, "a")).pending
        jobs = await goes_at(store, clock, 1000, 1000, 2000, 2000)
        assert [job.queue_id for job in jobs] == ["a", "b", "a", "b"]

    async def test_a_queue_that_stays_ready_is_served_at_its_place(self, store: QueueStore) -> None:
        for name in ("a", "b", "c"):
            await enqueue(store, name, "1", "2")
        await set_defaults(store, limits=(Limit(1, 1000, 5),))
        assert await queue_order(store, 4) == ["a", "b", "c", "a"]

    async def test_a_batch_passes_those_that_are_held_now(self, store: QueueStore) -> None:
        await lease_one_of_each(store, 5)
        await enqueue(store, "free", "1", "2")
        await set_defaults(store, concurrency=1)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["free"]
        assert not (await rules(store, "q0")).pending

    async def test_a_take_of_one_queue_goes_by_the_defaults_as_they_are(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", *"12345")
        await set_defaults(store, limits=(Limit(1, 1000, 3),))
        [answer] = await store.dequeue(TYPE, [Take(9, LEASE_TIME, together=True)])
        assert len(answer.jobs) == 3

    async def test_a_take_that_names_queues_lets_them_take_up_too(self, store: QueueStore) -> None:
        await lease_one_of_each(store, 3)
        await set_defaults(store, concurrency=1)
        assert (await take_from(store, "q1")).jobs == ()
        assert not (await rules(store, "q1")).pending
        assert (await rules(store, "q0")).pending
        assert (await rules(store, "q2")).pending

    async def test_a_head_with_delayed_jobs_that_are_due(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1")
        await goes_freely(store, 1)
        await enqueue(store, "q", "2", "3", delay=100)
        await enqueue(store, "q", "4", delay=200)
        await set_defaults(store, limits=(Limit(1, 1000, 2),))
        jobs = await goes_at(store, clock, 100, 100)
        assert [job.job_id for job in jobs] == ["2", "3"]

    async def test_what_loosens_does_not_come_before_its_old_place(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(Limit(1, 5000),))
        await enqueue(store, "q", *"1234")
        await goes_at(store, clock, 0)
        await set_defaults(store, limits=(Limit(1, 1000, 2),))
        await goes_at(store, clock, 5000, 5000, 6000)


class HeadBoundConformance(Conformance):
    """A call lets up to MAX_HEADS heads take up defaults, and then ends early."""

    async def test_a_call_that_reaches_the_bound_says_come_back_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        names = await lease_one_of_each(store, MAX_HEADS + 5)
        await enqueue(store, "free", "1")
        await set_defaults(store, concurrency=1)
        for answer in await take_some(store, 1, 1):
            assert (answer.jobs, answer.next_ready_at) == ((), clock.now())
        assert not (await rules(store, names[MAX_HEADS - 1])).pending
        assert (await rules(store, names[MAX_HEADS])).pending
        [answer] = await take_some(store, 2)
        assert [job.queue_id for job in answer.jobs] == ["free"]
        assert not (await rules(store, names[-1])).pending

    async def test_a_call_that_reaches_the_bound_wakes_whoever_waits(
        self, store: QueueStore
    ) -> None:
        await lease_one_of_each(store, MAX_HEADS + 5)
        await set_defaults(store, concurrency=1)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await take_batch(store, 1) == []
            await wakes.hear(0)
            assert None in wakes.queues

    @pytest.mark.parametrize(
        ("heads", "is_served"), [(MAX_HEADS - 2, True), (MAX_HEADS - 1, False)]
    )
    async def test_the_bound_is_exact(
        self, store: QueueStore, *, heads: int, is_served: bool
    ) -> None:
        await lease_one_of_each(store, heads)
        await enqueue(store, "free", "1")
        await set_defaults(store, concurrency=1)
        assert len(await take_batch(store, 1)) == is_served

    async def test_heads_that_stay_ready_count_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await lease_one_of_each(store, MAX_HEADS + 50)
        await set_defaults(store, weight=2)
        answers = await take_some(store, 600, 600)
        assert [len(answer.jobs) for answer in answers] == [600, MAX_HEADS - 601]
        assert answers[1].next_ready_at == clock.now()
        assert len(await take_batch(store, 10)) == 10

    async def test_all_takes_of_a_call_count_together(self, store: QueueStore) -> None:
        await lease_one_of_each(store, MAX_HEADS + 5)
        for n in range(3):
            await enqueue(store, f"free{n}", "1")
        await set_defaults(store, concurrency=1)
        assert [len(answer.jobs) for answer in await take_some(store, 1, 1, 1)] == [0, 0, 0]
        assert [len(answer.jobs) for answer in await take_some(store, 1, 1, 1)] == [1, 1, 1]

    async def test_heads_that_have_taken_up_do_not_come_back(self, store: QueueStore) -> None:
        await lease_one_of_each(store, 20)
        await set_defaults(store, concurrency=1)
        await patch(store, "q3", concurrency=2)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["q3"]
        await set_defaults(store, concurrency=2)
        assert await take_batch(store, 9) == []
