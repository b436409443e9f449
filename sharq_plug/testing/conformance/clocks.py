"""Clocks that step back: what a store does when its clock was ahead and is set right."""

from collections.abc import Mapping
from typing import Any

import pytest

from sharq_plug.model import MINUTE, LeaseOutcome, LeaseRef
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, counts_of, dequeue_for_one, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    clear,
    counted,
    enqueue,
    finish,
    finish_job,
    next_ready_at,
    queue_order,
    reclaim,
    reclaim_in_steps,
    release_job,
    take,
    take_batch,
    take_exactly_at,
)
from sharq_plug.testing.conformance.watching import Wakes

STEP = 600_000
"""By how much the clock had run ahead before it was set right, in ms."""

every_interval = pytest.mark.parametrize("interval", [1, 1000, 200_000])


async def lease_one_and_step_back(
    store: QueueStore, clock: ManualClock, *, interval: int
) -> LeaseRef:
    """Lease the first of two jobs of queue "q", and set the clock right; return the claim to it."""
    await enqueue(store, "q", "leased", "waiting", interval=interval)
    job = await take(store, lease_time=10 * STEP)
    clock.step_back(STEP)
    return claim(job)


class SteppingBackConformance(Conformance):
    """A clock that steps back hurries nothing, and holds nothing longer than its rate says."""

    async def test_a_reclaim_frees_a_queue_without_a_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await lease_one_and_step_back(store, clock, interval=0)
        await reclaim(store)
        assert (await take(store)).job_id == "waiting"

    async def test_a_reclaim_frees_a_queue_that_was_never_dequeued(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", interval=10 * STEP)
        clock.step_back(STEP)
        await reclaim(store)
        await take(store)

    @pytest.mark.parametrize("fields", [{}, {"ttl": 10 * STEP}], ids=["", "ttl"])
    async def test_it_frees_one_that_got_another_job_meanwhile(
        self, store: QueueStore, clock: ManualClock, fields: Mapping[str, Any]
    ) -> None:
        await enqueue(store, "q", "j1")
        clock.step_back(STEP)
        await enqueue(store, "q", "j2", **fields)
        await reclaim(store)
        assert [(await take(store)).job_id for _ in range(2)] == ["j1", "j2"]

    @every_interval
    async def test_a_reclaim_brings_a_queue_back_to_one_interval_from_now(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await lease_one_and_step_back(store, clock, interval=interval)
        await reclaim(store)
        await take_exactly_at(store, clock, clock.now() + interval)

    @every_interval
    async def test_a_new_interval_brings_its_queue_back_without_tending(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await lease_one_and_step_back(store, clock, interval=interval)
        assert await change_interval(store, TYPE, "q", interval)
        await take_exactly_at(store, clock, clock.now() + interval)

    @pytest.mark.parametrize("interval", [0, 50])
    async def test_another_interval_holds_from_now_on(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await lease_one_and_step_back(store, clock, interval=1000)
        instant = clock.now() + interval
        assert await change_interval(store, TYPE, "q", interval)
        clock.advance(interval)
        assert (await take(store)).expires_at == instant + 60_000

    async def test_a_new_interval_frees_a_queue_that_was_never_dequeued(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", interval=1000)
        clock.step_back(STEP)
        assert await change_interval(store, TYPE, "q", 1000)
        await take(store)

    @every_interval
    @pytest.mark.parametrize("purge", [False, True])
    async def test_a_clearing_leaves_no_more_than_one_interval_to_pay(
        self, store: QueueStore, clock: ManualClock, interval: int, *, purge: bool
    ) -> None:
        await lease_one_and_step_back(store, clock, interval=interval)
        await clear(store, "q", purge=purge)
        instant = clock.now() + interval
        await enqueue(store, "q", "j", interval=interval)
        await take_exactly_at(store, clock, instant)

    @every_interval
    async def test_what_a_queue_left_behind_holds_it_for_one_interval_from_now(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await enqueue(store, "q", "gone", interval=interval)
        await finish_job(store, await take(store))
        clock.step_back(STEP)
        await enqueue(store, "q", "j", interval=interval)
        await take_exactly_at(store, clock, clock.now() + interval)

    async def test_what_a_queue_without_a_rate_left_behind_does_not_hold_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "gone")
        await finish_job(store, await take(store))
        clock.step_back(STEP)
        await enqueue(store, "q", "j")
        await take(store)

    @every_interval
    async def test_a_job_that_comes_back_waits_one_interval_from_now(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await enqueue(store, "q", "j", interval=interval)
        job = await take(store)
        clock.step_back(STEP)
        await release_job(store, job)
        await take_exactly_at(store, clock, clock.now() + interval)

    async def test_the_rate_holds_from_the_first_dequeue_after_the_step_on(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(4)), interval=1000)
        await take(store)
        for _ in range(3):
            clock.step_back(STEP)
            await reclaim(store)
            await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_places_that_are_set_anew_keep_their_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        queues = [f"q{n}" for n in (3, 1, 4, 5, 9, 2, 6)]
        for queue_id in queues:
            await enqueue(store, queue_id, "j")
            clock.advance(1)
        clock.step_back(STEP)
        await reclaim(store)
        assert await queue_order(store, len(queues)) == queues

    @pytest.mark.parametrize("limit", [1, 3, 7])
    async def test_a_reclaim_looks_at_no_more_places_than_its_limit_and_says_more(
        self, store: QueueStore, clock: ManualClock, limit: int
    ) -> None:
        queues = [f"q{n}" for n in range(10)]
        for queue_id in queues:
            await enqueue(store, queue_id, "j")
        clock.step_back(STEP)
        assert (await tend_type(store, TYPE, limit=limit)).more
        assert await queue_order(store, limit) == queues[:limit]
        assert await next_ready_at(store) is not None
        await reclaim_in_steps(store, limit)
        assert await queue_order(store, 10 - limit) == queues[limit:]

    async def test_a_place_that_its_rate_puts_ahead_stays_and_hides_no_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for n in range(10):
            await enqueue(store, f"held{n}", "leased", "waiting", interval=10**6)
        await take_batch(store, 10, lease_time=10**9)
        clock.advance(STEP)
        await enqueue(store, "free", "j")
        await enqueue(store, "held0", "later", interval=10**6)
        clock.step_back(STEP - 1)
        await reclaim_in_steps(store, 4)
        assert (await take(store, lease_time=10**9)).queue_id == "free"
        assert (await take_exactly_at(store, clock, start + 10**6)).queue_id == "held0"

    async def test_watchers_hear_of_a_place_that_is_set_anew(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        clock.step_back(STEP)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await next_ready_at(store) is not None
            await reclaim(store)
            await wakes.hear(0)

    async def test_a_lease_stands_until_it_expires(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store, lease_time=1000)
        clock.step_back(STEP)
        clock.advance(STEP + 999)
        assert (await reclaim(store)).requeued == 0
        assert await next_ready_at(store) == job.expires_at
        clock.advance(1)
        assert (await reclaim(store)).requeued == 1

    async def test_finishes_and_dequeues_can_be_repeated_after_the_step(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "done", "leased")
        done = await take(store)
        await finish_job(store, done)
        first = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        clock.step_back(STEP)
        await reclaim(store)
        assert await finish(store, claim(done)) is LeaseOutcome.ENDED
        again = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        assert again.jobs == first.jobs

    async def test_minutes_that_lie_ahead_count_when_they_come(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        clock.advance(-clock.now() % MINUTE)
        start = clock.now()
        for n, minute in enumerate([0, 1, 2, 0, 1, 3]):
            clock.step_back(clock.now() - start)
            clock.advance(minute * MINUTE)
            await enqueue(store, "q", f"j{n}")
        expected = {start: 2, start + MINUTE: 2, start + 2 * MINUTE: 1, start + 3 * MINUTE: 1}
        for _ in range(4):
            present = clock.now()
            for counts in (
                (await store.look(TYPE, "q")).counts,
                await counts_of(store, TYPE),
                await counts_of(store),
            ):
                found = {minute: n for minute, n in counts.enqueues.items() if n}
                assert found == {m: n for m, n in expected.items() if m <= present}
            clock.step_back(MINUTE)

    async def test_counts_that_lie_ahead_are_kept_for_a_queue_that_is_gone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        clock.step_back(STEP)
        await clear(store, "q")
        await enqueue(store, "q", "j")
        await clear(store, "q")
        assert await counted(store, "q") == (1, 0)
        clock.advance(STEP)
        await reclaim_in_steps(store, 100)
        assert await counted(store, "q") == (1, 0)
        clock.advance(STEP)
        assert await counted(store, "q") == (0, 0)
