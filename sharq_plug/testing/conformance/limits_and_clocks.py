"""Limits on a clock that steps back: what is owed stays, and holds from then on."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from sharq_plug.model import Cancel, Delivery, JobRef, Limit, Reschedule
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.clocks import STEP
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    spend,
    stock,
)
from sharq_plug.testing.conformance.operating import DONE, amend, let_each_die, redrive_job
from sharq_plug.testing.conformance.setting import (
    finish_with,
    patch,
    patch_type,
    rules,
    set_limits,
    type_rules,
)
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    fail_job,
    finish_job,
    queue_order,
    reclaim,
    release_job,
    take,
)

Verb = Callable[[QueueStore, Delivery], Awaitable[object]]

BURST: Final = Limit(1, 1000, 2)


async def a_patch_of_nothing(store: QueueStore, _job: Delivery) -> None:
    """Change no setting of the queue."""
    await patch(store)


async def another_setting(store: QueueStore, _job: Delivery) -> None:
    """Change a setting that holds nothing."""
    await patch(store, max_length=99)


async def an_enqueue(store: QueueStore, _job: Delivery) -> None:
    """Enqueue another job."""
    await enqueue(store, "q", "another")


async def a_release(store: QueueStore, job: Delivery) -> None:
    """Release a job of the queue."""
    await release_job(store, job)


async def a_fail(store: QueueStore, job: Delivery) -> None:
    """Fail a job of the queue."""
    await fail_job(store, job)


async def a_finish(store: QueueStore, job: Delivery) -> None:
    """Finish a job of the queue."""
    await finish_job(store, job)


async def a_correction(store: QueueStore, job: Delivery) -> None:
    """Finish a job of the queue that took what it paid."""
    await finish_with(store, job, job=1)


async def a_cancel(store: QueueStore, _job: Delivery) -> None:
    """Cancel a job that waits."""
    assert await amend(store, Cancel(JobRef("q", "9"))) is DONE


async def a_reschedule(store: QueueStore, _job: Delivery) -> None:
    """Give a job that waits another priority."""
    assert await amend(store, Reschedule(JobRef("q", "9"), priority=3)) is DONE


async def a_redrive(store: QueueStore, _job: Delivery) -> None:
    """Redrive a job that died."""
    await redrive_job(store, "q", "dead")


async def a_tend(store: QueueStore, _job: Delivery) -> None:
    """Tend."""
    await reclaim(store)


class LimitClockConformance(Conformance):
    """A clock that steps back hurries nothing, and holds nothing longer than its limits say."""

    @pytest.mark.parametrize(
        "verb",
        [
            a_patch_of_nothing,
            another_setting,
            an_enqueue,
            a_release,
            a_fail,
            a_finish,
            a_correction,
            a_cancel,
            a_reschedule,
            a_redrive,
            a_tend,
        ],
        ids=lambda verb: verb.__name__,
    )
    async def test_what_is_owed_counts_from_the_first_change_after_the_step(
        self, store: QueueStore, clock: ManualClock, verb: Verb
    ) -> None:
        await let_each_die(store, "q", "dead")
        await stock(store, BURST)
        await goes_freely(store, 1)
        job = await take(store, lease_time=10 * STEP)
        clock.step_back(STEP)
        clock.advance(300)
        await verb(store, job)
        await goes_at(store, clock, 300 - STEP + 1000, 300 - STEP + 2000)

    async def test_the_debts_of_all_limits_stay(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, Limit(1, 100, 10, "token"))
        await spend(store, 25, unit="token")
        clock.step_back(STEP)
        await reclaim(store)
        await goes_at(store, clock, 1600 - STEP, 2600 - STEP)

    @pytest.mark.parametrize("freeze", [None, 5000], ids=["never frozen", "frozen"])
    async def test_a_freeze_that_was_ended_stays_ended(
        self, store: QueueStore, clock: ManualClock, freeze: int | None
    ) -> None:
        await stock(store, EACH_SECOND)
        await patch(store, freeze=freeze)
        await patch_type(store, freeze=freeze, concurrency=9)
        await patch(store, freeze=0)
        await patch_type(store, freeze=0)
        clock.step_back(STEP)
        assert (await rules(store)).held_by == ()
        assert (await type_rules(store)).held_by == ()
        await reclaim(store)
        await goes_at(store, clock, -STEP)

    async def test_a_queue_whose_limits_allow_it_goes_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, BURST)
        await goes_freely(store, 1)
        clock.step_back(STEP)
        await reclaim(store)
        await goes_at(store, clock, -STEP, 1000 - STEP)

    async def test_a_queue_that_was_never_dequeued_goes_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        clock.step_back(STEP)
        await patch(store)
        await goes_at(store, clock, -STEP, 1000 - STEP)

    async def test_limits_that_change_then_count_from_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await spend(store, 3)
        clock.step_back(STEP)
        await set_limits(store, Limit(1, 500))
        await goes_at(store, clock, 1500 - STEP)

    async def test_limits_that_are_new_then_begin_with_one_unit_from_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        await goes_freely(store, 3)
        clock.step_back(STEP)
        await set_limits(store, EACH_SECOND)
        await goes_at(store, clock, 1000 - STEP)

    async def test_a_correction_is_made_of_what_is_owed_from_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, cost={"job": 5})
        job = await take(store, lease_time=10 * STEP)
        clock.step_back(STEP)
        await finish_with(store, job, job=2)
        await goes_at(store, clock, 2000 - STEP)

    async def test_what_an_empty_queue_owes_counts_from_its_next_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=0)
        await spend(store, 3)
        clock.step_back(STEP)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 3000 - STEP)

    async def test_an_empty_queue_that_loses_its_limits_then_owes_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND, jobs=0)
        await spend(store, 3)
        clock.step_back(STEP)
        await set_limits(store)
        await set_limits(store, Limit(1, 5000))
        await enqueue(store, "q", "1", "2")
        await goes_at(store, clock, -STEP, 5000 - STEP)

    async def test_a_settings_change_after_the_step_brings_the_queue_to_the_end_of_the_line(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store)
        await goes_freely(store, 1)
        clock.step_back(STEP)
        await enqueue(store, "p", "j")
        await patch(store)
        assert await queue_order(store, 3) == ["p", "q", "q"]

    async def test_two_steps_are_not_worse_than_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, BURST)
        await goes_freely(store, 2)
        for _ in range(2):
            clock.step_back(STEP)
            await reclaim(store)
        await goes_at(store, clock, 1000 - 2 * STEP, 2000 - 2 * STEP)

    async def test_a_place_that_the_limits_put_ahead_stays(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 10**6, 2))
        await goes_freely(store, 2)
        clock.advance(STEP)
        await stock(store, queue_id="p", jobs=1)
        clock.step_back(STEP - 1)
        await reclaim(store)
        await goes_at(store, clock, 1, 10**6)
