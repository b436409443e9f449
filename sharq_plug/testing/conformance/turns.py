"""Turns: how many jobs of a queue go in a row, and when its turn is over."""

from itertools import accumulate, combinations
from random import Random

import pytest

from sharq_plug.model import Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    claim,
    enqueue,
    fail_job,
    finish_job,
    queue_order,
    release_job,
    take,
    take_batch,
    take_in_turn,
)


async def fill(store: QueueStore, **weights: int | None) -> None:
    """Give queues many jobs each, and these weights, in this order; None leaves it unset."""
    for queue_id, weight in weights.items():
        await patch(store, queue_id, weight=weight)
        await enqueue(store, queue_id, *(f"j{n}" for n in range(40)))


async def order(store: QueueStore, count: int) -> str:
    """Return the queues, whose names are letters, that `count` single dequeues serve."""
    return "".join(await queue_order(store, count))


class WeightConformance(Conformance):
    """A queue gives as many jobs in a row as its weight says."""

    async def test_a_queue_gives_as_many_as_its_weight_says_then_the_next_goes(
        self, store: QueueStore
    ) -> None:
        await fill(store, a=3, b=None, c=2)
        assert await order(store, 14) == "aaabccaaabccaa"

    async def test_a_batch_goes_as_single_dequeues_do(self, store: QueueStore) -> None:
        await fill(store, a=3, b=None, c=2)
        batches = [await take_batch(store, count) for count in (2, 5, 1, 6)]
        assert "".join(job.queue_id for batch in batches for job in batch) == "aaabccaaabccaa"

    async def test_the_takes_of_a_call_go_as_single_dequeues_do(self, store: QueueStore) -> None:
        await fill(store, a=3, b=2)
        answers = await store.dequeue(TYPE, [Take(count, LEASE_TIME) for count in (2, 2, 3)])
        served = [[job.queue_id for job in answer.jobs] for answer in answers]
        assert served == [["a", "a"], ["a", "b"], ["b", "a", "a"]]

    async def test_a_weight_that_is_taken_back_is_1(self, store: QueueStore) -> None:
        await fill(store, a=3, b=1)
        await patch(store, "a", weight=None)
        assert await order(store, 4) == "abab"

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("weights", [(1, 1), (3, 2), (7, 1), (1, 2, 3), (100, 99, 1)], ids=str)
    async def test_deliveries_divided_by_weights_differ_by_at_most_2(
        self, store: QueueStore, clock: ManualClock, weights: tuple[int, ...], seed: int
    ) -> None:
        random = Random(seed)  # noqa: S311 - a repeatable choice
        names = "abc"[: len(weights)]
        for queue_id, weight in zip(names, weights, strict=True):
            await patch(store, queue_id, weight=weight)
            await enqueue(store, queue_id, *(f"j{n}" for n in range(350)))
        served = ""
        while len(served) < 300:
            jobs = await take_batch(store, random.randint(1, 20))
            served += "".join(job.queue_id for job in jobs)
            for job in random.sample(jobs, len(jobs) // 2):
                end = random.choice([finish_job, release_job, fail_job])
                await end(store, job)
            clock.advance(random.randint(0, 5))
        weight_of = dict(zip(names, weights, strict=True))
        for one, two in combinations(names, 2):
            lead = {one: 1 / weight_of[one], two: -1 / weight_of[two]}
            leads = list(accumulate((lead.get(queue, 0) for queue in served), initial=0.0))
            assert max(leads) - min(leads) <= 2 + 1e-9


class TurnConformance(Conformance):
    """A turn goes on while its queue is ready, and begins anew with each place."""

    async def test_time_may_pass_within_a_turn(self, store: QueueStore, clock: ManualClock) -> None:
        await fill(store, a=3, b=1)
        served = ""
        for _ in range(8):
            served += await order(store, 1)
            clock.advance(10)
        assert served == "aaabaaab"

    async def test_a_queue_that_is_held_after_a_delivery_ends_its_turn(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, a=3, b=None)
        await patch(store, "a", limits=(Limit(1, 100, 2),))
        assert await order(store, 4) == "aabb"
        clock.advance(100)
        assert await order(store, 3) == "bab"

    async def test_it_stands_behind_those_whose_holds_end_at_the_same_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, a=2, b=2)
        for queue_id in ("a", "b"):
            await patch(store, queue_id, limits=(Limit(1, 100),))
        for queue_id in ("b", "a"):
            assert len((await take_from(store, queue_id)).jobs) == 1
        clock.advance(100)
        assert await order(store, 2) == "ba"

    async def test_a_turn_that_a_hold_has_ended_leaves_nothing_of_it_for_the_next(
        self, store: QueueStore
    ) -> None:
        await fill(store, a=3, b=None)
        await patch(store, "a", concurrency=2)
        assert await order(store, 3) == "aab"
        await patch(store, "a", concurrency=None)
        assert await order(store, 5) == "baaab"

    async def test_an_emptied_queue_ends_its_turn(self, store: QueueStore) -> None:
        await patch(store, "a", weight=3)
        await enqueue(store, "a", "only")
        await take(store)
        await fill(store, b=None, a=3)
        assert await order(store, 5) == "baaab"

    async def test_a_new_place_begins_a_new_turn(self, store: QueueStore) -> None:
        await fill(store, a=3, b=None)
        assert await order(store, 2) == "aa"
        for paused in (True, False):
            await patch(store, "a", paused=paused)
        assert await order(store, 5) == "baaab"

    async def test_a_place_for_later_begins_a_new_turn_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, a=3, b=None)
        assert await order(store, 2) == "aa"
        await patch(store, "a", freeze=10)
        assert await order(store, 1) == "b"
        clock.advance(10)
        await enqueue(store, "c", "j")
        assert await order(store, 5) == "baaac"

    async def test_a_change_that_leaves_the_place_goes_on_with_the_turn(
        self, store: QueueStore
    ) -> None:
        await fill(store, a=3, b=None)
        assert await order(store, 2) == "aa"
        await patch(store, "a", concurrency=50, max_length=100, freeze=0)
        await enqueue(store, "a", "more")
        assert await order(store, 5) == "abaaa"

    @pytest.mark.parametrize(
        ("weight", "served"), [(4, "aabaaaab"), (3, "abaaabaa"), (2, "abaabaab"), (1, "abababab")]
    )
    async def test_a_changed_weight_counts_within_the_turn(
        self, store: QueueStore, weight: int, served: str
    ) -> None:
        await fill(store, a=3, b=None)
        assert await order(store, 2) == "aa"
        await patch(store, "a", weight=weight)
        assert await order(store, 8) == served


