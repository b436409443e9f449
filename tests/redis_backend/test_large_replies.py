"""Replies that take long to come in: they fail nobody, and nobody who waits behind them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from faults.proxy import LAG, Proxy, Wrong
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Dequeued, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from support.one_queue import look_at_queue
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

DEADLINE = 4 * LAG
LARGE = b"x" * 700_000
"""A payload that comes in pieces, `LAG` apart, over more than twice the deadline."""


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    with Proxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
async def store(
    proxy: Proxy,
    redis_url: str,  # an empty database
) -> AsyncIterator[QueueStore]:
    """A store with a job whose payload is large, behind a proxy."""
    async with open_store("redis", {"port": proxy.port}) as store:
        await store.enqueue("sms", [NewJob("q", "large", LARGE, 0)])
        yield store


async def test_a_reply_that_still_comes_in_is_waited_for_by_all(
    store: QueueStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", DEADLINE)
    proxy.wrong = Wrong.LAG
    dequeue = asyncio.create_task(dequeue_for_one(store, "sms", count=1, lease_time=60_000))
    await asyncio.sleep(0)  # it is on its way
    behind = [asyncio.create_task(look_at_queue(store, "sms", "q")) for _ in range(3)]
    [job] = (await dequeue).jobs
    assert job.payload == LARGE
    assert [metrics.leased for metrics in await asyncio.gather(*behind)] == [1] * 3


async def test_a_reply_that_does_not_come_to_an_end_is_given_up(
    store: QueueStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", DEADLINE)
    monkeypatch.setattr("sharq_redis.link.LIMIT", 2 * LAG)
    proxy.wrong = Wrong.LAG
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        await dequeue_for_one(store, "sms", count=1, lease_time=60_000)
    proxy.wrong = Wrong.NOTHING
    assert (await look_at_queue(store, "sms", "q")).leased == 1


async def test_a_redis_that_falls_silent_in_the_middle_of_a_reply_is_given_up(
    store: QueueStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", DEADLINE)
    proxy.wrong = Wrong.LAG
    dequeue = asyncio.create_task(dequeue_for_one(store, "sms", count=1, lease_time=60_000))
    await asyncio.sleep(2 * LAG)
    proxy.wrong = Wrong.HOLD_REPLIES
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        await dequeue


async def test_workers_that_ask_for_more_than_comes_in_in_time_leave_no_job_to_nobody(
    store: QueueStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", DEADLINE)
    monkeypatch.setattr("sharq_plug.service.deadlines.DEADLINE", 6 * DEADLINE)
    await store.enqueue("sms", [NewJob("q", f"job-{number}", LARGE, 0) for number in range(20)])
    async with QueueService(store, ServiceOptions(tends=False)) as service:
        proxy.wrong = Wrong.LAG
        calls = [service.dequeue("sms", attempt_id="the-first")]
        calls += [service.dequeue("sms", count=count) for count in (2, 1, 2, 1, 2, 1)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        proxy.wrong = Wrong.NOTHING
        refused = [answer for answer in answers if isinstance(answer, StoreUnavailable)]
        received = sum(len(answer.jobs) for answer in answers if isinstance(answer, Dequeued))
        assert refused
        assert len(refused) < len(answers)
    assert (await look_at_queue(store, "sms", "q")).leased == received
