"""Taking up: which steps let a queue take up its type's changed defaults, and which do not."""

from typing import Final

import pytest

from sharq_plug.model import (
    Clear,
    Delivery,
    EnqueueOutcome,
    Limit,
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
    spend,
    stock,
)
from sharq_plug.testing.conformance.operating import (
    let_each_die,
)
from sharq_plug.testing.conformance.setting import (
    finish_with,
    patch,
    rules,
    set_defaults,
    type_rules,
)
from sharq_plug.testing.conformance.steps import CHANGES, OTHERS, Step
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    new_job,
    take,
)

BEFORE: Final = Limit(1, 60_000)
AFTER: Final = Limit(1, 50_000)


class TakingUpConformance(Conformance):
    """A step that changes a queue lets it take up the defaults; others leave them pending."""

    async def begin(self, store: QueueStore) -> Delivery:
        """Give queue "q" a leased job, two that wait and a dead one; change what it took up."""
        await let_each_die(store, "q", "dead")
        await set_defaults(store, limits=(BEFORE,))
        await enqueue(store, "q", "leased", "waiting", "spare", interval=None)
        job = await take(store)
        await set_defaults(store, limits=(AFTER,))
        assert (await type_rules(store)).defaults.limits == (AFTER,)
        found = await rules(store)
        assert (found.pending, found.in_effect.limits) == (True, (BEFORE,))
        return job

    @pytest.mark.parametrize(
        "step",
        CHANGES,
        ids=lambda step: step.__name__,
    )
    async def test_changed_defaults_are_taken_up_by(
        self, store: QueueStore, clock: ManualClock, step: Step
    ) -> None:
        job = await self.begin(store)
        await step(store, clock, job)
        found = await rules(store)
        assert (found.pending, found.in_effect.limits) == (False, (AFTER,))

    @pytest.mark.parametrize(
        "step",
        OTHERS,
        ids=lambda step: step.__name__,
    )
    async def test_changed_defaults_are_not_taken_up_by(
        self, store: QueueStore, clock: ManualClock, step: Step
    ) -> None:
        job = await self.begin(store)
        await step(store, clock, job)
        found = await rules(store)
        assert (found.pending, found.in_effect.limits) == (True, (BEFORE,))
        await patch(store)
        await goes_at(store, clock, 50_000)


class TakingUpOrderConformance(Conformance):
    """A queue takes up the defaults before the step does anything else to it."""

    async def test_a_correction_goes_by_the_defaults_as_they_are(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2", interval=None)
        job = await take(store)
        await set_defaults(store, limits=(Limit(1, 2000),))
        move_to(clock, 400)
        await finish_with(store, job, job=2)
        await goes_at(store, clock, 4000)

    async def test_a_correction_counts_for_limits_that_are_new(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "1", "2")
        job = await take(store)
        await set_defaults(store, limits=(EACH_SECOND,))
        move_to(clock, 400)
        await finish_with(store, job, job=3)
        await goes_at(store, clock, 3000)

    async def test_a_delivery_goes_by_the_defaults_as_they_are(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, jobs=5)
        await patch(store, limits=None)
        await goes_freely(store, 1)
        move_to(clock, 400)
        await set_defaults(store, limits=(Limit(1, 1000, 2),))
        await goes_at(store, clock, 400, 1000)

    @pytest.mark.parametrize("by_enqueue", [False, True])
    async def test_an_interval_that_is_brought_meets_the_defaults_as_they_are(
        self, store: QueueStore, clock: ManualClock, *, by_enqueue: bool
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2", "3")
        await spend(store, 5)
        await set_defaults(store, limits=None)
        if by_enqueue:
            await enqueue(store, "q", "brings", interval=700)
        else:
            assert await change_interval(store, TYPE, "q", 700)
        await goes_at(store, clock, 700)

    async def test_own_limits_meet_the_defaults_as_they_are(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2", interval=None)
        await spend(store, 5)
        await set_defaults(store, limits=())
        await patch(store, limits=(Limit(1, 700),))
        await goes_at(store, clock, 700)

    async def test_each_item_of_a_call_sees_what_was_taken_up(self, store: QueueStore) -> None:
        await enqueue(store, "q", "1")
        await set_defaults(store, limits=())
        jobs = [new_job("q", "2", interval=None), new_job("q", "1", interval=None)]
        outcomes = [result.outcome for result in await store.enqueue(TYPE, jobs)]
        assert outcomes == [EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE]
        assert (await rules(store)).in_effect.limits == ()

    async def test_a_clearing_of_the_whole_queue_leaves_nothing_pending(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "1")
        await set_defaults(store, limits=())
        assert (await clear(store, "q")).waiting == 1
        assert not (await rules(store)).pending
        await store.clear(TYPE, Clear(None), limit=100)
