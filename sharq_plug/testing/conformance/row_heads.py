"""Heads of rows: what a dequeue does to a queue before it serves it, and how turns divide."""

from itertools import accumulate, combinations
from random import Random

import pytest

from sharq_plug.model import MAX_HEADS, MAX_JOINS, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.heads import lease_one_of_each, take_some
from sharq_plug.testing.conformance.rows import in_order
from sharq_plug.testing.conformance.setting import patch, rules, set_defaults
from sharq_plug.testing.conformance.sharing import make, patch_limit, share, stock
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    enqueue,
    fail_job,
    finish_job,
    release_job,
    take_batch,
)


class RowHeadConformance(Conformance):
    """Jobs of a row join, die and take up defaults as those of any other queue."""

    async def test_due_jobs_of_a_row_join_when_their_queue_is_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await stock(store, "a", "x", jobs=2, delay=100)
        await stock(store, "b", "x", "y", jobs=2, delay=100)
        clock.advance(100)
        assert await in_order(store, 9) == "abab"

    async def test_jobs_of_a_row_whose_ttl_has_passed_die_when_their_queue_is_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await stock(store, "a", "x", jobs=2, ttl=100)
        await stock(store, "b", "x", jobs=1)
        clock.advance(100)
        assert await in_order(store, 9) == "b"
        assert await by_state(store, "a") == (0, 0, 0, 2)

    async def test_queues_of_a_row_share_the_bound_on_joins_with_others(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await stock(store, "a", "x", jobs=MAX_JOINS // 2, delay=100)
        await stock(store, "b", "y", jobs=MAX_JOINS // 2, delay=100)
        await stock(store, "c", "x", jobs=1)
        clock.advance(100)
        [answer] = await take_some(store, 5)
        assert [job.queue_id for job in answer.jobs] == ["c", "a", "b"]
        assert answer.next_ready_at == clock.now()

    async def test_heads_of_a_row_count_to_the_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await set_defaults(store, uses=("x",))
        names = await lease_one_of_each(store, MAX_HEADS + 5)
        await stock(store, ["free"], jobs=1)
        await set_defaults(store, concurrency=1)
        for answer in await take_some(store, 1, 1):
            assert (answer.jobs, answer.next_ready_at) == ((), clock.now())
        assert not (await rules(store, names[MAX_HEADS - 1])).pending
        assert (await rules(store, names[MAX_HEADS])).pending
        [answer] = await take_some(store, 2)
        assert [job.queue_id for job in answer.jobs] == ["free"]

    async def test_heads_that_go_into_a_closed_row_count_to_the_bound(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, paused=True)
        names = await lease_one_of_each(store, MAX_HEADS + 5)
        await patch(store, "free", uses=())
        await enqueue(store, "free", "j")
        await set_defaults(store, uses=("x",))
        [answer] = await take_some(store, 1)
        assert (answer.jobs, answer.next_ready_at) == ((), clock.now())
        [answer] = await take_some(store, 2)
        assert [job.queue_id for job in answer.jobs] == ["free"]
        await patch_limit(store, paused=False)
        assert [job.queue_id for job in await take_batch(store, 3)] == names[:3]


class RowTurnConformance(Conformance):
    """Queues of one row that stay ready divide what their shared limits give by their weights."""

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("weights", [(1, 1), (3, 2), (7, 1), (1, 2, 3)], ids=str)
    async def test_deliveries_of_a_row_divided_by_weights_differ_by_at_most_2(
        self, store: QueueStore, clock: ManualClock, weights: tuple[int, ...], seed: int
    ) -> None:
        random = Random(seed)  # noqa: S311 - a repeatable choice
        await share(store, Limit(1, 10, 3), name="x")
        await patch_limit(store, "y", concurrency=4)
        await stock(store, "d", "x", jobs=300)
        names = "abc"[: len(weights)]
        for queue_id, weight in zip(names, weights, strict=True):
            await patch(store, queue_id, weight=weight)
            await stock(store, queue_id, "x", "y", jobs=200)
        served = ""
        while len(served) < 150:
            jobs = await take_batch(store, random.randint(1, 5))
            served += "".join(job.queue_id for job in jobs)
            for job in jobs:
                end = random.choice([finish_job, release_job, fail_job])
                await end(store, job)
            clock.advance(random.randint(0, 30))
        weight_of = dict(zip(names, weights, strict=True))
        for one, two in combinations(names, 2):
            lead = {one: 1 / weight_of[one], two: -1 / weight_of[two]}
            leads = list(accumulate((lead.get(queue, 0) for queue in served), initial=0.0))
            assert max(leads) - min(leads) <= 2 + 1e-9
