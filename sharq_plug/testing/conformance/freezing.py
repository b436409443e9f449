"""Frozen queues: who freezes one, for how long, and what a freeze outlives."""

from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.model import (
    MAX_DURATION,
    Delivery,
    Fail,
    Hold,
    HoldKind,
    LeaseOutcome,
    LeaseRef,
    Release,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import patch, rules
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    claim,
    clear,
    enqueue,
    fail_job,
    finish_job,
    listed,
    look,
    next_ready_at,
    release_job,
    settle,
    take,
    take_exactly_at,
)

Freeze = Callable[[QueueStore, Delivery, int], Awaitable[None]]


async def by_release(store: QueueStore, job: Delivery, duration: int) -> None:
    """Release a job; its queue freezes."""
    assert await settle(store, Release(claim(job), freeze=duration)) is LeaseOutcome.ENDED


async def by_fail(store: QueueStore, job: Delivery, duration: int) -> None:
    """Fail a job; its queue freezes."""
    await fail_job(store, job, freeze=duration)


async def by_fail_that_kills(store: QueueStore, job: Delivery, duration: int) -> None:
    """Fail a job for good; its queue freezes."""
    await fail_job(store, job, freeze=duration, dead=True)


every_worker = pytest.mark.parametrize(
    "freeze", [by_release, by_fail, by_fail_that_kills], ids=lambda freeze: freeze.__name__
)


async def frozen_until(store: QueueStore) -> int | None:
    """Return until when queue "q" is frozen, as a look shows it."""
    return (await rules(store)).frozen_until


