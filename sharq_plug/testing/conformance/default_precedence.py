"""Precedence with a type's defaults, and what an enqueue is refused by."""

from typing import Any

import pytest

from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    EnqueueResult,
    Limit,
    SetInterval,
    Settings,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    stock,
)
from sharq_plug.testing.conformance.operating import let_each_die, redrive_job
from sharq_plug.testing.conformance.patching import FIELDS
from sharq_plug.testing.conformance.precedence import SLOW, in_effect
from sharq_plug.testing.conformance.setting import (
    configure,
    patch,
    rules,
    set_defaults,
    set_limits,
)
from sharq_plug.testing.conformance.type_defaults import DEFAULTS
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    enqueue,
    enqueue_one,
    new_job,
    offer,
    queue_order,
    take_batch,
)

QUEUED, FULL = EnqueueOutcome.QUEUED, EnqueueOutcome.QUEUE_FULL
NO_INTERVAL = EnqueueOutcome.NO_INTERVAL


class DefaultPrecedenceConformance(Conformance):
    """A queue's own settings go first, then the defaults, then a brought interval."""

    @pytest.mark.parametrize("own", DEFAULTS)
    async def test_each_field_goes_by_itself(self, store: QueueStore, own: str) -> None:
        defaults: dict[str, Any] = {
            "limits": (EACH_SECOND,),
            "concurrency": 9,
            "weight": 9,
            "max_length": 9,
        }
        await set_defaults(store, **defaults)
        await patch(store, **{own: FIELDS[own]})
        await enqueue(store, "q", "j", interval=5)
        assert (await rules(store)).in_effect == Settings(**defaults | {own: FIELDS[own]})

    async def test_own_limits_go_before_defaults(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(Limit(1, SLOW),))
        await stock(store, EACH_SECOND)
        await goes_at(store, clock, 0, 1000)
        await set_limits(store)
        await goes_freely(store, 3)

    async def test_no_limits_of_its_own_go_before_defaults(self, store: QueueStore) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await stock(store)
        await goes_freely(store, 5)

    @pytest.mark.parametrize("interval", [0, 5, SLOW])
    async def test_defaults_go_before_a_brought_interval(
        self, store: QueueStore, clock: ManualClock, interval: int
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2", "3", interval=interval)
        await goes_at(store, clock, 0, 1000)

    async def test_no_limits_by_defaults_go_before_a_brought_interval(
        self, store: QueueStore
    ) -> None:
        await set_defaults(store, limits=())
        await enqueue(store, "q", "1", "2", "3", interval=SLOW)
        await goes_freely(store, 3)

    async def test_defaults_without_limits_leave_the_brought_interval_in_effect(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, concurrency=3, weight=2, max_length=50)
        await enqueue(store, "q", "1", "2", "3", interval=1000)
        await goes_at(store, clock, 0, 1000)

    async def test_own_limits_that_are_taken_back_leave_the_defaults(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await stock(store, Limit(1, SLOW), interval=7)
        await goes_at(store, clock, 0)
        await patch(store, limits=None)
        assert await in_effect(store) == (EACH_SECOND,)
        await goes_at(store, clock, 1000)

    async def test_defaults_that_are_taken_back_leave_the_interval_that_was_brought_last(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", interval=SLOW)
        await enqueue(store, "q", "2", interval=7000)
        await enqueue(store, "q", "3", "4", interval=None)
        await goes_at(store, clock, 0)
        await set_defaults(store, limits=None)
        await patch(store)
        assert await in_effect(store) == (Limit(1, 7000),)
        await goes_at(store, clock, 7000)

    @pytest.mark.parametrize(
        "own", [{"limits": ()}, {"weight": 2}, {"max_length": 50}, {"paused": False}]
    )
    async def test_a_default_holds_beside_own_settings(
        self, store: QueueStore, own: dict[str, Any]
    ) -> None:
        await set_defaults(store, concurrency=1)
        await patch(store, **own)
        await enqueue(store, "q", "1", "2")
        assert [job.job_id for job in await take_batch(store, 9)] == ["1"]

    async def test_default_limits_hold_beside_own_settings(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,), weight=3)
        await patch(store, concurrency=5, max_length=50)
        await enqueue(store, "q", "1", "2", "3")
        await goes_at(store, clock, 0, 1000)

    async def test_a_default_weight_holds_beside_own_settings(self, store: QueueStore) -> None:
        await set_defaults(store, weight=2)
        await patch(store, limits=(), concurrency=9)
        for queue_id in ("q", "p"):
            await enqueue(store, queue_id, "1", "2", "3")
        assert await queue_order(store, 6) == ["q", "q", "p", "p", "q", "p"]

    async def test_a_queue_is_paused_whatever_the_defaults(self, store: QueueStore) -> None:
        await set_defaults(store, limits=(), concurrency=5)
        await patch(store, paused=True)
        await enqueue(store, "q", "1")
        assert await take_batch(store, 9) == []
        await patch(store, paused=None)
        assert len(await take_batch(store, 9)) == 1


class PresentDefaultsConformance(Conformance):
    """Whether an enqueue or an interval is refused depends on the defaults as they are now."""

    @pytest.mark.parametrize("limits", [(), (EACH_SECOND,)])
    async def test_an_interval_may_be_left_out_where_defaults_have_limits(
        self, store: QueueStore, limits: tuple[Limit, ...]
    ) -> None:
        await set_defaults(store, limits=limits)
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is QUEUED
        assert await in_effect(store) == limits

    async def test_it_may_be_left_out_before_the_queue_has_taken_them_up(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "1", interval=5)
        await set_defaults(store, limits=())
        assert await enqueue_one(store, new_job("q", "2", interval=None)) is QUEUED
        assert not (await rules(store)).pending

    async def test_it_may_not_be_left_out_once_they_are_taken_back(self, store: QueueStore) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", interval=None)
        await set_defaults(store, limits=None, weight=2)
        assert await enqueue_one(store, new_job("q", "2", interval=None)) is NO_INTERVAL
        assert (await rules(store)).pending
        assert await in_effect(store) == (EACH_SECOND,)

    async def test_defaults_without_limits_do_not_do(self, store: QueueStore) -> None:
        await set_defaults(store, concurrency=3, weight=2, max_length=9)
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is NO_INTERVAL

    async def test_defaults_of_another_type_do_not_do(self, store: QueueStore) -> None:
        await set_defaults(store, limits=(), queue_type="other")
        assert await enqueue_one(store, new_job("q", "j", interval=None)) is NO_INTERVAL

    @pytest.mark.parametrize("limits", [(), (EACH_SECOND,)])
    async def test_no_interval_is_brought_where_defaults_have_limits(
        self, store: QueueStore, limits: tuple[Limit, ...]
    ) -> None:
        await set_defaults(store, limits=limits)
        assert await configure(store, SetInterval("q", 5)) is ChangeOutcome.UNKNOWN
        await enqueue(store, "q", "j", interval=3000)
        assert await configure(store, SetInterval("q", 5)) is ChangeOutcome.LIMITS_SET
        await set_defaults(store, limits=None)
        await patch(store)
        assert await in_effect(store) == (Limit(1, 3000),)

    async def test_an_interval_is_refused_before_the_queue_has_taken_them_up(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "1", interval=3000)
        await set_defaults(store, limits=())
        assert await configure(store, SetInterval("q", 5)) is ChangeOutcome.LIMITS_SET
        assert (await rules(store)).pending
        assert await in_effect(store) == (Limit(1, 3000),)

    async def test_an_interval_is_brought_once_they_are_taken_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(Limit(1, SLOW),))
        await enqueue(store, "q", "1", "2")
        await goes_at(store, clock, 0)
        await set_defaults(store, limits=None)
        assert await change_interval(store, TYPE, "q", 1000)
        assert not (await rules(store)).pending
        await goes_at(store, clock, 1000)

    async def test_a_max_length_by_default_refuses_at_once(self, store: QueueStore) -> None:
        await enqueue(store, "q", "1", "2")
        await set_defaults(store, max_length=2)
        assert await offer(store, new_job("q", "3", interval=9)) == EnqueueResult(FULL, 2)
        found = await rules(store)
        assert (found.pending, found.in_effect) == (True, Settings(()))
        await set_defaults(store, max_length=3)
        await enqueue(store, "q", "3")
        assert await enqueue_one(store, new_job("q", "4")) is FULL
        await set_defaults(store, max_length=None)
        await enqueue(store, "q", "4")

    async def test_a_max_length_by_default_bounds_new_queues(self, store: QueueStore) -> None:
        await set_defaults(store, max_length=1)
        for queue_id in ("q", "p"):
            await enqueue(store, queue_id, "1")
            assert await enqueue_one(store, new_job(queue_id, "2")) is FULL

    @pytest.mark.parametrize(("own", "default", "fits"), [(1, 2, 1), (2, 1, 2), (0, 5, 0)])
    async def test_a_max_length_of_its_own_goes_before_the_default(
        self, store: QueueStore, own: int, default: int, fits: int
    ) -> None:
        await set_defaults(store, max_length=default)
        await patch(store, max_length=own)
        await enqueue(store, "q", *map(str, range(fits)))
        assert await offer(store, new_job("q", "more")) == EnqueueResult(FULL, fits)
        job = new_job("q", "more", max_queued_length=0)
        assert await offer(store, job) == EnqueueResult(FULL, fits)

    async def test_a_redriven_job_is_not_refused_by_a_default(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await set_defaults(store, max_length=0)
        await redrive_job(store, "q", "dead")
        assert await by_state(store, "q") == (1, 0, 0, 0)
        assert not (await rules(store)).pending

    async def test_a_refused_enqueue_leaves_no_debt_to_new_limits(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, max_length=2)
        await enqueue(store, "q", "1", "2", interval=1000)
        await goes_at(store, clock, 0)
        await enqueue(store, "q", "3", interval=1000)
        await set_defaults(store, limits=(Limit(1, SLOW),))
        move_to(clock, 500)
        assert await enqueue_one(store, new_job("q", "no", interval=0)) is FULL
        assert await in_effect(store) == (EACH_SECOND,)
