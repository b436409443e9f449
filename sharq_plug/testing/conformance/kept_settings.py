"""Settings are kept until they are taken back, whatever happens to the jobs of the queue."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sharq_plug.model import (
    ALL_STATES,
    ChangeOutcome,
    Clear,
    JobState,
    Limit,
    QueueRules,
    QueueView,
    SetInterval,
    Settings,
    Totals,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import EACH_SECOND, goes_at, goes_freely
from sharq_plug.testing.conformance.operating import (
    DAY,
    clear_states,
    let_each_die,
    look_at_type,
    queues,
    totals,
    types,
)
from sharq_plug.testing.conformance.patching import FIELDS, LIMITS, taken_back
from sharq_plug.testing.conformance.setting import configure, patch, rules, set_limits
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    fail_job,
    finish_job,
    let_expire,
    listed,
    look,
    take,
)

Emptying = Callable[[QueueStore, ManualClock], Coroutine[Any, Any, object]]

SET = Settings(LIMITS, concurrency=4, weight=3, max_length=7)


async def a_finish(store: QueueStore, _clock: ManualClock) -> None:
    """Finish the only job of the queue."""
    await finish_job(store, await take(store))


async def a_death(store: QueueStore, _clock: ManualClock) -> None:
    """Let the only job of the queue die."""
    await fail_job(store, await take(store), dead=True)


async def an_expiry(store: QueueStore, clock: ManualClock) -> None:
    """Let the lease of the only job of the queue expire, which has no requeue left."""
    await let_expire(store, clock, dies=True)


async def a_clearing(store: QueueStore, _clock: ManualClock) -> None:
    """Clear the queue."""
    assert (await clear(store, "q")).waiting == 1


async def a_purge(store: QueueStore, _clock: ManualClock) -> None:
    """Purge the queue."""
    assert (await clear(store, "q", purge=True)).waiting == 1


async def a_purge_of_nothing(store: QueueStore, clock: ManualClock) -> None:
    """Purge the queue when it is gone."""
    await a_finish(store, clock)
    await clear(store, "q", purge=True)


async def a_clearing_of_one_state(store: QueueStore, _clock: ManualClock) -> None:
    """Clear the jobs of the queue that wait."""
    assert (await clear_states(store, "q", JobState.WAITING)).waiting == 1


async def a_clearing_of_the_type(store: QueueStore, _clock: ManualClock) -> None:
    """Purge the whole type."""
    await clear_all(store, TYPE, Clear(None, ALL_STATES, counts=True))


every_emptying = pytest.mark.parametrize(
    "emptying",
    [
        a_finish,
        a_death,
        an_expiry,
        a_clearing,
        a_purge,
        a_purge_of_nothing,
        a_clearing_of_one_state,
        a_clearing_of_the_type,
    ],
    ids=lambda emptying: emptying.__name__,
)


class KeptSettingsConformance(Conformance):
    """Settings stay until they are taken back, whether the queue exists or not."""

    @every_emptying
    async def test_settings_outlive(
        self, store: QueueStore, clock: ManualClock, emptying: Emptying
    ) -> None:
        await patch(store, limits=LIMITS, concurrency=4, weight=3, max_length=7)
        await enqueue(store, "q", "j", requeue_limit=0)
        await emptying(store, clock)
        assert (await rules(store)).settings == SET
        for _ in range(3):
            await tend_all(store)
            clock.advance(DAY)
        assert (await rules(store)).settings == SET
        assert (await rules(store)).in_effect == SET

    @every_emptying
    async def test_limits_hold_after(
        self, store: QueueStore, clock: ManualClock, emptying: Emptying
    ) -> None:
        await set_limits(store, Limit(1, 5000))
        await enqueue(store, "q", "j", requeue_limit=0)
        await emptying(store, clock)
        clock.advance(5000)
        await tend_all(store)
        start = clock.now()
        await enqueue(store, "q", "1", "2", "3")
        await goes_freely(store, 1)
        clock.advance(4999)
        assert (await look(store, "q")).next_ready_at == start + 5000

    async def test_settings_of_a_queue_that_never_was_hold_when_it_comes(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_limits(store, EACH_SECOND)
        await tend_all(store)
        await enqueue(store, "q", "1", "2", "3", interval=None)
        await goes_at(store, clock, 0, 1000)

    async def test_settings_do_not_make_a_queue_exist(self, store: QueueStore) -> None:
        await patch(store, limits=LIMITS, concurrency=4, weight=3, max_length=7)
        assert await listed(store) == set()
        assert await listed(store, None) == set()
        assert await queues(store) == {}
        assert await types(store) == {}
        assert await look(store, "q") == QueueView("q")
        assert (await look_at_type(store)).queues == 0
        assert await totals(store) == Totals()
        assert await configure(store, SetInterval("q", 5)) is ChangeOutcome.UNKNOWN

    async def test_settings_leave_a_type_to_be_forgotten(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch(store, weight=3)
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        for elapsed in (DAY - 1, 1):
            clock.advance(elapsed)
            await tend_all(store)
        assert await totals(store) == Totals()
        assert await listed(store, None) == set()
        assert (await rules(store)).settings == Settings(weight=3)

    async def test_settings_of_a_queue_with_dead_letters_only(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "dead")
        await set_limits(store, EACH_SECOND)
        assert (await queues(store)).keys() == {"q"}
        assert await clear_states(store, "q", JobState.DEAD)
        await tend_all(store)
        assert (await rules(store)).settings == Settings((EACH_SECOND,))
        await enqueue(store, "q", "1", "2", interval=None)
        await goes_at(store, clock, 0, 1000)

    @pytest.mark.parametrize("exists", [False, True])
    @pytest.mark.parametrize("sweeps", [False, True])
    async def test_settings_that_are_taken_back_leave_nothing(
        self, store: QueueStore, clock: ManualClock, *, exists: bool, sweeps: bool
    ) -> None:
        await patch(store, **FIELDS)
        if exists:
            await enqueue(store, "q", "j", interval=1000)
        await patch(store, **taken_back(*FIELDS))
        if exists:
            await finish_job(store, await take(store))
            clock.advance(1000)
        if sweeps:
            await tend_all(store)
        assert await rules(store) == QueueRules(in_effect=Settings(()))

    async def test_settings_of_many_queues_are_kept_while_tending_sweeps(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(30):
            await patch(store, f"q{n}", weight=1 + n)
            if n % 2:
                await enqueue(store, f"q{n}", "j", interval=10)
        for job in [await take(store) for _ in range(15)]:
            await finish_job(store, job)
        for _ in range(3):
            clock.advance(DAY)
            await tend_all(store, limit=3)
        for n in range(30):
            assert (await rules(store, f"q{n}")).settings == Settings(weight=1 + n)
        assert await listed(store) == set()