class NamedTurnConformance(Conformance):
    """A delivery counts to the turn of its queue, whoever asked for it, and how."""

    async def test_a_delivery_to_who_named_the_queue_counts(self, store: QueueStore) -> None:
        await fill(store, a=3, b=None)
        await take_from(store, "a", count=1)
        assert await order(store, 4) == "aaba"

    async def test_a_queue_that_is_not_first_in_line_keeps_its_place_in_its_turn(
        self, store: QueueStore
    ) -> None:
        await fill(store, a=None, b=3, c=None)
        await take_from(store, "b", count=2)
        assert await order(store, 4) == "abca"
        await take_from(store, "b", count=3)
        assert await order(store, 2) == "ca"

    async def test_a_take_of_named_queues_goes_by_their_weights(self, store: QueueStore) -> None:
        await fill(store, a=None, b=2, c=3)
        jobs = (await take_from(store, "c", "b", count=8)).jobs
        assert "".join(job.queue_id for job in jobs) == "bbcccbbc"

    async def test_jobs_taken_together_count_each(self, store: QueueStore) -> None:
        await fill(store, a=2, b=None)
        [answer] = await store.dequeue(TYPE, [Take(5, LEASE_TIME, together=True)])
        assert [job.queue_id for job in answer.jobs] == ["a"] * 5
        assert await order(store, 6) == "babaab"

    async def test_jobs_that_came_back_count_as_any(self, store: QueueStore) -> None:
        await fill(store, a=3, b=None)
        first, second = await take_in_turn(store, 2)
        await release_job(store, first)
        await fail_job(store, second)
        assert await order(store, 5) == "abaaa"

    async def test_a_repeated_take_counts_once_to_the_turn(self, store: QueueStore) -> None:
        await fill(store, a=3, b=None)
        takes = [Take(1, LEASE_TIME, "x")] * 3
        answers = await store.dequeue(TYPE, takes)
        assert len({claim(answer.jobs[0]) for answer in answers}) == 1
        assert await order(store, 4) == "aaba"
