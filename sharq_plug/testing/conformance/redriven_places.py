"""Redriven jobs and their queues: interval, rate, place in line, wake-ups."""

from sharq_plug.model import AmendOutcome, Discard, JobRef, LetterRef, Redrive
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    amend,
    let_each_die,
    redrive,
    redrive_job,
    redrive_range,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    fail_job,
    finish_job,
    listed,
    next_ready_at,
    queue_order,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)
from sharq_plug.testing.conformance.watching import Wakes


class RedrivenRateConformance(Conformance):
    """A redrive pays nothing off; it brings an interval only if the queue does not exist."""

    async def test_a_redriven_job_waits_for_the_unpaid_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await let_each_die(store, "q", "j", interval=1000)
        clock.advance(300)
        await redrive(store, 1)
        await take_exactly_at(store, clock, start + 1000)

    async def test_a_queue_that_is_gone_gets_its_interval_at_the_death(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for job_id in ("j1", "j2"):
            await let_each_die(store, "q", job_id, interval=1000)
            clock.advance(5000)
        await redrive(store, 1, 2)
        await take(store)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_the_interval_at_the_death_counts_and_not_that_at_the_enqueue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=1000)
        job = await take(store)
        assert await change_interval(store, TYPE, "q", 7000)
        await fail_job(store, job, dead=True)
        clock.advance(10)
        await redrive(store, 1)
        await take_exactly_at(store, clock, start + 7000)

    async def test_an_interval_of_0_comes_back_too(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2", interval=0)
        await redrive(store, 1, 2)
        assert len(await take_batch(store, 2)) == 2

    async def test_the_interval_of_a_queue_that_exists_stays(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "dead", interval=1000)
        clock.advance(1000)
        await enqueue(store, "q", "j1", "j2", interval=0)
        await redrive(store, 1)
        assert len(await take_batch(store, 3)) == 3

    async def test_of_several_letters_the_first_to_be_redriven_brings_its_interval(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for job_id, interval in (("j1", 1000), ("j2", 9000)):
            await let_each_die(store, "q", job_id, interval=interval)
            clock.advance(10_000)
        await redrive(store, 1, 2)
        await take(store)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_the_interval_of_a_letter_holds_for_the_unpaid_rate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "dead", interval=1000)
        clock.advance(1000)
        await enqueue(store, "q", "j", interval=60_000)
        dequeued_at = clock.now()
        await finish_job(store, await take(store))
        await redrive(store, 1)
        await take_exactly_at(store, clock, dequeued_at + 1000)


class RedrivenPlaceConformance(Conformance):
    """A redrive gives the queue the place that an enqueue would."""

    async def test_a_queue_that_comes_back_stands_last(self, store: QueueStore) -> None:
        await let_each_die(store, "back", "j")
        await enqueue(store, "a", "j")
        await redrive(store, 1)
        await enqueue(store, "b", "j")
        assert await listed(store) == {"a", "back", "b"}
        assert await queue_order(store, 3) == ["a", "back", "b"]

    async def test_a_queue_that_waits_keeps_its_place(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await enqueue(store, "q", "j")
        await enqueue(store, "other", "j")
        await redrive(store, 1)
        assert await queue_order(store, 3) == ["q", "other", "q"]

    async def test_a_queue_whose_jobs_are_all_delayed_is_ready_at_once(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "dead")
        await enqueue(store, "q", "later", delay=1000)
        await enqueue(store, "other", "j")
        await redrive(store, 1)
        assert await queue_order(store, 2) == ["other", "q"]

    async def test_a_queue_whose_jobs_are_all_leased_stands_in_line_again(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "dead")
        await enqueue(store, "q", "leased")
        await take(store)
        await redrive(store, 1)
        assert (await take(store)).job_id == "dead"

    async def test_queues_come_back_in_the_order_of_their_letters(self, store: QueueStore) -> None:
        for queue_id in ("b", "c", "a"):
            await let_each_die(store, queue_id, "j")
        await redrive_range(store)
        assert await queue_order(store, 3) == ["b", "c", "a"]


class RedrivenWakeConformance(Conformance):
    """A redrive wakes those who wait, as an enqueue does."""

    async def test_a_redrive_by_number_wakes_at_once(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await redrive(store, 1)
            await wakes.hear(0)

    async def test_a_redrive_by_job_wakes_at_once(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await redrive_job(store, "q", "j")
            await wakes.hear(0)

    async def test_a_redriven_range_wakes_at_once_for_each_of_its_queues(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "a", "j1", "j2")
        await let_each_die(store, "b", "j")
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await redrive_range(store)
            await wakes.hear_of("a", "b")
            assert 0 in wakes.delays

    async def test_a_redriven_job_that_must_wait_for_its_rate_wakes_for_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j", interval=1000)
        clock.advance(300)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            await redrive(store, 1)
            await wakes.hear(700)

    async def test_a_redrive_is_foreseen(self, store: QueueStore, clock: ManualClock) -> None:
        start = clock.now()
        await let_each_die(store, "q", "j", interval=1000)
        assert await next_ready_at(store) is None
        await redrive(store, 1)
        assert await next_ready_at(store) == start + 1000

    async def test_a_refused_redrive_and_a_discard_wake_nobody(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await let_each_die(store, "q", "gone")
        await enqueue(store, "q", "j")
        await take_in_turn(store, 1)
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            assert await amend(store, Redrive(LetterRef(1))) is AmendOutcome.DUPLICATE
            assert await amend(store, Redrive(LetterRef(9))) is AmendOutcome.UNKNOWN
            assert await amend(store, Discard(JobRef("q", "gone"))) is AmendOutcome.DONE
            await enqueue(store, "other", "j", delay=700)
            assert await wakes.hear(700) == [700]
