"""Callers that name queues: whose jobs wake them, and with whom they share a store call."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service import asked
from service.asked import QUIET, AskedStore, Waiter, turn
from sharq_plug.model import LeaseRef, Take
from sharq_plug.service import QueueService
from sharq_plug.testing.calls import release_all

pytestmark = pytest.mark.anyio

SOON = 5.0
"""Seconds within which what must come has come; a look of the line's own would be later."""


@pytest.fixture
async def store() -> AskedStore:
    return AskedStore()


@pytest.fixture
async def service(store: AskedStore) -> AsyncIterator[QueueService]:
    async with QueueService(store, QUIET) as service:
        yield service


def waiter(service: QueueService, *queues: str, count: int = 1, together: bool = False) -> Waiter:
    """Wait for jobs of these queues, or (none named) of any."""
    return asked.waiter(service, count=count, queues=queues or None, together=together)


async def jobs_of(waiter: Waiter) -> list[str]:
    """Return the queues and jobs that a waiter gets, soon."""
    async with asyncio.timeout(SOON):
        return [f"{job.queue_id}/{job.job_id}" for job in (await waiter).jobs]


async def test_who_waits_for_one_queue_sleeps_on_while_jobs_of_others_come(
    store: AskedStore, service: QueueService
) -> None:
    waiting = waiter(service, "mine")
    await turn()
    assert store.asked == [[1]]
    for n in range(50):
        await store.put(f"j{n}", queue=f"sms/other{n % 5}")
        await turn()
    assert store.asked == [[1]], "no store call is made for it"
    assert not waiting.done()
    await store.put("j", queue="sms/mine")
    assert await jobs_of(waiting) == ["mine/j"]
    assert store.asked == [[1], [1]]


async def test_other_jobs_wake_those_who_wait_for_any(
    store: AskedStore, service: QueueService
) -> None:
    named, anyone = waiter(service, "mine"), waiter(service)
    await turn()
    await store.put("j", queue="sms/other")
    assert await jobs_of(anyone) == ["other/j"]
    assert not named.done()
    await store.put("j", queue="sms/mine")
    assert await jobs_of(named) == ["mine/j"]


async def test_each_of_the_queues_that_are_named_wakes(
    store: AskedStore, service: QueueService
) -> None:
    for queue_id in ("a", "b", "c"):
        waiting = waiter(service, "a", "b", "c")
        await turn()
        await store.put("j", queue=f"sms/{queue_id}")
        assert await jobs_of(waiting) == [f"{queue_id}/j"]


async def test_a_release_of_another_queue_wakes_nobody_and_one_of_its_own_does(
    store: AskedStore, service: QueueService
) -> None:
    await store.put("j", queue="sms/other")
    await store.put("j", queue="sms/mine")
    [dequeued] = await store.dequeue("sms", [Take(2, 60_000)])
    other, mine = (LeaseRef(job.queue_id, job.job_id, job.token) for job in dequeued.jobs)
    waiting = waiter(service, "mine")
    await turn()
    asked = len(store.asked)
    await release_all(store, "sms", [other])
    await turn()
    assert len(store.asked) == asked
    await release_all(store, "sms", [mine])
    assert await jobs_of(waiting) == ["mine/j"]


async def test_jobs_that_wait_elsewhere_do_not_keep_it_asking(
    store: AskedStore, service: QueueService
) -> None:
    await store.put(*(f"j{n}" for n in range(10)), queue="sms/other")
    waiting = waiter(service, "mine")
    await turn(200)
    assert store.asked == [[1]]
    await store.put("j", queue="sms/mine")
    assert await jobs_of(waiting) == ["mine/j"]


async def test_those_who_name_the_same_queues_stand_in_one_line(
    store: AskedStore, service: QueueService
) -> None:
    waiting = [waiter(service, "a", "b"), waiter(service, "b", "a"), waiter(service, "a", "b", "a")]
    await turn()
    assert store.asked == [[1, 1, 1]]
    await store.put("j1", "j2", queue="sms/b")
    assert await jobs_of(waiting[0]) == ["b/j1"]
    assert await jobs_of(waiting[1]) == ["b/j2"]
    assert not waiting[2].done()
    waiting[2].cancel()


async def test_who_wants_jobs_together_shares_a_call_with_others(
    store: AskedStore, service: QueueService
) -> None:
    store.go_on.clear()
    first = waiter(service)
    await store.entered.wait()
    await store.put("j1", "j2", queue="sms/a")
    await store.put("j1", "j2", "j3", queue="sms/b")
    waiting = [waiter(service, count=3, together=True), waiter(service, count=1)]
    await turn()
    store.go_on.set()
    assert await jobs_of(first) == ["a/j1"]
    assert await jobs_of(waiting[0]) == ["b/j1", "b/j2", "b/j3"]
    assert await jobs_of(waiting[1]) == ["a/j2"]
    assert store.asked[-1] == [3, 1]


async def test_who_waits_for_jobs_together_gets_those_of_one_queue(
    store: AskedStore, service: QueueService
) -> None:
    waiting = waiter(service, count=5, together=True)
    await turn()
    store.asked.clear()
    await store.put("j1", "j2", queue="sms/a")
    assert await jobs_of(waiting) == ["a/j1", "a/j2"]
    assert store.asked == [[5]]
