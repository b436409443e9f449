"""How long totals are kept: for a day after the last queue and the last letter are gone."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from sharq_plug.model import ALL_STATES, LeaseOutcome, Retention, Totals
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel, cancel_job
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.deeds import BEGUN, begin
from sharq_plug.testing.conformance.operating import (
    DAY,
    UNKNOWN,
    clear_states,
    discard,
    discard_range,
    let_each_die,
    numbers,
    redrive,
    totals,
    type_by_state,
    types,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    clear,
    enqueue,
    enqueue_one,
    fail_job,
    finish,
    finish_job,
    new_job,
    next_ready_at,
    take,
)

End = Callable[[QueueStore], Awaitable[None]]


async def a_finish(store: QueueStore) -> None:
    """Finish the last job."""
    await finish_job(store, await take(store))


async def a_cancel(store: QueueStore) -> None:
    """Cancel the last job."""
    await cancel_job(store, "q", "last")


async def a_cancel_of_a_letter(store: QueueStore) -> None:
    """Let the last job die, and cancel it."""
    await fail_job(store, await take(store), dead=True)
    await cancel_job(store, "q", "last")


async def a_clearing(store: QueueStore) -> None:
    """Clear the last queue."""
    await clear(store, "q")


async def a_purge(store: QueueStore) -> None:
    """Purge the last queue, which has a letter too."""
    await fail_job(store, await take(store), dead=True)
    await enqueue(store, "q", "beside")
    await clear(store, "q", purge=True)


async def a_clearing_of_the_type(store: QueueStore) -> None:
    """Clear the type."""
    await clear_states(store, None, *ALL_STATES)


async def a_discard(store: QueueStore) -> None:
    """Let the last job die, and discard it."""
    await fail_job(store, await take(store), dead=True)
    [number] = await numbers(store)
    await discard(store, number)


async def a_discard_of_all(store: QueueStore) -> None:
    """Let the last job die, and discard all letters."""
    await fail_job(store, await take(store), dead=True)
    await discard_range(store)


async def a_retention(store: QueueStore) -> None:
    """Let the last job die, and keep no letters."""
    await fail_job(store, await take(store), dead=True)
    await tend_all(store, retention=Retention(max_count=0))


ENDS: Final[list[End]] = [
    a_finish,
    a_cancel,
    a_cancel_of_a_letter,
    a_clearing,
    a_purge,
    a_clearing_of_the_type,
    a_discard,
    a_discard_of_all,
    a_retention,
]
every_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
tended_or_not = pytest.mark.parametrize("tended", [False, True], ids=["untended", "tended"])


class KeptTotalsConformance(Conformance):
    """A type without queues and letters is forgotten after a day, to the ms."""

    @every_end
    @tended_or_not
    async def test_totals_are_kept_for_a_day(
        self, store: QueueStore, clock: ManualClock, end: End, *, tended: bool
    ) -> None:
        await enqueue(store, "q", "last")
        clock.advance(1000)
        await end(store)
        before = await totals(store)
        assert before.enqueued >= 1
        for span, expected in ((DAY // 2, before), (DAY // 2 - 1, before), (1, Totals())):
            clock.advance(span)
            if tended:
                await tend_all(store)
            assert await totals(store) == expected

    @every_end
    @tended_or_not
    async def test_a_type_that_was_forgotten_begins_anew(
        self, store: QueueStore, clock: ManualClock, end: End, *, tended: bool
    ) -> None:
        await let_each_die(store, "q", "dead", "dead2")
        await discard(store, 1, 2)
        await enqueue(store, "q", "last")
        await end(store)
        clock.advance(DAY)
        if tended:
            await tend_all(store)
        job = await begin(store, clock)
        assert await totals(store) == BEGUN
        assert await numbers(store) == [1]
        await finish_job(store, job)
        waiting, delayed, leased, dead = await type_by_state(store)
        assert (waiting + delayed, leased, dead) == (6, 0, 1)

    @every_end
    async def test_a_type_that_comes_back_in_time_goes_on_counting(
        self, store: QueueStore, clock: ManualClock, end: End
    ) -> None:
        await enqueue(store, "q", "last")
        await end(store)
        before = await totals(store)
        clock.advance(DAY - 1)
        await enqueue(store, "p", "new")
        clock.advance(10)
        assert (await totals(store)).enqueued == before.enqueued + 1
        await finish_job(store, await take(store))
        clock.advance(DAY - 1)
        await tend_all(store)
        assert (await totals(store)).finished == before.finished + 1
        clock.advance(1)
        assert await totals(store) == Totals()

    async def test_a_letter_keeps_the_totals_and_the_numbers(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j1", "j2")
        for _ in range(5):
            clock.advance(5 * DAY)
            await tend_all(store)
        assert (await totals(store)).dead == 2
        await redrive(store, 1)
        await fail_job(store, await take(store), dead=True)
        assert await numbers(store) == [2, 3]

    async def test_a_type_ends_when_its_last_letter_is_dropped(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        clock.advance(30 * DAY)
        await tend_all(store)
        assert await types(store) == {}
        clock.advance(DAY - 1)
        await tend_all(store)
        assert await totals(store) == Totals(1, 1, failed=1, dead=1, aged_out=1)
        clock.advance(1)
        assert await totals(store) == Totals()

    @pytest.mark.parametrize("state", ["waiting", "delayed", "leased"])
    async def test_a_job_that_lives_keeps_the_totals(
        self, store: QueueStore, clock: ManualClock, state: str
    ) -> None:
        await enqueue(store, "q", "j", delay=10 * DAY if state == "delayed" else 0)
        if state == "leased":
            await take(store, lease_time=10 * DAY)
        for _ in range(5):
            clock.advance(DAY)
            await tend_all(store)
        assert (await totals(store)).enqueued == 1

    async def test_other_queues_of_the_type_keep_the_totals(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "last")
        await enqueue(store, "p", "stays")
        await clear(store, "q")
        clock.advance(DAY)
        await tend_all(store)
        assert await totals(store) == Totals(enqueued=2, removed=1)

    async def test_calls_that_create_nothing_do_not_keep_totals(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await finish_job(store, job)
        clock.advance(DAY - 1)
        assert await next_ready_at(store) is None
        assert await finish(store, claim(job)) is LeaseOutcome.UNKNOWN
        assert await cancel(store, "q", "j") is UNKNOWN
        await enqueue_one(store, new_job("q", "no", max_queued_length=0))
        await clear_states(store, None, *ALL_STATES)
        await tend_all(store)
        clock.advance(1)
        assert await totals(store) == Totals()

    async def test_each_type_is_forgotten_at_its_own_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        names = [f"type{n}" for n in range(20)]
        for name in names:
            await enqueue(store, "q", "j", queue_type=name)
            await clear(store, "q", queue_type=name)
            clock.advance(1)
        clock.advance(DAY - 10)
        await tend_type(store, TYPE, limit=5)
        kept = [name for name in names if await totals(store, name) != Totals()]
        assert kept == names[11:]

    async def test_a_type_that_is_gone_for_long_and_comes_back_is_tended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for _ in range(3):
            await let_each_die(store, "q", "dead")
            await tend_all(store, retention=Retention(max_count=0))
            assert await by_state(store, "q") == (0, 0, 0, 0)
            clock.advance(2 * DAY)
