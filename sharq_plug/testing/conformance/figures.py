"""What a monitor reads: how many jobs and queues there are, how late they are, and totals."""

from sharq_plug.model import Figures, HoldKind, KnownTypes, LeaseOutcome, Limit, Totals, TypeFigures
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.closed_gates import (
    begin_type,
    close_gate,
    every_gate_hold,
    opening,
)
from sharq_plug.testing.conformance.filling import fill
from sharq_plug.testing.conformance.operating import HOUR, let_each_die, look_at_type, totals
from sharq_plug.testing.conformance.setting import patch, patch_type
from sharq_plug.testing.conformance.sharing import (
    begin_limit,
    close_limit,
    every_limit_hold,
    open_limit,
    patch_limit,
    tell,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    enqueue,
    finish,
    finish_job,
    take,
)

DAY = 24 * HOUR


async def figures(store: QueueStore, *names: str) -> list[TypeFigures]:
    """Return what a monitor reads of types."""
    found: list[TypeFigures] = await items_of(store, None, Figures(names))
    return found


async def known(store: QueueStore, *, limit: int = 100) -> set[str]:
    """Return the known types."""
    return {*await items_of(store, None, KnownTypes(), limit=limit)}


class FiguresConformance(Conformance):
    """Figures are what looks show, for many types at once."""

    async def test_figures_are_what_a_look_shows(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "a", "b")
        await let_each_die(store, "q", "j", queue_type="letters")
        clock.advance(70)
        for name, found in zip(
            (TYPE, "letters"), await figures(store, TYPE, "letters"), strict=True
        ):
            view = await look_at_type(store, name)
            since = clock.now() if view.ready_since is None else view.ready_since
            assert found == TypeFigures(
                name,
                waiting=view.waiting,
                leased=view.leased,
                dead=view.dead,
                delayed=view.delayed,
                queues=view.queues,
                ready_queues=view.ready_queues,
                overdue=clock.now() - since,
                totals=await totals(store, name),
            )

    async def test_figures_come_in_the_order_in_which_they_were_asked_for(
        self, store: QueueStore
    ) -> None:
        names = [f"t{number}" for number in range(300)]
        for name in names[::7]:
            await enqueue(store, "q", "j", queue_type=name)
        asked = names[::-1]
        found = await figures(store, *asked)
        assert [each.queue_type for each in found] == asked
        assert {each.queue_type for each in found if each.waiting} == {*names[::7]}

    async def test_of_an_unknown_type_all_is_zero(self, store: QueueStore) -> None:
        assert await figures(store, "no") == [TypeFigures("no")]

    async def test_overdue_is_how_long_the_first_queue_has_been_ready(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", interval=1000)
        clock.advance(300)
        await enqueue(store, "b", "j")
        clock.advance(40)
        [found] = await figures(store, TYPE)
        assert (found.ready_queues, found.overdue) == (2, 340)
        await finish_job(store, await take(store))
        [found] = await figures(store, TYPE)
        assert (found.ready_queues, found.overdue) == (1, 40)

    async def test_a_backlog_that_is_only_throttled_is_not_overdue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", interval=HOUR)
        await take(store)
        clock.advance(HOUR - 1)
        [found] = await figures(store, TYPE)
        assert (found.waiting, found.ready_queues, found.overdue) == (2, 0, 0)
        clock.advance(8)
        [found] = await figures(store, TYPE)
        assert (found.ready_queues, found.overdue) == (1, 7)

    @every_gate_hold
    async def test_no_queue_is_ready_while_the_gate_is_closed(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_type(store)
        clock.advance(50)
        [before] = await figures(store, TYPE)
        assert (before.ready_queues, before.overdue > 0) == (1, True)
        await close_gate(store, kind)
        [found] = await figures(store, TYPE)
        assert (found.ready_queues, found.overdue) == (0, 0)
        assert (found.waiting, found.leased, found.queues) == (1, 1, 1)
        await patch_type(store, **opening(kind))
        [found] = await figures(store, TYPE)
        assert found == before

    async def test_queues_behind_shared_limits_are_ready_while_these_are_open(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, "open")
        await patch_limit(store, "shut", paused=True)
        for queue_id, uses in (("a", ("open",)), ("b", ("open", "shut")), ("c", ("shut",))):
            await patch(store, queue_id, uses=uses)
            await enqueue(store, queue_id, "j")
        await enqueue(store, "plain", "j")
        clock.advance(25)
        [found] = await figures(store, TYPE)
        assert (found.waiting, found.ready_queues, found.overdue) == (4, 2, 25)
        await patch_limit(store, "shut", paused=False)
        [found] = await figures(store, TYPE)
        assert (found.ready_queues, found.overdue) == (4, 25)
        await patch_type(store, limits=(Limit(1, HOUR),))
        await take(store)
        [found] = await figures(store, TYPE)
        assert (found.ready_queues, found.overdue) == (0, 0)

    @every_limit_hold
    async def test_no_queue_is_ready_behind_a_shared_limit_that_is_closed(
        self, store: QueueStore, clock: ManualClock, kind: HoldKind
    ) -> None:
        await begin_limit(store)
        clock.advance(50)
        [before] = await figures(store, TYPE)
        assert (before.ready_queues, before.overdue > 0) == (1, True)
        await close_limit(store, kind)
        [found] = await figures(store, TYPE)
        assert (found.waiting, found.ready_queues, found.overdue) == (1, 0, 0)
        await open_limit(store, kind)
        assert await figures(store, TYPE) == [before]

    async def test_no_queue_is_ready_while_nothing_is_left_of_a_unit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await begin_limit(store)
        await tell(store, clock, 1, 300)
        assert (await figures(store, TYPE))[0].ready_queues == 1
        await tell(store, clock, 0, 300)
        assert (await figures(store, TYPE))[0].ready_queues == 0
        clock.advance(299)
        assert (await figures(store, TYPE))[0].ready_queues == 0
        clock.advance(1)
        assert (await figures(store, TYPE))[0].ready_queues == 1

    async def test_queues_with_and_without_shared_limits_are_counted_together(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for name in "xyz":
            await patch_limit(store, name)
        uses = ("x",), ("x", "y"), ("y", "z"), ("z",), (), ("x",), ("x", "z")
        for number, names in enumerate(uses):
            if names:
                await patch(store, f"q{number}", uses=names)
            await enqueue(store, f"q{number}", "j")
            clock.advance(10)
        for closed in ("", "x", "y", "z", "xy", "yz", "xyz"):
            for name in "xyz":
                await patch_limit(store, name, paused=name in closed)
            ready = [at for at, names in enumerate(uses) if not {*names} & {*closed}]
            [found] = await figures(store, TYPE)
            assert found.ready_queues == len(ready), closed
            assert found.overdue == 10 * (len(uses) - ready[0]), closed


class KnownTypeConformance(Conformance):
    """A type is known until its totals are forgotten, so that a counter does not begin anew."""

    async def test_a_type_stays_known_for_a_day_after_its_last_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await let_each_die(store, "q", "j", queue_type="letters")
        await finish_job(store, await take(store))
        await tend_all(store, limit=100)
        clock.advance(DAY - 1)
        await tend_all(store, limit=100)
        assert await known(store) == {TYPE, "letters"}
        [found] = await figures(store, TYPE)
        assert found == TypeFigures(TYPE, totals=Totals(enqueued=1, dequeued=1, finished=1))
        clock.advance(1)
        await tend_all(store, limit=100)
        assert await known(store) == {"letters"}
        assert await figures(store, TYPE) == [TypeFigures(TYPE)]

    async def test_known_types_come_page_by_page(self, store: QueueStore) -> None:
        names = {f"t{number}" for number in range(40)}
        for name in names:
            await enqueue(store, "q", "j", queue_type=name)
        for name in sorted(names)[:20]:
            job = await take(store, queue_type=name)
            assert await finish(store, claim(job), queue_type=name) is LeaseOutcome.ENDED
        for limit in (1, 7, 1000):
            assert await known(store, limit=limit) == names
