"""Takes of jobs that belong together: all of one queue, as many as it may give at once."""

import pytest

from sharq_plug.model import MAX_JOINS, Dequeued, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import served
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    claim,
    enqueue,
    queue_order,
    take_batch,
    take_in_turn,
)


async def take_together(
    store: QueueStore,
    count: int,
    *,
    queues: tuple[str, ...] | None = None,
    attempt_id: str | None = None,
) -> Dequeued:
    """Dequeue jobs of one queue for one caller."""
    asked = Take(count, LEASE_TIME, attempt_id, queues=queues, together=True)
    [answer] = await store.dequeue(TYPE, [asked])
    return answer


class TogetherConformance(Conformance):
    """All jobs come from the queue of the first."""

    async def test_all_come_from_the_first_queue_in_line(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j1", "j2", "j3")
        assert served(await take_together(store, 3)) == ["a/j1", "a/j2", "a/j3"]
        assert served(await take_together(store, 3)) == ["b/j1", "b/j2", "b/j3"]

    @pytest.mark.parametrize("count", [1, 2])
    async def test_no_more_come_than_were_asked_for(self, store: QueueStore, count: int) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j")
        answer = await take_together(store, count)
        assert served(answer) == ["a/j1", "a/j2"][:count]
        assert answer.next_ready_at is None
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_a_queue_with_fewer_gives_what_it_has(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2")
        await enqueue(store, "b", "j1", "j2", "j3")
        assert served(await take_together(store, 5)) == ["a/j1", "a/j2"]
        assert await by_state(store, "b") == (3, 0, 0, 0)

    async def test_the_answer_to_a_partial_take_foresees_what_stands_elsewhere(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        assert (await take_together(store, 5)).next_ready_at == clock.now()

    async def test_a_queue_with_an_interval_gives_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", interval=1000)
        await enqueue(store, "b", "j1", "j2", interval=1000)
        assert served(await take_together(store, 5)) == ["a/j1"]
        answer = await take_together(store, 5)
        assert served(answer) == ["b/j1"]
        assert answer.next_ready_at == clock.now() + 1000

    async def test_its_jobs_go_by_priority(self, store: QueueStore) -> None:
        await enqueue(store, "a", "low1", "low2")
        await enqueue(store, "b", "j")
        await enqueue(store, "a", "high", priority=1)
        assert served(await take_together(store, 5)) == ["a/high", "a/low1", "a/low2"]

    async def test_due_jobs_join_and_delayed_ones_do_not(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "due1", "due2", delay=100)
        await enqueue(store, "a", "later", delay=200)
        clock.advance(100)
        await enqueue(store, "b", "j")
        assert served(await take_together(store, 5)) == ["a/due1", "a/due2"]

    async def test_jobs_that_have_ended_are_left_out(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "ended1", ttl=100)
        await enqueue(store, "a", "j1")
        await enqueue(store, "a", "ended2", ttl=100)
        await enqueue(store, "a", "j2")
        clock.advance(100)
        assert served(await take_together(store, 5)) == ["a/j1", "a/j2"]
        assert await by_state(store, "a") == (0, 0, 2, 2)

    async def test_a_first_queue_that_can_give_none_is_passed_over(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "ended", "j1", "j2", ttl=100)
        await enqueue(store, "b", "j1", "j2")
        await enqueue(store, "c", "j")
        clock.advance(100)
        assert served(await take_together(store, 5)) == ["b/j1", "b/j2"]

    async def test_a_call_that_reaches_the_bound_serves_its_queue_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", *(f"j{n}" for n in range(MAX_JOINS)), delay=100)
        clock.advance(100)
        answer = await take_together(store, 5)
        assert (served(answer), answer.next_ready_at) == (["a/j0"], clock.now())
        assert served(await take_together(store, 2)) == ["a/j1", "a/j2"]

    async def test_an_expired_lease_of_the_same_queue_adds_to_it_and_no_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1")
        await enqueue(store, "b", "j1")
        await take_in_turn(store, 2, lease_time=100)
        await enqueue(store, "b", "j2")
        clock.advance(100)
        answer = await take_together(store, 5)
        assert served(answer) == ["b/j2", "b/j1"]
        assert await by_state(store, "a") == (1, 0, 0, 0)

    async def test_the_takes_behind_one_are_not_bound_to_its_queue(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        takes = [
            Take(5, LEASE_TIME, together=True),
            Take(2, LEASE_TIME),
            Take(5, LEASE_TIME, together=True),
        ]
        answers = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in answers] == [
            ["a/j1", "a/j2"],
            ["b/j1", "c/j1"],
            ["b/j2"],
        ]
        assert [job.queue_id for job in await take_batch(store, 5)] == ["c"]

    async def test_of_named_queues_the_first_in_line_gives_all(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        answer = await take_together(store, 5, queues=("c", "b"))
        assert served(answer) == ["b/j1", "b/j2"]
        assert await by_state(store, "c") == (2, 0, 0, 0)
        assert await queue_order(store, 2) == ["a", "c"]

    async def test_the_answer_foresees_all_that_were_named(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "other", "j")
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j", delay=300)
        answer = await take_together(store, 5, queues=("a", "b"))
        assert (served(answer), answer.next_ready_at) == (["a/j"], clock.now() + 300)

    async def test_an_attempt_is_repeated(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2")
        await enqueue(store, "b", "j1", "j2")
        first = await take_together(store, 5, attempt_id="x")
        again = await take_together(store, 5, attempt_id="x")
        assert served(first) == served(again) == ["a/j1", "a/j2"]
        assert [claim(job) for job in first.jobs] == [claim(job) for job in again.jobs]
        assert again.is_repeated
