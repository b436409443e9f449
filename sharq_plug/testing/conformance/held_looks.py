"""Looks and listings of held queues: what is shown while a queue may not be dequeued."""

from sharq_plug.model import (
    Backlogs,
    HoldKind,
    JobState,
    Overdue,
    QueueView,
    TypeView,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, items_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.held_queues import (
    TIMED,
    begin,
    every_event,
    every_hold,
    every_timed_hold,
    free,
    hold,
)
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import (
    DAY,
    ids_in,
    look_at_type,
    queues,
    types,
)
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    enqueue,
    listed,
    look,
)


class HeldLookConformance(Conformance):
    """A held queue is shown with its jobs; it is not ready, and tells when it can be."""

    @every_timed_hold
    async def test_a_timed_hold_tells_when_it_ends(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        end = clock.now() + 100
        await begin(store, "q")
        await hold(store, kind, duration=100)
        view = await look(store, "q")
        assert (view.ready_since, view.next_ready_at) == (None, end)
        assert (view.waiting + view.delayed, view.leased) == (1, 1)
        clock.advance(150)
        view = await look(store, "q")
        assert (view.ready_since, view.next_ready_at) == (end, end + 50)

    async def test_a_look_at_a_full_queue_tells_when_its_first_lease_expires(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await begin(store, "q")
        await hold(store, HoldKind.CONCURRENCY)
        assert await look(store, "q") == QueueView("q", 1, 1, next_ready_at=start + DAY)
        clock.advance(DAY + 5)
        assert await look(store, "q") == QueueView("q", 1, 1, next_ready_at=clock.now())

    async def test_a_look_at_a_paused_queue_foresees_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await begin(store, "q")
        await hold(store, HoldKind.PAUSED)
        assert await look(store, "q") == QueueView("q", 1, 1)
        clock.advance(DAY)
        assert await look(store, "q") == QueueView("q", 1, 1)

    @every_hold
    async def test_a_look_foresees_what_a_dequeue_would(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind, duration=100)
        for elapsed in (0, 99, 1):
            clock.advance(elapsed)
            view = await look(store, "q")
            answer = await take_from(store, "q", count=1)
            if view.ready_since is None:
                assert (answer.jobs, answer.next_ready_at) == ((), view.next_ready_at)
            else:
                assert [job.job_id for job in answer.jobs] == ["j"]

    @every_hold
    async def test_a_type_counts_only_the_queues_that_are_ready(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        start = clock.now()
        await begin(store, "held")
        await hold(store, kind, "held")
        clock.advance(5)
        await enqueue(store, "ready", "j")
        view = await look_at_type(store)
        assert (view.queues, view.ready_queues) == (2, 1)
        assert (view.ready_since, view.next_ready_at) == (start + 5, start + 5)
        assert (view.waiting + view.delayed, view.leased) == (2, 1)
        assert (await types(store))[TYPE] == view
        await free(store, kind, "held")
        assert (await look_at_type(store)).ready_queues == 2

    async def test_a_type_whose_queues_are_all_paused_foresees_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await patch(store, queue_id, paused=True)
            await enqueue(store, queue_id, "j")
        assert await look_at_type(store) == TypeView(TYPE, 2, queues=2)
        clock.advance(DAY)
        assert await look_at_type(store) == TypeView(TYPE, 2, queues=2)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        assert (answer.jobs, answer.next_ready_at) == ((), None)

    @every_event
    async def test_a_type_foresees_its_other_queues(
        self, store: QueueStore, clock: ManualClock, event: HoldKind
    ) -> None:
        await begin(store, "held")
        await hold(store, event, "held")
        await enqueue(store, "later", "j", delay=700)
        view = await look_at_type(store)
        assert (view.ready_queues, view.next_ready_at) == (0, clock.now() + 700)


class HeldListingConformance(Conformance):
    """Held queues are listed as others are, but are not overdue."""

    @every_hold
    async def test_a_held_queue_is_listed_by_its_name_and_its_backlog(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin(store, "held", "ready")
        await hold(store, kind, "held")
        assert await listed(store) == {"held", "ready"}
        backlogs = await items_of(store, TYPE, Backlogs())
        waits = kind is not HoldKind.DELAY
        assert {view.queue_id: view.waiting for view in backlogs} == {"held": waits, "ready": 1}
        for queue_id, view in (await queues(store)).items():
            assert view == await look(store, queue_id)

    @every_hold
    async def test_it_is_not_overdue_until_it_is_ready(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin(store, "held", "ready")
        await hold(store, kind, "held", duration=100)
        assert await overdue(store) == ["ready"]
        if kind in TIMED:
            clock.advance(100)
        else:
            await free(store, kind, "held")
        assert await overdue(store) == ["ready", "held"]

    async def test_pages_pass_over_what_is_held(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        names = [f"q{n:02}" for n in range(40)]
        await begin(store, *names)
        for n, queue_id in enumerate(names):
            if n % 3:
                await hold(store, [HoldKind.PAUSED, HoldKind.FROZEN][n % 2], queue_id)
        clock.advance(10)
        for limit in (1, 2, 7, 100):
            assert await overdue(store, limit=limit) == names[::3]
            assert set(await queues(store, limit=limit)) == set(names)

    @every_hold
    async def test_its_jobs_are_listed_in_their_order(
        self, store: QueueStore, kind: HoldKind
    ) -> None:
        await begin(store, "q")
        await hold(store, kind)
        await enqueue(store, "q", "low")
        await enqueue(store, "q", "high", priority=5)
        waiting = [*["j"] * (kind is not HoldKind.DELAY), "low"]
        assert await ids_in(store, "q", JobState.WAITING) == ["high", *waiting]
        assert await ids_in(store, "q", JobState.LEASED) == ["leased"]


async def overdue(store: QueueStore, *, limit: int = 100) -> list[str]:
    """Return the queues that may be dequeued, in the order of the line."""
    views = await items_of(store, TYPE, Overdue(), limit=limit)
    return [view.queue_id for view in views]
