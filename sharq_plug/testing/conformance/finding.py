"""Looking at single jobs: what is told of a job in each state, and where it stands."""

from typing import Any

import pytest

from sharq_plug.model import Absence, Hold, HoldKind, JobRef, JobState, JobView
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel_job, reschedule_job, seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import let_each_die
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    clear,
    counted,
    enqueue,
    extend_lease,
    fail_job,
    finish_job,
    job_order,
    let_expire,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_in_turn,
)

WAITING, DELAYED = JobState.WAITING, JobState.DELAYED
LEASED, DEAD = JobState.LEASED, JobState.DEAD
COST, HEADERS = {"job": 2, "tokens": 500}, {"traceparent": "00-1", "é": "\U0001f4a5"}


async def states(store: QueueStore, *job_ids: str) -> list[tuple[JobState, int | None]]:
    """Return the states and positions of jobs of queue "q", looked at in one call."""
    found = await store.find(TYPE, [JobRef("q", job_id) for job_id in job_ids])
    assert all(isinstance(view, JobView) for view in found)
    return [(view.state, view.position) for view in found if isinstance(view, JobView)]


class FindConformance(Conformance):
    """Each state shows what applies to it, and nothing else."""

    async def test_a_plain_job_that_waits(self, store: QueueStore, clock: ManualClock) -> None:
        enqueued_at = clock.now()
        await enqueue(store, "q", "j", requeue_limit=3)
        clock.advance(100)
        assert await seen(store, "q", "j") == JobView(
            WAITING, 0, 3, enqueued_at, position=0, earliest_at=clock.now()
        )

    async def test_a_delayed_job_with_all_that_it_brought(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", delay=500, priority=7, cost=COST, headers=HEADERS, ttl=9)
        clock.advance(499)
        assert await seen(store, "q", "j") == JobView(
            *(DELAYED, 0, -1, now, 7),
            at=now + 500,
            position=0,
            cost=COST,
            headers=HEADERS,
            held_by=(Hold(HoldKind.DELAY, now + 500),),
            earliest_at=now + 500,
        )

    @pytest.mark.parametrize("joined", [False, True])
    async def test_a_due_job_waits(
        self, store: QueueStore, clock: ManualClock, *, joined: bool
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", delay=500, priority=7)
        clock.advance(500)
        if joined:
            await tend_all(store)
        assert await seen(store, "q", "j") == JobView(
            WAITING, 0, -1, now, 7, position=0, earliest_at=now + 500
        )

    @pytest.mark.parametrize("others", [0, 2])
    async def test_a_leased_job(self, store: QueueStore, clock: ManualClock, others: int) -> None:
        now = clock.now()
        extras: dict[str, Any] = {"priority": 2, "cost": COST, "headers": HEADERS}
        await enqueue(store, "q", "j", requeue_limit=5, **extras)
        await enqueue(store, "q", *(f"other{n}" for n in range(others)))
        await take_in_turn(store, 1 + others)
        assert await seen(store, "q", "j") == JobView(
            LEASED, 1, 5, now, 2, expires_at=now + LEASE_TIME, cost=COST, headers=HEADERS
        )

    async def test_a_plain_job_that_is_leased(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=5)
        now = clock.now()
        clock.advance(100)
        assert await seen(store, "q", "j") == JobView(LEASED, 1, -1, now, expires_at=now + 5)

    async def test_an_extended_lease_shows_its_new_end(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        clock.advance(10)
        for lease_time in (10**6, 5):
            await extend_lease(store, job, lease_time)
            assert (await seen(store, "q", "j")).expires_at == clock.now() + lease_time

    async def test_a_job_that_came_back(self, store: QueueStore, clock: ManualClock) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", requeue_limit=5)
        await release_job(store, await take(store))
        assert await seen(store, "q", "j") == JobView(
            WAITING, 1, 5, now, position=0, earliest_at=now
        )
        await take(store, lease_time=10)
        clock.advance(10)
        await reclaim(store)
        assert await seen(store, "q", "j") == JobView(
            WAITING, 2, 4, now, position=0, earliest_at=now + 10
        )
        await release_job(store, await take(store), delay=90)
        at = now + 100
        delay = Hold(HoldKind.DELAY, at)
        assert await seen(store, "q", "j") == JobView(
            DELAYED, 3, 4, now, at=at, position=0, held_by=(delay,), earliest_at=at
        )

    async def test_the_error_of_the_latest_fail_stays_until_the_next_one(
        self, store: QueueStore
    ) -> None:
        async def last_error() -> str | None:
            return (await seen(store, "q", "j")).last_error

        await enqueue(store, "q", "j")
        assert await last_error() is None
        for error in ("no route", "", "\U0001f4a5\n\0" * 600, None, "again"):
            await fail_job(store, await take(store), error=error)
            assert await last_error() == error
            job = await take(store)
            assert await last_error() == error
            await release_job(store, job)
            assert await last_error() == error

    async def test_a_dead_letter(self, store: QueueStore, clock: ManualClock) -> None:
        now = clock.now()
        extras: dict[str, Any] = {"priority": 2, "cost": COST, "headers": HEADERS}
        await enqueue(store, "q", "j", requeue_limit=1, **extras)
        clock.advance(10)
        for error in ("first", "second"):
            await fail_job(store, await take(store), error=error)
        assert await seen(store, "q", "j") == JobView(
            DEAD, 2, 0, now, 2, last_error="second", cost=COST, headers=HEADERS
        )

    async def test_a_dead_letter_of_a_plain_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", requeue_limit=0)
        await let_expire(store, clock, dies=True)
        assert await seen(store, "q", "j") == JobView(DEAD, 1, 0, now)

    async def test_a_dead_letter_of_a_ttl_keeps_its_requeues(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", requeue_limit=4, ttl=10)
        clock.advance(10)
        await tend_all(store)
        assert await seen(store, "q", "j") == JobView(DEAD, 0, 4, now)

    async def test_the_newest_letter_is_told(self, store: QueueStore, clock: ManualClock) -> None:
        for error in ("first", "second"):
            clock.advance(10)
            await let_each_die(store, "q", "j", error=error)
        assert await seen(store, "q", "j") == JobView(DEAD, 1, -1, clock.now(), last_error="second")

    async def test_a_job_that_lives_comes_before_its_letters(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await enqueue(store, "q", "j", delay=100)
        assert await states(store, "j") == [(DELAYED, 0)]

    @pytest.mark.parametrize("payload", [b"", b"{}", b"\xc1\x00\xff" * 10_000])
    async def test_the_payload_is_told_to_those_who_ask(
        self, store: QueueStore, payload: bytes
    ) -> None:
        await enqueue(store, "q", "plain", "leased", "dead", payload=payload)
        await enqueue(store, "q", "delayed", payload=payload, delay=10, headers=HEADERS)
        await reschedule_job(store, "q", "leased", priority=8)
        await reschedule_job(store, "q", "dead", priority=9)
        await fail_job(store, await take(store), dead=True)
        await take(store)
        for job_id in ("plain", "leased", "dead", "delayed"):
            assert (await seen(store, "q", job_id)).payload is None
            assert (await seen(store, "q", job_id, payloads=True)).payload == payload

    async def test_what_is_not_there_is_not_found(self, store: QueueStore) -> None:
        await enqueue(store, "q", "finished", "cancelled", "cleared")
        await finish_job(store, await take(store))
        await cancel_job(store, "q", "cancelled")
        await clear(store, "q")
        names = [("q", "finished"), ("q", "cancelled"), ("q", "cleared"), ("q", "no"), ("no", "j")]
        refs = [JobRef(queue_id, job_id) for queue_id, job_id in names]
        assert await store.find(TYPE, refs) == [Absence.UNKNOWN] * 5
        assert await store.find("other", refs) == [Absence.UNKNOWN] * 5

    async def test_a_call_answers_in_the_order_of_its_items(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await enqueue(store, "p", "j")
        refs = [JobRef(*name) for name in (("q", "j3"), ("p", "j"), ("q", "no"), ("q", "j1"))]
        views = await store.find(TYPE, refs)
        positions = [view.position if isinstance(view, JobView) else view for view in views]
        assert positions == [2, 0, Absence.UNKNOWN, 0]

    async def test_finding_changes_nothing(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j1", "j2", requeue_limit=0, ttl=100)
        await enqueue(store, "q", "due", delay=10)
        await take(store, lease_time=10)
        clock.advance(100)
        before = await by_state(store, "q"), await counted(store, "q")
        for job_id in ("j1", "j2", "due", "no"):
            await store.find(TYPE, [JobRef("q", job_id)], payloads=True)
        assert (await by_state(store, "q"), await counted(store, "q")) == before
        assert await next_ready_at(store, queue_type="other") is None


class PositionConformance(Conformance):
    """A position counts the jobs of the queue that would go first if no time passed."""

    async def test_jobs_that_wait_stand_in_the_order_in_which_they_go(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "low1", "low2")
        await enqueue(store, "q", "high1", "high2", priority=5)
        [returned, *_] = await take_in_turn(store, 1)
        await enqueue(store, "q", "highest", priority=9)
        await release_job(store, returned)
        order = ["highest", "high1", "high2", "low1", "low2"]
        assert await states(store, *order) == [(WAITING, n) for n in range(5)]
        assert await job_order(store, 5) == order

    async def test_delayed_jobs_stand_behind_those_that_wait(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "q", "late", at=at + 1, priority=9)
        await enqueue(store, "q", "low1", "low2", at=at)
        await enqueue(store, "q", "high", at=at, priority=1)
        await enqueue(store, "q", "w1", "w2")
        assert await states(store, "w1", "w2") == [(WAITING, 0), (WAITING, 1)]
        delayed = ["high", "low1", "low2", "late"]
        assert await states(store, *delayed) == [(DELAYED, n) for n in range(2, 6)]

    async def test_leased_jobs_and_other_queues_do_not_count(self, store: QueueStore) -> None:
        await enqueue(store, "p", "j1", "j2", "j3")
        await enqueue(store, "q", "j1", "j2", "j3")
        assert {job.queue_id for job in await take_in_turn(store, 2)} == {"p", "q"}
        assert await states(store, "j1", "j2", "j3") == [(LEASED, None), (WAITING, 0), (WAITING, 1)]

    async def test_a_position_follows_from_each_change(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        assert await states(store, "j4") == [(WAITING, 3)]
        await take(store)
        assert await states(store, "j4") == [(WAITING, 2)]
        await cancel_job(store, "q", "j2")
        assert await states(store, "j4") == [(WAITING, 1)]
        await reschedule_job(store, "q", "j4", priority=1)
        assert await states(store, "j4", "j3") == [(WAITING, 0), (WAITING, 1)]
        await reschedule_job(store, "q", "j4", delay=100)
        assert await states(store, "j4", "j3") == [(DELAYED, 1), (WAITING, 0)]
        clock.advance(100)
        await tend_all(store)
        assert await states(store, "j4", "j3") == [(WAITING, 0), (WAITING, 1)]

    async def test_dead_and_leased_jobs_have_none(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await enqueue(store, "q", "leased")
        await take(store)
        assert await states(store, "dead", "leased") == [(DEAD, None), (LEASED, None)]
