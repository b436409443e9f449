"""Precedence: which limits are in effect, and what an interval that is brought does then."""

import pytest

from sharq_plug.model import (
    EnqueueOutcome,
    Limit,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    stock,
)
from sharq_plug.testing.conformance.operating import redrive_job
from sharq_plug.testing.conformance.setting import (
    patch,
    rules,
    set_limits,
)
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    enqueue_one,
    fail_job,
    new_job,
    take,
)

SLOW = 60_000


async def in_effect(store: QueueStore, queue_id: str = "q") -> tuple[Limit, ...] | None:
    """Return the limits that are in effect for a queue."""
    return (await rules(store, queue_id)).in_effect.limits


class PrecedenceConformance(Conformance):
    """A queue's own limits go before an interval that an enqueue or a SetInterval brought."""

    @pytest.mark.parametrize("interval", [0, 1, SLOW, None])
    async def test_an_enqueue_does_not_undo_limits_that_are_set(
        self, store: QueueStore, clock: ManualClock, interval: int | None
    ) -> None:
        await set_limits(store, EACH_SECOND)
        await enqueue(store, "q", "1", "2", "3", interval=interval)
        await goes_at(store, clock, 0, 1000)
        await enqueue(store, "q", "4", "5", interval=interval)
        await goes_at(store, clock, 2000)
        assert await in_effect(store) == (EACH_SECOND,)

    async def test_a_duplicate_does_not_undo_them(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await goes_at(store, clock, 0)
        assert await enqueue_one(store, new_job("q", "1")) is EnqueueOutcome.DUPLICATE
        await goes_at(store, clock, 1000)

    async def test_no_limits_are_set_too(self, store: QueueStore) -> None:
        await set_limits(store)
        await enqueue(store, "q", "1", "2", "3", interval=SLOW)
        await goes_freely(store, 3)
        assert await in_effect(store) == ()

    async def test_limits_hold_for_the_jobs_that_brought_an_interval_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2", "3", interval=SLOW)
        await goes_at(store, clock, 0)
        await set_limits(store, EACH_SECOND)
        await goes_at(store, clock, 1000, 2000)

    async def test_a_brought_interval_holds_again_when_limits_are_taken_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", *"12345", interval=5000)
        await set_limits(store)
        await goes_freely(store, 2)
        assert await in_effect(store) == ()
        await patch(store, limits=None)
        assert await in_effect(store) == (Limit(1, 5000),)
        await goes_at(store, clock, 5000)

    async def test_the_interval_that_was_brought_last_holds_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, interval=SLOW)
        await enqueue(store, "q", "last", interval=7000)
        await goes_at(store, clock, 0)
        await patch(store, limits=None)
        await goes_at(store, clock, 7000)

    async def test_a_duplicate_brings_its_interval_for_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, interval=SLOW)
        await goes_at(store, clock, 0)
        job = new_job("q", "1", interval=7000)
        assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE
        await patch(store, limits=None)
        await goes_at(store, clock, 7000)

    async def test_an_enqueue_without_an_interval_leaves_the_one_that_was_brought(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, interval=7000)
        await enqueue(store, "q", "last", interval=None)
        await goes_at(store, clock, 0)
        assert await enqueue_one(store, new_job("q", "1", interval=None)) is (
            EnqueueOutcome.DUPLICATE
        )
        await patch(store, limits=None)
        await goes_at(store, clock, 7000)

    async def test_a_refused_enqueue_brings_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, interval=7000)
        await goes_at(store, clock, 0)
        job = new_job("q", "no", interval=SLOW, max_queued_length=0)
        assert await enqueue_one(store, job) is EnqueueOutcome.QUEUE_FULL
        await patch(store, limits=None)
        await goes_at(store, clock, 7000)

    async def test_a_queue_to_which_nothing_was_brought_has_no_limits_then(
        self, store: QueueStore
    ) -> None:
        await stock(store, EACH_SECOND, interval=None)
        await goes_freely(store, 1)
        await patch(store, limits=None)
        assert await in_effect(store) == ()
        await goes_freely(store, 5)

    async def test_other_settings_leave_the_brought_interval_in_effect(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, concurrency=3, weight=2, max_length=9)
        await enqueue(store, "q", "1", "2", "3", interval=1000)
        await goes_at(store, clock, 0, 1000)
        assert await in_effect(store) == (EACH_SECOND,)

    async def test_a_redriven_job_brings_the_interval_of_its_queue_without_effect(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, jobs=1, interval=7000)
        await fail_job(store, await take(store), dead=True)
        await redrive_job(store, "q", "0")
        await enqueue(store, "q", "1", interval=None)
        await goes_freely(store, 1)
        await patch(store, limits=None)
        await goes_at(store, clock, 7000)

    async def test_a_redriven_job_of_a_queue_without_an_interval_finds_no_limits(
        self, store: QueueStore
    ) -> None:
        await stock(store, jobs=3, interval=None)
        for _ in range(3):
            await fail_job(store, await take(store), dead=True)
        await patch(store, limits=None)
        for n in range(3):
            await redrive_job(store, "q", str(n))
        await goes_freely(store, 3)
        assert await in_effect(store) == ()
