"""Tending lets queues take up changed defaults by their places in line, so many in a call."""

import pytest

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all, tend_type
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    stock,
)
from sharq_plug.testing.conformance.setting import patch, rules, set_defaults
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    enqueue_in_each,
    finish_job,
    next_ready_at,
    queue_order,
    release_job,
    take,
    take_batch,
)
from sharq_plug.testing.conformance.watching import Wakes

SLOW = Limit(1, 60_000)
NAMES = [f"q{n}" for n in (5, 2, 7, 1, 8, 3, 6, 4, 9, 0)]


async def pending(store: QueueStore) -> list[str]:
    """Return the queues that have not taken up the defaults yet."""
    return [name for name in NAMES if (await rules(store, name)).pending]


class TendedDefaultsConformance(Conformance):
    """Each call of `tend` lets up to `limit` queues take up changed defaults."""

    @pytest.mark.parametrize("limit", [1, 3, 9])
    async def test_queues_take_up_defaults_in_the_order_of_their_places(
        self, store: QueueStore, limit: int
    ) -> None:
        await enqueue_in_each(store, NAMES)
        await tend_all(store)
        await set_defaults(store, weight=2)
        assert (await tend_type(store, TYPE, limit=limit)).more
        assert await pending(store) == NAMES[limit:]
        await tend_all(store, limit=limit)
        assert await pending(store) == []

    async def test_held_queues_take_them_up_by_when_they_go(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(SLOW,))
        for name in NAMES:
            await enqueue(store, name, "1", "2")
            await finish_job(store, await take(store))
            clock.advance(1)
        await set_defaults(store, limits=(EACH_SECOND,))
        assert (await tend_type(store, TYPE, limit=4)).more
        assert await pending(store) == NAMES[4:]

    async def test_queues_that_only_an_event_frees_take_them_up_too(
        self, store: QueueStore
    ) -> None:
        for name in NAMES:
            await patch(store, name, paused=True)
            await enqueue(store, name, "j")
        await set_defaults(store, weight=2)
        await tend_all(store, limit=3)
        assert await pending(store) == []

    async def test_queues_of_delayed_jobs_take_them_up_too(self, store: QueueStore) -> None:
        for name in NAMES:
            await enqueue(store, name, "j", delay=10**6)
        await set_defaults(store, weight=2)
        await tend_all(store, limit=3)
        assert await pending(store) == []

    async def test_a_queue_that_has_no_place_does_not(self, store: QueueStore) -> None:
        await enqueue(store, NAMES[0], "leased")
        job = await take(store)
        await set_defaults(store, weight=2)
        await tend_all(store)
        assert await pending(store) == NAMES[:1]
        await release_job(store, job)
        assert await pending(store) == []

    async def test_queues_that_have_taken_them_up_keep_their_places(
        self, store: QueueStore
    ) -> None:
        await enqueue_in_each(store, NAMES)
        await set_defaults(store, weight=2)
        await tend_all(store, limit=3)
        assert await queue_order(store, len(NAMES)) == NAMES

    async def test_defaults_that_change_while_they_are_taken_up_reach_all(
        self, store: QueueStore
    ) -> None:
        await enqueue_in_each(store, NAMES)
        await set_defaults(store, weight=2)
        await store.tend(limit=4)
        await set_defaults(store, weight=3)
        assert await pending(store) == NAMES
        await tend_all(store, limit=4)
        assert await pending(store) == []
        assert (await rules(store, NAMES[0])).in_effect.weight == 3

    async def test_queues_that_are_new_meanwhile_have_taken_them_up(
        self, store: QueueStore
    ) -> None:
        await enqueue_in_each(store, NAMES[:5])
        await set_defaults(store, weight=2)
        await store.tend(limit=2)
        await enqueue_in_each(store, NAMES[5:])
        assert await pending(store) == NAMES[2:5]
        await tend_all(store, limit=2)
        assert await pending(store) == []

    async def test_each_type_has_its_own_limit(self, store: QueueStore) -> None:
        for queue_type in (TYPE, "other"):
            for name in NAMES[:3]:
                await enqueue(store, name, "j", queue_type=queue_type)
            await set_defaults(store, weight=2, queue_type=queue_type)
        await tend_all(store, limit=1)
        for queue_type in (TYPE, "other"):
            for name in NAMES[:3]:
                assert not (await rules(store, name, queue_type=queue_type)).pending

    async def test_many_queues_take_them_up(self, store: QueueStore) -> None:
        names = [f"n{n}" for n in range(1500)]
        await enqueue_in_each(store, names)
        await set_defaults(store, weight=2)
        await tend_all(store)
        for name in names[::100]:
            found = await rules(store, name)
            assert (found.pending, found.in_effect.weight) == (False, 2)
        assert await queue_order(store, 5) == names[:5]

    async def test_a_queue_that_is_loosened_goes_once_it_has_taken_them_up(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(SLOW,))
        await enqueue(store, "q", "1", "2", "3")
        await goes_at(store, clock, 0)
        move_to(clock, 5000)
        await set_defaults(store, limits=(EACH_SECOND,))
        assert await next_ready_at(store) == clock.now() + 55_000
        await tend_all(store)
        await goes_at(store, clock, 5000, 6000)

    async def test_queues_that_are_freed_go_in_the_order_in_which_they_took_them_up(
        self, store: QueueStore
    ) -> None:
        await set_defaults(store, limits=(SLOW,))
        for name in NAMES:
            await enqueue(store, name, "1", "2")
        await goes_freely(store, len(NAMES))
        await set_defaults(store, limits=())
        await tend_all(store, limit=3)
        assert await queue_order(store, len(NAMES)) == NAMES

    async def test_a_queue_that_is_tightened_waits_for_its_new_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "1", "2", "3")
        await goes_at(store, clock, 0)
        await set_defaults(store, limits=(Limit(1, 7000),))
        await tend_all(store)
        await goes_at(store, clock, 7000)

    async def test_watchers_hear_of_queues_that_are_freed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(SLOW,))
        await stock(store, SLOW, queue_id="held")
        await enqueue(store, "q", "1", "2")
        await take_batch(store, 9)
        await set_defaults(store, limits=(Limit(1, 5000),))
        wakes = Wakes()
        async with store.watching(TYPE, wakes):
            move_to(clock, 2000)
            await tend_all(store)
            await wakes.hear(3000)
            await set_defaults(store, limits=())
            await tend_all(store)
            await wakes.hear(0)

    async def test_a_type_that_never_had_defaults_says_no_more(self, store: QueueStore) -> None:
        await enqueue_in_each(store, NAMES)
        assert not (await store.tend(limit=3)).more
        await set_defaults(store)
        assert not (await store.tend(limit=3)).more
