"""Callers whose time is up: none goes empty while jobs are ready, and none is kept for long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

from service import asked
from service.asked import LONG, QUIET, AskedStore, Waiter, turn
from sharq_plug.model import Dequeued, Take
from sharq_plug.service import QueueService
from sharq_plug.store import Wake
from support.hurried import HURRIED

pytestmark = pytest.mark.anyio

waiter = partial(asked.waiter, wait=1)


@pytest.fixture
def anyio_backend() -> object:
    return HURRIED


async def time_passes() -> None:
    """Let the time of all who wait for a millisecond be up."""
    await asyncio.sleep(0.01)


async def jobs_of(waiting: list[Waiter]) -> list[list[str]]:
    async with asyncio.timeout(4):
        return [[job.job_id for job in (await one).jobs] for one in waiting]


async def test_nobody_goes_empty_while_there_are_jobs_for_all() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(*(f"j{number}" for number in range(700)))
        store.go_on.clear()
        waiting = [waiter(service) for _ in range(600)]
        await time_passes()
        store.go_on.set()
        assert await jobs_of(waiting) == [[f"j{number}"] for number in range(600)]
        assert len(store.asked) <= 6


async def test_who_joins_while_the_store_is_asked_for_others_is_asked_for_too() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(*(f"j{number}" for number in range(3)))
        store.go_on.clear()
        first = waiter(service, wait=LONG)
        await store.entered.wait()
        later = [waiter(service), waiter(service)]
        await time_passes()
        store.go_on.set()
        assert await jobs_of([first, *later]) == [["j0"], ["j1"], ["j2"]]


async def test_those_who_ask_for_more_than_goes_together_are_asked_for_in_turn() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(*(f"j{number}" for number in range(500)))
        store.go_on.clear()
        waiting = [waiter(service, count=count) for count in (1, 200, 1, 200, 98)]
        await time_passes()
        store.go_on.set()
        assert [len(jobs) for jobs in await jobs_of(waiting)] == [1, 200, 1, 200, 98]


async def test_who_waits_behind_an_attempt_is_asked_for_too() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        attempt = waiter(service, wait=LONG, attempt_id="a")
        await turn()
        store.go_on.clear()
        store.entered.clear()
        await store.put("j0", "j1", "j2")
        await store.entered.wait()
        behind = [waiter(service), waiter(service)]
        await time_passes()
        store.go_on.set()
        assert await jobs_of([attempt, *behind]) == [["j0"], ["j1"], ["j2"]]


async def test_a_batch_that_its_bytes_have_ended_leaves_nobody_empty() -> None:
    class ThreeAtMost(AskedStore):
        async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
            served = await super().dequeue(queue_type, takes[:3])
            now = served[0].now
            return [*served, *[Dequeued((), now=now, next_ready_at=now) for _ in takes[3:]]]

    store = ThreeAtMost()
    async with QueueService(store, QUIET) as service:
        await store.put(*(f"j{number}" for number in range(10)))
        store.go_on.clear()
        waiting = [waiter(service) for _ in range(10)]
        await time_passes()
        store.go_on.set()
        assert sorted(await jobs_of(waiting)) == [[f"j{number}"] for number in range(10)]


class DeafStore(AskedStore):
    """Hears of no job."""

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        yield


async def test_a_wake_up_that_is_late_makes_nobody_go_empty() -> None:
    store = DeafStore()
    async with QueueService(store, QUIET) as service:
        first = waiter(service, wait=LONG)
        await turn()
        late = waiter(service, wait=20)
        await turn()
        assert store.asked == [[1]], "what it was told held for the second too"
        await store.put("j0", "j1")
        assert await jobs_of([first, late]) == [["j0"], ["j1"]]


async def test_where_there_is_nothing_those_whose_time_is_up_are_asked_for_once_together() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        store.go_on.clear()
        waiting = [waiter(service, count=count) for count in (1, 1000, 1)]
        await store.entered.wait()
        waiting += [waiter(service) for _ in range(600)]
        await time_passes()
        store.go_on.set()
        assert await jobs_of(waiting) == [[]] * 603
        assert len(store.asked) == 2


async def test_wake_ups_in_vain_keep_nobody_whose_time_is_up() -> None:
    class AlwaysTooLate(AskedStore):
        """Others take every job that it announces."""

        @asynccontextmanager
        async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
            self.wake = wake
            yield

        async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
            dequeued = await super().dequeue(queue_type, takes)
            self.wake(0, None)
            return dequeued

    store = AlwaysTooLate()
    async with QueueService(store, QUIET) as service:
        store.go_on.clear()
        waiting = [waiter(service) for _ in range(3)]
        await time_passes()
        store.go_on.set()
        assert await jobs_of(waiting) == [[]] * 3
        assert len(store.asked) == 2


async def test_at_the_end_nobody_goes_empty_for_whom_the_store_was_not_asked() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("j0", "j1", "j2")
        store.go_on.clear()
        waiting = [waiter(service, wait=LONG)]
        await store.entered.wait()
        waiting += [waiter(service, wait=LONG) for _ in range(2)]
        await turn()
        service.end_waits()
        store.go_on.set()
        assert await jobs_of(waiting) == [["j0"], ["j1"], ["j2"]]
