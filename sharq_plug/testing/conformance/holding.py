"""Several holds at once: the latest end decides, and each hold is shown."""

from itertools import permutations

import pytest

from sharq_plug.model import Hold, HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel_job
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_queues import (
    TIMED,
    begin,
    every_event,
    every_hold,
    every_timed_hold,
    free,
    hold,
    shown,
)
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import DAY, let_each_die
from sharq_plug.testing.conformance.setting import patch, rules, view_of
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    finish_job,
    look,
    take,
    take_batch,
    take_exactly_at,
)

every_pair = pytest.mark.parametrize(
    ("first", "second"), list(permutations(TIMED, 2)), ids=lambda kind: kind.value
)


class SeveralHoldsConformance(Conformance):
    """A queue is ready when the last of its holds has ended."""

    @every_pair
    async def test_the_latest_of_two_instants_counts(
        self, store: QueueStore, clock: ManualClock, first: HoldKind, second: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        await hold(store, first, duration=100)
        await hold(store, second, duration=200)
        assert (await look(store, "q")).next_ready_at == start + 200
        clock.advance(100)
        assert (await rules(store)).held_by == (shown(second, start + 200),)
        await take_exactly_at(store, clock, start + 200)

    @every_pair
    async def test_when_the_later_hold_is_taken_away_the_other_counts(
        self, store: QueueStore, clock: ManualClock, first: HoldKind, second: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        await hold(store, first, duration=100)
        await hold(store, second, duration=200)
        await free(store, second)
        await take_exactly_at(store, clock, start + 100)

    @every_event
    @every_timed_hold
    async def test_an_instant_does_not_free_what_waits_for_an_event(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind, event: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        await hold(store, kind, duration=100)
        await hold(store, event)
        clock.advance(500)
        assert await take_batch(store, 1) == []
        assert (await rules(store)).held_by == (shown(event, start),)
        await free(store, event)
        assert (await take(store)).job_id == "j"

    async def test_all_holds_are_there_together_and_end_one_by_one(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        for n, kind in enumerate(TIMED, 1):
            await hold(store, kind, duration=100 * n)
        await hold(store, HoldKind.PAUSED)
        await hold(store, HoldKind.CONCURRENCY)
        left = [
            *(shown(kind, start + 100 * n) for n, kind in enumerate(TIMED, 1)),
            Hold(HoldKind.CONCURRENCY),
            Hold(HoldKind.PAUSED),
        ]
        for n in range(4):
            assert (await rules(store)).held_by == tuple(left[n:])
            clock.advance(99)
            assert (await rules(store)).held_by == tuple(left[n:])
            clock.advance(1)
        await free(store, HoldKind.PAUSED)
        assert (await rules(store)).held_by == (Hold(HoldKind.CONCURRENCY),)
        assert await take_batch(store, 1) == []
        await free(store, HoldKind.CONCURRENCY)
        assert (await rules(store)).held_by == ()
        assert (await take(store)).job_id == "j"


class HeldByConformance(Conformance):
    """A look names the holds that stand, in their order."""

    @every_hold
    async def test_a_hold_is_shown_while_it_stands(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        assert (await rules(store)).held_by == ()
        await hold(store, kind, duration=100)
        assert (await rules(store)).held_by == (shown(kind, start + 100),)
        await free(store, kind)
        assert (await rules(store)).held_by == ()

    async def test_each_limit_that_holds_is_shown_with_its_unit_in_their_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        limits = (
            Limit(1, 500, unit="tokens"),
            Limit(2, 1000, 2),
            Limit(10, 1000, 100, "tokens"),
            Limit(1, 800),
        )
        await patch(store, limits=limits)
        await enqueue(store, "q", "j1", "j2", cost={"tokens": 3})
        await take_from(store, "q", count=1)
        tokens = Hold(HoldKind.LIMIT, start + 1500, "tokens")
        jobs = Hold(HoldKind.LIMIT, start + 800, "job")
        assert (await rules(store)).held_by == (tokens, jobs)
        clock.advance(800)
        assert (await rules(store)).held_by == (tokens,)
        await take_exactly_at(store, clock, start + 1500)

    async def test_an_interval_that_was_brought_is_a_limit_of_jobs(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", interval=700)
        await take(store)
        limit = Hold(HoldKind.LIMIT, clock.now() + 700, "job")
        assert (await rules(store)).held_by == (limit,)
        await cancel_job(store, "q", "j2")
        assert (await rules(store)).held_by == (limit,)

    async def test_a_queue_without_jobs_shows_what_it_owes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j", interval=700)
        await finish_job(store, await take(store))
        await patch(store, paused=True)
        await tend_all(store)
        debt = Hold(HoldKind.LIMIT, start + 700, "job")
        assert (await rules(store)).held_by == (debt, Hold(HoldKind.PAUSED))
        clock.advance(700)
        assert (await rules(store)).held_by == (Hold(HoldKind.PAUSED),)


class JobHeldByConformance(Conformance):
    """A job shows the holds of its queue, and its own delay."""

    @every_hold
    async def test_a_job_shows_the_hold_of_its_queue(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        await hold(store, kind, duration=100)
        assert (await view_of(store, "j")).held_by == (shown(kind, start + 100),)
        if kind in TIMED:
            clock.advance(100)
            assert (await view_of(store, "j")).held_by == ()

    async def test_its_own_delay_stands_in_the_place_of_that_of_its_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "leased")
        await take(store, lease_time=DAY)
        await enqueue(store, "q", "first", delay=100)
        await enqueue(store, "q", "second", delay=200)
        await patch(store, limits=(Limit(1, 400),), concurrency=1, paused=True, freeze=300)
        others = [
            Hold(HoldKind.LIMIT, start + 400, "job"),
            Hold(HoldKind.FROZEN, start + 300),
            Hold(HoldKind.CONCURRENCY),
            Hold(HoldKind.PAUSED),
        ]
        for job_id, at in (("first", start + 100), ("second", start + 200)):
            delay = Hold(HoldKind.DELAY, at)
            assert (await view_of(store, job_id)).held_by == (others[0], delay, *others[1:])

    async def test_a_job_that_waits_shows_no_delay_and_one_that_is_delayed_its_own(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "delayed", delay=100)
        await enqueue(store, "q", "waiting")
        assert (await view_of(store, "waiting")).held_by == ()
        assert (await view_of(store, "delayed")).held_by == (Hold(HoldKind.DELAY, start + 100),)
        assert (await rules(store)).held_by == ()
        clock.advance(100)
        assert (await view_of(store, "delayed")).held_by == ()

    async def test_leased_and_dead_jobs_show_none(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "dead")
        await enqueue(store, "q", "leased")
        await take(store)
        await patch(store, paused=True, freeze=1000, concurrency=1)
        for job_id in ("dead", "leased"):
            view = await view_of(store, job_id)
            assert (view.held_by, view.earliest_at) == ((), None)