class FreezeConformance(Conformance):
    """A freeze holds a queue until it ends, to the ms."""

    @pytest.mark.parametrize("duration", [1, 1000, MAX_DURATION])
    async def test_a_frozen_queue_gives_no_job_until_its_freeze_ends(
        self, store: QueueStore, clock: ManualClock, duration: int
    ) -> None:
        end = clock.now() + duration
        await enqueue(store, "q", "j")
        await patch(store, freeze=duration)
        assert await next_ready_at(store) == end
        await take_exactly_at(store, clock, end)

    async def test_a_later_freeze_replaces_it_be_it_longer_or_shorter(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        for duration in (100, 1000, 50):
            clock.advance(10)
            await patch(store, freeze=duration)
            assert await frozen_until(store) == clock.now() + duration
            assert await next_ready_at(store) == clock.now() + duration

    async def test_a_freeze_of_0_ends_it(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        await patch(store, freeze=1000)
        await patch(store, freeze=0)
        assert await frozen_until(store) is None
        assert (await take(store)).job_id == "j"

    async def test_other_changes_leave_it(self, store: QueueStore, clock: ManualClock) -> None:
        end = clock.now() + 1000
        await enqueue(store, "q", "j")
        await patch(store, freeze=1000)
        await patch(store, weight=2, limits=(), paused=True)
        await patch(store, weight=None, limits=None, paused=None)
        assert await next_ready_at(store) == end

    async def test_it_is_shown_until_it_ends(self, store: QueueStore, clock: ManualClock) -> None:
        end = clock.now() + 100
        await enqueue(store, "q", "j")
        await patch(store, freeze=100)
        clock.advance(99)
        shown = await rules(store)
        assert (shown.frozen_until, shown.held_by) == (end, (Hold(HoldKind.FROZEN, end),))
        clock.advance(1)
        shown = await rules(store)
        assert (shown.frozen_until, shown.held_by) == (None, ())

    async def test_jobs_come_in_and_leases_end_meanwhile(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        await patch(store, freeze=1000)
        await enqueue(store, "q", "j3")
        await finish_job(store, job)
        assert await by_state(store, "q") == (2, 0, 0, 0)
        await take_exactly_at(store, clock, clock.now() + 1000)

    async def test_it_outlives_the_jobs_of_its_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 1000
        await enqueue(store, "q", "j1")
        job = await take(store)
        await patch(store, freeze=1000)
        await finish_job(store, job)
        await tend_all(store)
        assert await frozen_until(store) == end
        await enqueue(store, "q", "j2")
        await take_exactly_at(store, clock, end)

    @pytest.mark.parametrize("purge", [False, True])
    async def test_it_outlives_a_clearing(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        end = clock.now() + 1000
        await enqueue(store, "q", "j")
        await patch(store, freeze=1000)
        await clear(store, "q", purge=purge)
        await tend_all(store)
        clock.advance(500)
        await tend_all(store)
        await enqueue(store, "q", "j")
        await take_exactly_at(store, clock, end)

    @pytest.mark.parametrize("tended", [False, True])
    async def test_a_queue_that_has_no_job_is_frozen_too_until_it_ends(
        self, store: QueueStore, clock: ManualClock, *, tended: bool
    ) -> None:
        end = clock.now() + 1000
        await patch(store, freeze=1000)
        shown = await rules(store)
        assert (shown.frozen_until, shown.held_by) == (end, (Hold(HoldKind.FROZEN, end),))
        assert await listed(store) == set()
        clock.advance(1000)
        if tended:
            await tend_all(store)
        shown = await rules(store)
        assert (shown.frozen_until, shown.held_by) == (None, ())
        await enqueue(store, "q", "j")
        assert (await look(store, "q")).ready_since == clock.now()


class WorkerFreezeConformance(Conformance):
    """A worker that hands a job back may freeze its queue in the same step."""

    @every_worker
    async def test_the_queue_is_frozen_from_then(
        self, store: QueueStore, clock: ManualClock, freeze: Freeze
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        clock.advance(10)
        await freeze(store, job, 500)
        end = clock.now() + 500
        assert await frozen_until(store) == end
        await take_exactly_at(store, clock, end)

    @every_worker
    async def test_a_freeze_that_stands_is_never_shortened(
        self, store: QueueStore, clock: ManualClock, freeze: Freeze
    ) -> None:
        end = clock.now() + 1000
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        jobs = [await take(store) for _ in range(3)]
        await patch(store, freeze=1000)
        clock.advance(100)
        for job, duration in zip(jobs, (0, 100, 900), strict=True):
            await freeze(store, job, duration)
            assert await frozen_until(store) == end
        await take_exactly_at(store, clock, end)

    @every_worker
    async def test_a_longer_one_counts(
        self, store: QueueStore, clock: ManualClock, freeze: Freeze
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        job = await take(store)
        await patch(store, freeze=1000)
        clock.advance(100)
        await freeze(store, job, 901)
        await take_exactly_at(store, clock, clock.now() + 901)

    @every_worker
    async def test_an_operator_may_end_it(self, store: QueueStore, freeze: Freeze) -> None:
        await enqueue(store, "q", "j1", "j2")
        await freeze(store, await take(store), 1000)
        await patch(store, freeze=0)
        await take(store)

    @every_worker
    async def test_it_outlives_the_last_job(
        self, store: QueueStore, clock: ManualClock, freeze: Freeze
    ) -> None:
        await enqueue(store, "q", "j")
        await freeze(store, await take(store), 1000)
        end = clock.now() + 1000
        await clear(store, "q")
        await enqueue(store, "q", "j")
        await take_exactly_at(store, clock, end)

    @every_worker
    async def test_only_its_own_queue_is_frozen(self, store: QueueStore, freeze: Freeze) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await enqueue(store, "other", "j")
        await freeze(store, job, 1000)
        assert (await take(store)).queue_id == "other"

    async def test_a_fail_of_the_last_requeue_freezes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", requeue_limit=0)
        await enqueue(store, "q", "j2")
        await fail_job(store, await take(store), freeze=500)
        assert await by_state(store, "q") == (1, 0, 0, 1)
        await take_exactly_at(store, clock, clock.now() + 500)

    async def test_a_release_after_the_end_of_a_ttl_freezes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", ttl=10)
        await enqueue(store, "q", "j2")
        job = await take(store)
        clock.advance(10)
        await by_release(store, job, 500)
        assert await by_state(store, "q") == (1, 0, 0, 1)
        await take_exactly_at(store, clock, clock.now() + 500)

    async def test_the_later_of_a_delay_and_a_freeze_holds(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for delay, freeze in ((100, 500), (500, 100)):
            await enqueue(store, "q", "j")
            item = Release(claim(await take(store)), delay, freeze)
            assert await settle(store, item) is LeaseOutcome.ENDED
            await finish_job(store, await take_exactly_at(store, clock, clock.now() + 500))

    async def test_who_has_no_claim_freezes_nothing(self, store: QueueStore) -> None:
        await enqueue(store, "q", "waiting", "leased")
        stale = await take(store)
        await release_job(store, stale)
        await enqueue(store, "q", "first", priority=9)
        await take(store)
        claims = [
            (claim(stale), LeaseOutcome.STALE),
            (LeaseRef("q", "first", "no-token"), LeaseOutcome.STALE),
            (LeaseRef("q", "no", stale.token), LeaseOutcome.UNKNOWN),
            (LeaseRef("q", "leased"), LeaseOutcome.UNKNOWN),
        ]
        for lease, outcome in claims:
            assert await settle(store, Release(lease, freeze=1000)) is outcome
            assert await settle(store, Fail(lease, freeze=1000)) is outcome
        assert await frozen_until(store) is None
        await take(store)
