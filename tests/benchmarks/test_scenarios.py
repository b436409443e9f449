"""What the benchmarks do with a store, on every backend."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from sharq_plug.model import (
    NO_SETTINGS,
    Hold,
    HoldKind,
    LimitView,
    QueueRules,
    SharedLimits,
)
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.benchmarks import Scenario, Workload
from sharq_plug.testing.benchmarks.scenario import MIXED
from sharq_plug.testing.calls import list_all
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio

SMALL = Scenario(queues=4, jobs=8)


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[QueueStore]:
    name: str = request.param
    options = {"url": request.getfixturevalue("redis_url")} if name == "redis" else {}
    async with open_store(name, options) as store:
        yield store


async def contents(store: QueueStore) -> dict[str, tuple[int, int]]:
    """Return how many jobs wait, and how many are leased, in each queue."""
    names = await list_all(store, "benchmark", limit=100)
    queues = [await look_at_queue(store, "benchmark", name) for name in names]
    return {queue.queue_id: (queue.waiting, queue.leased) for queue in queues}


async def rules_of(store: QueueStore, queue_id: str) -> QueueRules:
    """Return what is set for a queue."""
    rules = (await store.look("benchmark", queue_id)).rules
    assert isinstance(rules, QueueRules)
    return rules


async def test_a_filled_queue_holds_enough_jobs_for_two_rounds(store: QueueStore) -> None:
    await Workload(store, SMALL).fill()
    assert await contents(store) == {f"queue-{number}": (4, 0) for number in range(4)}


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_a_round_dequeues_the_same_jobs_with_each_batch(
    store: QueueStore, batch: int
) -> None:
    work = Workload(store, SMALL)
    await work.fill()
    await work.dequeue(batch=batch)
    assert await contents(store) == {f"queue-{number}": (2, 2) for number in range(4)}


async def test_after_a_round_the_store_is_as_full_as_before(store: QueueStore) -> None:
    work = Workload(store, SMALL)
    await work.fill()
    before = await contents(store)
    await work.dequeue(batch=3)
    await work.restore()
    assert await contents(store) == before


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_a_cycle_leaves_nothing_behind(store: QueueStore, batch: int) -> None:
    await Workload(store, SMALL).cycle(batch=batch)
    assert await contents(store) == {}


async def test_queues_have_the_settings_in_turn_and_held_ones_are_paused(
    store: QueueStore,
) -> None:
    work = Workload(store, replace(SMALL, held=3, settings=MIXED))
    await work.fill()
    rules = [await rules_of(store, f"queue-{number}") for number in range(4)]
    assert [one.settings for one in rules] == [patch.applied_to(NO_SETTINGS) for patch in MIXED]
    held_by = [(await rules_of(store, f"held-{number}")).held_by for number in range(3)]
    assert held_by == [(Hold(HoldKind.PAUSED),)] * 3
    await work.dequeue(batch=3)
    held = [await look_at_queue(store, "benchmark", f"held-{number}") for number in range(3)]
    assert [(queue.waiting, queue.leased) for queue in held] == [(1, 0)] * 3


async def limits_of(store: QueueStore) -> list[LimitView]:
    """Return the shared limits."""
    page = await store.page("benchmark", SharedLimits(), limit=10)
    return [limit for limit in page.items if isinstance(limit, LimitView)]


async def test_queues_that_share_use_one_limit_each_in_turn(store: QueueStore) -> None:
    work = Workload(store, SMALL.sharing(3))
    await work.fill()
    assert [limit.queues for limit in await limits_of(store)] == [2, 1, 1]
    await work.dequeue(batch=3)
    assert [limit.leased for limit in await limits_of(store)] == [4, 2, 2]


async def test_queues_behind_a_closed_limit_wait(store: QueueStore) -> None:
    work = Workload(store, SMALL.beside_a_closed_limit(3))
    await work.fill()
    await work.dequeue(batch=3)
    [closed] = await limits_of(store)
    assert closed.rules.held_by == (Hold(HoldKind.PAUSED),)
    assert (closed.queues, closed.leased) == (3, 0)
