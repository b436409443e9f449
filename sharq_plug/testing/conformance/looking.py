"""Looks: what there is in a queue or a type, and when a job of it can go."""

from sharq_plug.model import (
    Deduplicate,
    JobState,
    QueueRules,
    QueueView,
    Settings,
    Totals,
    TypeRules,
    TypeView,
    View,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, counts_of, dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.deeds import Deed, begin
from sharq_plug.testing.conformance.filling import fill
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import (
    clear_states,
    jobs_in,
    let_each_die,
    letters,
    look_at_type,
    queues,
    redrive,
    totals,
    types,
)
from sharq_plug.testing.conformance.operator_deeds import every_deed
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    enqueue,
    finish_job,
    look,
    take,
    take_in_turn,
)


class QueueLookConformance(Conformance):
    """A look at a queue shows its lengths by state, its place and when it can go."""

    async def test_an_unknown_queue_is_shown_with_zeros(self, store: QueueStore) -> None:
        view = await store.look(TYPE, "q")
        rules = QueueRules(in_effect=Settings(limits=()))
        assert view == View(view.counts, queue=QueueView("q"), rules=rules)

    async def test_lengths_are_shown_by_state(self, store: QueueStore, clock: ManualClock) -> None:
        await fill(store, clock, "q")
        view = await look(store, "q")
        assert (view.waiting, view.delayed, view.leased, view.dead) == (3, 4, 2, 1)
        assert not view.is_broken

    async def test_a_queue_that_may_be_dequeued_tells_since_when(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j")
        clock.advance(700)
        assert await look(store, "q") == QueueView(
            "q", 1, ready_since=start, next_ready_at=start + 700
        )

    async def test_a_served_queue_is_ready_since_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        clock.advance(700)
        await finish_job(store, await take(store))
        served = clock.now()
        clock.advance(5)
        assert (await look(store, "q")).ready_since == served

    async def test_a_throttled_queue_tells_when_its_rate_allows(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await finish_job(store, await take(store))
        clock.advance(999)
        assert await look(store, "q") == QueueView("q", 1, next_ready_at=start + 1000)
        clock.advance(1)
        ready = QueueView("q", 1, ready_since=start + 1000, next_ready_at=start + 1000)
        assert await look(store, "q") == ready

    async def test_a_delayed_job_tells_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 500
        await enqueue(store, "q", "j", at=at)
        assert await look(store, "q") == QueueView("q", delayed=1, next_ready_at=at)
        clock.advance(600)
        due = QueueView("q", waiting=1, ready_since=at, next_ready_at=at + 100)
        assert await look(store, "q") == due

    async def test_a_lease_tells_its_end(self, store: QueueStore, clock: ManualClock) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2")
        await take_in_turn(store, 2, lease_time=300)
        assert await look(store, "q") == QueueView("q", leased=2, next_ready_at=start + 300)
        clock.advance(400)
        assert await look(store, "q") == QueueView("q", leased=2, next_ready_at=clock.now())

    async def test_the_earlier_of_a_rate_and_a_lease_is_told(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=500)
        await take(store, lease_time=400)
        assert (await look(store, "q")).next_ready_at == start + 400
        assert await change_interval(store, TYPE, "q", 300)
        assert (await look(store, "q")).next_ready_at == start + 300

    async def test_nothing_is_foreseen_for_a_queue_with_only_letters(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "j1", "j2")
        assert await look(store, "q") == QueueView("q", dead=2)

    async def test_nothing_is_foreseen_for_an_unpaid_rate_alone(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", interval=1000)
        await finish_job(store, await take(store))
        assert await look(store, "q") == QueueView("q")

    @every_deed
    async def test_a_look_at_a_queue_foresees_what_a_dequeue_would(
        self, store: QueueStore, clock: ManualClock, deed: Deed
    ) -> None:
        await deed(store, clock, await begin(store, clock))
        for queue_id in ("new", "p", "q"):
            view = await look(store, queue_id)
            answer = await take_from(store, queue_id, count=1)
            if view.ready_since is None:
                assert (answer.jobs, answer.next_ready_at) == ((), view.next_ready_at)
            else:
                assert view.ready_since <= clock.now() == view.next_ready_at
                assert len(answer.jobs) == 1


class TypeLookConformance(Conformance):
    """A look at a type shows the sums over its queues, and when the first can go."""

    async def test_an_unknown_type_is_shown_with_zeros(self, store: QueueStore) -> None:
        view = await store.look(TYPE)
        unknown = View(view.counts, type=TypeView(TYPE), totals=Totals(), rules=TypeRules())
        assert view == unknown

    async def test_a_look_at_everything_shows_only_minute_counts(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "q")
        assert await store.look() == View(await counts_of(store))

    async def test_queues_that_exist_and_those_that_are_ready_are_counted(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await let_each_die(store, "letters", "j")
        await enqueue(store, "throttled", "j1", "j2", interval=1000)
        await enqueue(store, "leased", "j")
        await take_in_turn(store, 2)
        await enqueue(store, "delayed", "j", delay=2000)
        await enqueue(store, "ready", "j")
        assert await look_at_type(store) == TypeView(
            *(TYPE, 2, 2, 1, 1),
            queues=4,
            ready_queues=1,
            ready_since=start,
            next_ready_at=start,
        )
        clock.advance(1000)
        assert (await look_at_type(store)).ready_queues == 2
        clock.advance(1000)
        assert (await look_at_type(store)).ready_queues == 3

    async def test_ready_since_is_that_of_the_first_queue_in_line(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, "j")
            clock.advance(100)
        assert (await look_at_type(store)).ready_since == start
        await finish_job(store, await take(store))
        assert (await look_at_type(store)).ready_since == start + 100
        await finish_job(store, await take(store))
        assert await look_at_type(store) == TypeView(TYPE)

    async def test_the_first_queue_that_can_be_ready_is_foreseen(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "throttled", "j1", "j2", interval=1000)
        await take(store, lease_time=3000)
        await enqueue(store, "delayed", "j", delay=2000)
        view = await look_at_type(store)
        assert (view.ready_since, view.next_ready_at) == (None, start + 1000)
        await clear_states(store, "throttled", JobState.WAITING)
        assert (await look_at_type(store)).next_ready_at == start + 2000
        await clear_states(store, "delayed", JobState.DELAYED)
        assert (await look_at_type(store)).next_ready_at == start + 3000
        clock.advance(4000)
        assert (await look_at_type(store)).next_ready_at == clock.now()

    async def test_a_type_with_only_letters_has_no_queue(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        assert await look_at_type(store) == TypeView(TYPE, dead=2)
        await redrive(store, 1)
        view = await look_at_type(store)
        assert (view.queues, view.waiting, view.dead) == (1, 1, 1)

    @every_deed
    async def test_a_look_at_a_type_foresees_what_a_dequeue_would(
        self, store: QueueStore, clock: ManualClock, deed: Deed
    ) -> None:
        await deed(store, clock, await begin(store, clock))
        view = await look_at_type(store)
        answer = await dequeue_for_one(store, TYPE, count=1, lease_time=LEASE_TIME)
        if view.ready_queues:
            assert view.next_ready_at == clock.now()
            assert len(answer.jobs) == 1
        else:
            assert (answer.jobs, answer.next_ready_at) == ((), view.next_ready_at)

    async def test_looking_and_listing_change_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "a", "b")
        await enqueue(store, "keyed", "j", deduplicate=Deduplicate("k", 5), ttl=5)
        clock.advance(LEASE_TIME + 5)
        before = await look_at_type(store), await look(store, "a"), await totals(store)
        for state in JobState:
            await jobs_in(store, "a", state, with_payloads=True)
        await types(store)
        await queues(store)
        await letters(store)
        after = await look_at_type(store), await look(store, "a"), await totals(store)
        assert after == before
