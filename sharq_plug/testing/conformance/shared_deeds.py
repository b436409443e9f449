"""Whatever is done to queues that share limits: they stand in their rows, and all is counted."""

import pytest

from sharq_plug.model import Delivery, JobState
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.deeds import (
    Deed,
    a_dequeue,
    a_dequeue_that_ends_a_lease,
    a_dequeue_that_meets_an_end,
    a_release_at_the_end,
    an_expiry_that_kills,
    begin,
)
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import clear_states, queues, type_by_state
from sharq_plug.testing.conformance.operator_deeds import DEEDS, every_deed
from sharq_plug.testing.conformance.setting import CHANGED, patch, set_defaults
from sharq_plug.testing.conformance.shared_next_ready import overdue
from sharq_plug.testing.conformance.sharing import drop, find_limit, make, patch_limit
from sharq_plug.testing.conformance.vocabulary import take_batch

DELIVERIES = {
    a_dequeue,
    a_dequeue_that_ends_a_lease,
    a_dequeue_that_meets_an_end,
    a_release_at_the_end,
    an_expiry_that_kills,
}
"""Deeds that need an open limit."""
NAMES = ("new", "p", "q")

every_source = pytest.mark.parametrize("source", ["settings", "defaults"])
every_calm_deed = pytest.mark.parametrize(
    "deed", [deed for deed in DEEDS if deed not in DELIVERIES], ids=lambda deed: deed.__name__
)


async def begin_shared(store: QueueStore, clock: ManualClock, source: str) -> Delivery:
    """Give a type whose queues use "x" and "y" a job in every state; return the leased one."""
    await make(store, "xy")
    await use(store, source, ("x", "y"))
    return await begin(store, clock)


async def use(store: QueueStore, source: str, names: tuple[str, ...] | None) -> None:
    """Set, or take back, what all queues use."""
    if source == "defaults":
        await set_defaults(store, uses=names)
    else:
        for queue_id in NAMES:
            await patch(store, queue_id, uses=names)


class SharedDeedConformance(Conformance):
    """No verb takes a queue out of its row, and none forgets to count."""

    @every_deed
    @every_source
    async def test_leases_and_queues_are_counted_after_each_deed(
        self, store: QueueStore, clock: ManualClock, deed: Deed, source: str
    ) -> None:
        await deed(store, clock, await begin_shared(store, clock, source))
        await tend_all(store)
        views = (await queues(store)).values()
        placed = sum(view.waiting + view.delayed > 0 for view in views)
        _, _, leased, _ = await type_by_state(store)
        for name in ("x", "y"):
            view = await find_limit(store, name)
            assert (view.leased, view.queues) == (leased, placed)

    @every_deed
    @every_source
    async def test_what_is_ready_after_a_deed_goes_while_both_are_open(
        self, store: QueueStore, clock: ManualClock, deed: Deed, source: str
    ) -> None:
        await deed(store, clock, await begin_shared(store, clock, source))
        await tend_all(store)
        ready = await overdue(store)
        for name in ("x", "y"):
            await patch_limit(store, name, paused=True)
            assert await take_batch(store, 99) == []
            await patch_limit(store, name, paused=False)
        served = [job.queue_id for job in await take_batch(store, 99)]
        assert list(dict.fromkeys(served)) == ready

    @every_calm_deed
    @every_source
    async def test_no_deed_lets_a_job_go_behind_a_closed_limit(
        self, store: QueueStore, clock: ManualClock, deed: Deed, source: str
    ) -> None:
        job = await begin_shared(store, clock, source)
        await patch_limit(store, "y", paused=True)
        await deed(store, clock, job)
        await tend_all(store)
        assert await take_batch(store, 99) == []
        assert (await take_from(store, *NAMES)).jobs == ()
        await patch_limit(store, "y", paused=False)
        ready = await overdue(store)
        served = [job.queue_id for job in await take_batch(store, 99)]
        assert list(dict.fromkeys(served)) == ready

    @every_deed
    @every_source
    async def test_no_deed_keeps_a_shared_limit_from_being_dropped(
        self, store: QueueStore, clock: ManualClock, deed: Deed, source: str
    ) -> None:
        await deed(store, clock, await begin_shared(store, clock, source))
        await use(store, source, None)
        await clear_states(store, None, *JobState)
        assert [await drop(store, name) for name in ("x", "y")] == [CHANGED, CHANGED]
