"""Totals and lengths of a type: what each verb adds to them."""

from sharq_plug.model import ALL_STATES, Totals
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.deeds import BEGUN, Deed, begin
from sharq_plug.testing.conformance.operating import (
    clear_states,
    look_at_type,
    redrive_range,
    totals,
    type_by_state,
)
from sharq_plug.testing.conformance.operator_deeds import DEEDS, every_deed
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    enqueue,
    finish_job,
    listed,
)

QUEUES = ("new", "p", "q")


def plus(one: Totals, other: Totals) -> Totals:
    """Return the sums of two totals."""
    names = Totals.__struct_fields__
    return Totals(*(getattr(one, name) + getattr(other, name) for name in names))


async def added_up(store: QueueStore) -> tuple[int, int, int, int]:
    """Return how many jobs of all queues together wait, are delayed, are leased, are dead."""
    of_each = [await by_state(store, queue_id) for queue_id in QUEUES]
    waiting, delayed, leased, dead = (sum(counts) for counts in zip(*of_each, strict=True))
    return waiting, delayed, leased, dead


class TotalsConformance(Conformance):
    """Totals count each thing that was done once."""

    async def test_an_unknown_type_has_totals_of_0(self, store: QueueStore) -> None:
        assert await totals(store) == Totals()

    @every_deed
    async def test_totals_count_what_was_done(
        self, store: QueueStore, clock: ManualClock, deed: Deed
    ) -> None:
        job = await begin(store, clock)
        assert await totals(store) == BEGUN
        await deed(store, clock, job)
        assert await totals(store) == plus(BEGUN, DEEDS[deed])

    @every_deed
    async def test_lengths_of_a_type_are_those_of_its_queues_together(
        self, store: QueueStore, clock: ManualClock, deed: Deed
    ) -> None:
        await deed(store, clock, await begin(store, clock))
        waiting, delayed, leased, dead = await type_by_state(store)
        of_queues = await added_up(store)
        assert (waiting + delayed, leased, dead) == (of_queues[0] + of_queues[1], *of_queues[2:])
        assert (await look_at_type(store)).queues == len(await listed(store))

    @every_deed
    async def test_after_tending_due_jobs_count_as_waiting(
        self, store: QueueStore, clock: ManualClock, deed: Deed
    ) -> None:
        await deed(store, clock, await begin(store, clock))
        await tend_all(store)
        assert await type_by_state(store) == await added_up(store)
        clock.advance(10**6)
        await tend_all(store)
        assert await type_by_state(store) == await added_up(store)

    async def test_calls_on_one_type_do_not_count_in_another(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", queue_type="other")
        await finish_job(store, await begin(store, clock))
        await redrive_range(store)
        await clear_states(store, None, *ALL_STATES)
        assert await totals(store, "other") == Totals(enqueued=1)
        assert await type_by_state(store, "other") == (1, 0, 0, 0)

    @every_deed
    async def test_all_lengths_are_0_after_a_clearing(
        self, store: QueueStore, clock: ManualClock, deed: Deed
    ) -> None:
        await deed(store, clock, await begin(store, clock))
        await clear_states(store, None, *ALL_STATES)
        assert await type_by_state(store) == (0, 0, 0, 0)
        of_all = await totals(store)
        assert of_all.enqueued + of_all.redriven == of_all.finished + of_all.dead + of_all.removed
        assert of_all.dead == of_all.redriven + of_all.discarded + of_all.aged_out
