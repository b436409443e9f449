"""What a job carries: its enqueue time, its cost and its headers, at each of its deliveries."""

from collections.abc import Mapping
from typing import Any

import pytest

from sharq_plug.model import (
    MAX_COST,
    MAX_DURATION,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_INSTANT,
    MAX_KEY_TIME,
    MAX_PRIORITY,
    MAX_UNITS,
    Deduplicate,
    EnqueueOutcome,
    RequeueDelay,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    enqueue_one,
    fail_job,
    let_expire,
    new_job,
    release_job,
    take,
    take_in_turn,
)

HEADERS = {
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "": "",
    "UPPER lower": 'a "quoted" \\ line\nand another\0',
    "\u00e4\u4e16\U0001f680": "\u00fc\U0001f4a5",
}
COST = {"tokens": 1500, "job": 3, "free": 0, "most": MAX_COST}


class CarryConformance(Conformance):
    """What comes in with a job goes out with each of its deliveries."""

    async def test_headers_and_costs_come_out_as_they_went_in(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", headers=HEADERS, cost=COST)
        job = await take(store)
        assert (job.headers, job.cost) == (HEADERS, COST)

    async def test_they_come_back_with_each_delivery(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        enqueued_at = clock.now()
        await enqueue(store, "q", "j", headers=HEADERS, cost=COST, priority=4)
        clock.advance(10)
        await let_expire(store, clock)
        await fail_job(store, await take(store), error="why")
        await release_job(store, await take(store), delay=10)
        clock.advance(10)
        job = await take(store)
        assert (job.headers, job.cost, job.priority) == (HEADERS, COST, 4)
        assert (job.attempt, job.enqueued_at) == (4, enqueued_at)

    async def test_a_repeated_dequeue_shows_them_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", headers=HEADERS, cost=COST, priority=4)
        clock.advance(10)
        first = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        again = await dequeue_for_one(store, TYPE, count=1, lease_time=1000, attempt_id="a")
        assert again.is_repeated
        assert again.jobs == first.jobs

    async def test_what_was_not_given_is_none(self, store: QueueStore) -> None:
        await enqueue(store, "q", "plain")
        await enqueue(store, "q", "other", ttl=1000)
        for job in await take_in_turn(store, 2):
            assert (job.headers, job.cost, job.priority) == (None, None, 0)

    async def test_a_job_that_came_back_late_has_still_none(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "plain")
        await fail_job(store, await take(store), error="why", delay=10)
        clock.advance(10)
        job = await take(store)
        assert (job.headers, job.cost, job.priority) == (None, None, 0)

    async def test_each_has_its_own(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", headers={"a": "1"})
        await enqueue(store, "q", "j2", cost={"b": 2})
        j1, j2 = await take_in_turn(store, 2)
        assert (j1.headers, j1.cost) == ({"a": "1"}, None)
        assert (j2.headers, j2.cost) == (None, {"b": 2})

    async def test_the_most_that_fits_is_carried(self, store: QueueStore) -> None:
        headers = {f"{n:02}": "x" * (MAX_HEADER_BYTES // MAX_HEADERS - 2) for n in range(32)}
        cost = {f"unit{n}".ljust(100, "-"): MAX_COST for n in range(MAX_UNITS)}
        await enqueue(store, "q", "j", headers=headers, cost=cost)
        job = await take(store)
        assert (job.headers, job.cost) == (headers, cost)

    @pytest.mark.parametrize("delay", [None, 500])
    async def test_the_time_of_the_enqueue_is_shown_delayed_or_not(
        self, store: QueueStore, clock: ManualClock, delay: int | None
    ) -> None:
        enqueued_at = clock.now()
        await enqueue(store, "q", "j", delay=delay)
        clock.advance(500)
        assert (await take(store)).enqueued_at == enqueued_at
        await enqueue(store, "q", "plain")
        assert (await take(store)).enqueued_at == clock.now()

    async def test_a_duplicate_changes_nothing_that_the_first_carries(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        enqueued_at = clock.now()
        await enqueue(store, "q", "j", headers={"a": "first"}, cost={"job": 2})
        clock.advance(10)
        again = new_job("q", "j", headers={"a": "second"}, cost={"job": 5}, delay=1000)
        assert await enqueue_one(store, again) is EnqueueOutcome.DUPLICATE
        job = await take(store)
        assert (job.headers, job.cost) == ({"a": "first"}, {"job": 2})
        assert job.enqueued_at == enqueued_at

    async def test_a_job_may_bring_everything_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(
            store,
            "q",
            "j",
            interval=10,
            requeue_limit=3,
            delay=100,
            priority=MAX_PRIORITY,
            ttl=1000,
            requeue_delay=RequeueDelay(50, 2, 1000),
            deduplicate=Deduplicate("key", 10_000),
            cost=COST,
            headers=HEADERS,
        )
        clock.advance(100)
        await fail_job(store, await take(store))
        clock.advance(50)
        job = await take(store)
        assert (job.headers, job.cost, job.priority) == (HEADERS, COST, MAX_PRIORITY)
        assert (job.attempt, job.requeues_remaining) == (2, 2)


class ExtrasConformance(Conformance):
    """What a job may bring is taken up to its bounds."""

    @pytest.mark.parametrize(
        "extras",
        [
            {"delay": 0},
            {"delay": MAX_DURATION},
            {"at": 0},
            {"at": MAX_INSTANT},
            {"ttl": 1},
            {"ttl": MAX_DURATION},
            {"priority": 0},
            {"priority": MAX_PRIORITY},
            {"requeue_delay": RequeueDelay(MAX_DURATION, 10, 0)},
            {"deduplicate": Deduplicate("k" * 100, MAX_KEY_TIME)},
            {"cost": {}},
            {"cost": {"job": 1}},
            {"headers": {}},
            {"headers": {str(n): "" for n in range(MAX_HEADERS)}},
        ],
    )
    async def test_a_job_at_a_bound_is_taken(
        self, store: QueueStore, extras: Mapping[str, Any]
    ) -> None:
        await enqueue(store, "q", "j", **extras)
