"""Paused queues: what goes on in them, and what does not."""

import pytest

from sharq_plug.model import EnqueueOutcome, HoldKind, JobState, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import let_each_die, redrive
from sharq_plug.testing.conformance.setting import patch, rules, view_of
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    claim,
    clear,
    enqueue,
    enqueue_one,
    extend_lease,
    fail_job,
    finish_job,
    job_order,
    new_job,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)


class PauseConformance(Conformance):
    """No job of a paused queue goes to a worker; all else goes on."""

    async def test_a_paused_queue_gives_no_job_until_it_is_resumed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await patch(store, paused=True)
        clock.advance(10**9)
        assert await next_ready_at(store) is None
        await patch(store, paused=False)
        assert (await take(store)).job_id == "j"

    async def test_nor_to_those_who_name_it_or_want_all_from_one_queue(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await patch(store, paused=True)
        named = await take_from(store, "q")
        [together] = await store.dequeue(TYPE, [Take(2, LEASE_TIME, together=True)])
        assert named.jobs == together.jobs == ()
        assert named.next_ready_at is together.next_ready_at is None

    async def test_other_queues_go_on(self, store: QueueStore) -> None:
        for queue_id in ("q", "a", "b"):
            await enqueue(store, queue_id, "j1", "j2")
        await patch(store, paused=True)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b", "a", "b"]

    async def test_jobs_come_in_and_are_told_from_duplicates(self, store: QueueStore) -> None:
        await patch(store, paused=True)
        await enqueue(store, "q", "j1")
        await enqueue(store, "q", "j2", delay=100)
        assert await enqueue_one(store, new_job("q", "j1")) is EnqueueOutcome.DUPLICATE
        full = new_job("q", "j3", max_queued_length=2)
        assert await enqueue_one(store, full) is EnqueueOutcome.QUEUE_FULL
        assert await by_state(store, "q") == (1, 1, 0, 0)
        assert await take_batch(store, 9) == []

    async def test_leases_stand_and_end_as_ever(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "finished", "released", "failed", "dead", "extended")
        finished, released, failed, dead, extended = await take_in_turn(store, 5)
        await patch(store, paused=True)
        await finish_job(store, finished)
        await release_job(store, released)
        await fail_job(store, failed)
        await fail_job(store, dead, dead=True)
        await extend_lease(store, extended, 10)
        assert await by_state(store, "q") == (2, 0, 1, 1)
        clock.advance(10)
        assert (await reclaim(store)).requeued == 1
        assert await by_state(store, "q") == (3, 0, 0, 1)
        assert await take_batch(store, 9) == []
        await patch(store, paused=None)
        assert await job_order(store, 3) == ["released", "failed", "extended"]

    async def test_a_dequeue_ends_its_expired_leases_and_gives_none_of_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=10)
        await patch(store, paused=True)
        clock.advance(10)
        answer = await take_from(store, "q")
        assert (answer.jobs, len(answer.ended), answer.next_ready_at) == ((), 1, None)
        assert await by_state(store, "q") == (1, 0, 0, 0)

    async def test_a_delayed_job_falls_due_meanwhile(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", delay=100)
        await patch(store, paused=True)
        assert await next_ready_at(store) is None
        clock.advance(100)
        await tend_all(store)
        assert (await view_of(store, "j")).state is JobState.WAITING
        assert await next_ready_at(store) is None
        await patch(store, paused=False)
        assert (await take(store)).job_id == "j"

    async def test_a_ttl_ends_meanwhile(self, store: QueueStore, clock: ManualClock) -> None:
        await enqueue(store, "q", "j", ttl=100)
        await patch(store, paused=True)
        clock.advance(100)
        await tend_all(store)
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_dequeue_meets_no_ttl_that_has_ended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", ttl=100)
        await patch(store, paused=True)
        clock.advance(100)
        assert (await take_from(store, "q")).jobs == ()
        assert await by_state(store, "q") == (1, 0, 0, 0)
        await patch(store, paused=False)
        assert (await take_from(store, "q")).jobs == ()
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_redriven_letter_waits_in_it(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await patch(store, paused=True)
        await redrive(store, 1)
        assert await by_state(store, "q") == (1, 0, 0, 0)
        assert await take_batch(store, 1) == []
        await patch(store, paused=False)
        assert (await take(store)).job_id == "j"

    async def test_a_repeated_take_gets_the_leases_that_stand(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        [first] = (await take_from(store, "q", count=1, attempt_id="x")).jobs
        await patch(store, paused=True)
        answer = await take_from(store, "q", count=1, attempt_id="x")
        assert [claim(job) for job in answer.jobs] == [claim(first)]
        await finish_job(store, first)
        assert (await take_from(store, "q", count=1, attempt_id="x")).jobs == ()


class PausedConformance(Conformance):
    """A pause is a setting: it stays until it is taken back."""

    async def test_a_queue_is_paused_before_it_comes_into_being(self, store: QueueStore) -> None:
        await patch(store, paused=True)
        held = [hold.kind for hold in (await rules(store)).held_by]
        assert held == [HoldKind.PAUSED]
        await enqueue(store, "q", "j")
        assert await take_batch(store, 1) == []

    @pytest.mark.parametrize("purge", [False, True])
    async def test_it_stays_when_the_queue_is_cleared(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        await enqueue(store, "q", "j")
        await patch(store, paused=True)
        await clear(store, "q", purge=purge)
        clock.advance(10**9)
        await tend_all(store)
        await enqueue(store, "q", "j")
        assert await take_batch(store, 1) == []

    async def test_it_stays_when_the_last_job_goes(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await patch(store, paused=True)
        await finish_job(store, job)
        await enqueue(store, "q", "j")
        assert await take_batch(store, 1) == []

    @pytest.mark.parametrize("paused", [False, None])
    async def test_it_is_taken_back(self, store: QueueStore, *, paused: bool | None) -> None:
        await enqueue(store, "q", "j")
        for value in (True, paused):
            await patch(store, paused=value)
        assert not (await rules(store)).settings.paused
        assert (await take(store)).job_id == "j"
