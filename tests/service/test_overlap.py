"""Dequeues over two store calls at a time, each for half of the callers."""

import asyncio

import pytest

from service.asked import QUIET, turn
from service.gated import GatedStore
from sharq_plug.model import Dequeued
from sharq_plug.service import QueueService

pytestmark = pytest.mark.anyio

WAIT = 20_000
Caller = asyncio.Task[Dequeued]


def callers(service: QueueService, count: int, *, wait: int = 0) -> list[Caller]:
    return [asyncio.create_task(service.dequeue("sms", wait=wait)) for _ in range(count)]


async def served(asked: list[Caller]) -> list[str]:
    async with asyncio.timeout(4):
        return [job.job_id for answer in await asyncio.gather(*asked) for job in answer.jobs]


def takes(store: GatedStore) -> list[int]:
    """Return how many takes each call had."""
    return [len(counts) for counts in store.counts]


async def test_a_call_takes_half_of_those_who_are_there_and_another_goes_beside_it() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(64, b"1")
        asked = callers(service, 1)
        await turn()
        asked += callers(service, 31)
        await turn()
        assert takes(store) == [1, 16]
        store.answer()
        await turn()
        assert takes(store) == [1, 16, 15]
        store.answer(2)
        assert await served(asked) == [f"j{number}" for number in range(32)]
        asked = callers(service, 32)
        await turn()
        assert takes(store)[3:] == [16, 16]
        store.answer(2)
        assert await served(asked) == [f"j{number}" for number in range(32, 64)]


async def test_those_who_may_wait_are_asked_for_likewise_while_there_are_jobs() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(64, b"1")
        asked = callers(service, 4, wait=WAIT)
        await turn()
        store.answer()
        await served(asked)
        asked = callers(service, 1, wait=WAIT)
        await turn()
        asked += callers(service, 15, wait=WAIT)
        await turn()
        assert takes(store) == [4, 1, 8]
        store.answer(3)
        assert len(await served(asked)) == 16
        assert takes(store) == [4, 1, 8, 7]


async def test_after_a_call_in_vain_there_is_one_at_a_time() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        store.answer()
        assert await served(callers(service, 1)) == []
        asked = callers(service, 1)
        await turn()
        asked += callers(service, 9)
        await turn()
        assert takes(store) == [1, 1]
        store.answer(9)
        assert await served(asked) == []


async def test_a_store_that_answers_at_once_is_asked_for_all_together() -> None:
    store = GatedStore()
    store.answer(99)
    async with QueueService(store, QUIET) as service:
        await store.put(96, b"1")
        for _ in range(3):
            await served(callers(service, 32))
    assert takes(store) == [32, 32, 32]
