"""Listings of types and queues: those that exist, and those that have only letters."""

import pytest

from sharq_plug.model import Backlogs, Overdue, QueueView
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.filling import fill
from sharq_plug.testing.conformance.isolating import NAMES
from sharq_plug.testing.conformance.operating import (
    let_each_die,
    look_at_type,
    queues,
    redrive_range,
    types,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    enqueue_in_each,
    finish_job,
    listed,
    look,
    queue_order,
    take,
    take_in_turn,
)


async def overdue(store: QueueStore, *, limit: int = 100) -> list[QueueView]:
    """List the queues that may be dequeued."""
    return await items_of(store, TYPE, Overdue(), limit=limit)


async def backlogs(store: QueueStore) -> dict[str, QueueView]:
    """List what waits in each queue."""
    views: list[QueueView] = await items_of(store, TYPE, Backlogs())
    return {view.queue_id: view for view in views}


class TypeListingConformance(Conformance):
    """Types are listed while they have a queue or a letter."""

    async def test_each_type_is_listed_as_a_look_shows_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "a", "b")
        await let_each_die(store, "q", "j", queue_type="letters")
        await enqueue(store, "q", "j", delay=1000, queue_type="other")
        found = await types(store)
        assert set(found) == {TYPE, "letters", "other"}
        assert found == {name: await look_at_type(store, name) for name in found}

    async def test_a_type_with_only_letters_is_listed_but_not_among_names(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "j")
        assert set(await types(store)) == {TYPE}
        assert await listed(store, None) == set()

    async def test_a_type_whose_totals_are_kept_is_not_listed(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", interval=1000)
        await finish_job(store, await take(store))
        assert await types(store) == {}


class QueueListingConformance(Conformance):
    """Queues are listed while they have a job or a letter."""

    async def test_each_queue_is_listed_as_a_look_shows_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "a", "b")
        await enqueue(store, "throttled", "j1", "j2", interval=10**6)
        await take_in_turn(store, 7)
        await enqueue(store, "later", "j", delay=1000)
        await enqueue(store, "a", "j", queue_type="other")
        found = await queues(store)
        assert set(found) == {"a", "b", "throttled", "later"}
        assert found == {name: await look(store, name) for name in found}

    async def test_a_queue_with_only_letters_is_listed_until_they_are_gone(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", "j1", "j2")
        assert await queues(store) == {"q": QueueView("q", dead=2)}
        assert await listed(store) == set()
        await redrive_range(store, limit=1)
        assert set(await queues(store)) == await listed(store) == {"q"}
        await clear(store, "q", purge=True)
        assert await queues(store) == {}

    async def test_a_queue_whose_rate_is_unpaid_is_not_listed(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", interval=10**6)
        await finish_job(store, await take(store))
        assert await queues(store) == {}

    async def test_thousands_of_queues_are_listed(self, store: QueueStore) -> None:
        expected = {f"q{n}" for n in range(2500)}
        await enqueue_in_each(store, expected)
        assert set(await queues(store)) == expected
        assert set(await queues(store, "q12", limit=7)) == {
            name for name in expected if name.startswith("q12")
        }


class PrefixConformance(Conformance):
    """With a prefix, only queues whose ids begin with it are listed."""

    @pytest.mark.parametrize("prefix", ["a", "a.", "a-", ".", "..", "+", "x" * 99, "x" * 100, "z"])
    @pytest.mark.parametrize("limit", [1, 7, 1000])
    async def test_queues_that_begin_with_the_prefix_are_listed(
        self, store: QueueStore, prefix: str, limit: int
    ) -> None:
        await enqueue_in_each(store, NAMES)
        expected = {name for name in NAMES if name.startswith(prefix)}
        assert set(await queues(store, prefix, limit=limit)) == expected

    async def test_queues_with_only_letters_are_listed_by_prefix(self, store: QueueStore) -> None:
        await let_each_die(store, "ab", "j")
        await let_each_die(store, "ba", "j")
        assert set(await queues(store, "a")) == {"ab"}


class OverdueConformance(Conformance):
    """The queues that may be dequeued are listed in the order of the line."""

    async def test_the_queue_that_is_ready_for_longest_comes_first(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("c", "a", "d", "b"):
            await enqueue(store, queue_id, "j")
            clock.advance(100 if queue_id == "a" else 0)
        order = [view.queue_id for view in await overdue(store)]
        assert order == ["c", "a", "d", "b"] == await queue_order(store, 4)

    async def test_each_is_listed_as_a_look_shows_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await fill(store, clock, "a", "b")
        for view in await overdue(store):
            assert view == await look(store, view.queue_id)

    async def test_held_queues_are_listed_when_their_time_comes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "letters", "j")
        await enqueue(store, "throttled", "j1", "j2", interval=1000)
        await enqueue(store, "leased", "j")
        await take_in_turn(store, 2, lease_time=10**6)
        await enqueue(store, "delayed", "j", delay=500)
        for span, expected in ((499, []), (1, ["delayed"]), (500, ["delayed", "throttled"])):
            clock.advance(span)
            assert [view.queue_id for view in await overdue(store)] == expected

    async def test_a_served_queue_goes_to_the_end(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        await take(store)
        assert [view.queue_id for view in await overdue(store)] == ["b", "c", "a"]

    async def test_a_type_without_queues_has_none(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", queue_type="other")
        assert await overdue(store) == []


class BacklogConformance(Conformance):
    """The backlog of each queue that exists is listed."""

    async def test_each_backlog_says_how_many_jobs_wait(self, store: QueueStore) -> None:
        await let_each_die(store, "letters", "j")
        await enqueue(store, "leased", "j")
        await take(store)
        await enqueue(store, "long", *(f"j{n}" for n in range(30)))
        await enqueue(store, "short", "j", interval=10**6)
        await enqueue(store, "delayed", "j", delay=1000)
        expected = {"leased": 0, "long": 30, "short": 1, "delayed": 0}
        assert await backlogs(store) == {
            name: QueueView(name, waiting=waiting) for name, waiting in expected.items()
        }

    async def test_due_jobs_count_whether_they_have_joined_or_not(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", delay=10)
        await enqueue(store, "q", "later", delay=20)
        clock.advance(10)
        for _ in range(2):
            assert await backlogs(store) == {"q": QueueView("q", waiting=2)}
            await tend_all(store)

    async def test_a_listing_of_all_queues_of_an_unknown_type_is_empty(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", queue_type="other")
        assert await backlogs(store) == await queues(store) == {}
