"""The life of the server: its store goes away, its workers hang up, it starts and stops."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sanic import Request

from sharq_memory.store import MemoryStore
from sharq_plug.errors import ConfigError
from sharq_plug.model import Dequeued, Settled, Settlement, Take
from sharq_plug.plugins import open_store
from sharq_plug.service import QueueService
from support.api import enqueue, send, serving
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

CALLS = [
    enqueue("j2"),
    ("GET", "/dequeue/sms/", None),
    ("GET", "/dequeue/", None),
    ("GET", "/dequeue/sms/?count=10", None),
    ("GET", "/dequeue/sms/?wait=10", None),
    ("GET", "/dequeue/sms/?wait=10&attempt_id=a", None),
    ("POST", "/dequeue/sms/", {"wait": 10, "lease_time": 1000}),
    ("POST", "/release/sms/q/j1/", {"lease": "t"}),
    ("POST", "/fail/sms/q/j1/", {"lease": "t"}),
    ("POST", "/extend/sms/q/j1/", {"lease": "t", "for": 1}),
    ("POST", "/extend/sms/", {"jobs": [{"queue_id": "q", "job_id": "j1", "lease": "t", "for": 1}]}),
    ("POST", "/finish/sms/q/j1/", None),
    ("POST", "/enqueue/sms/", {"jobs": [{"queue_id": "q", **enqueue("j3")[2]}]}),
    ("POST", "/finish/sms/", {"jobs": [{"queue_id": "q", "job_id": "j3"}]}),
    ("POST", "/interval/sms/q/", {"interval": 1}),
    ("GET", "/metrics/", None),
    ("GET", "/metrics/sms/", None),
    ("GET", "/metrics/sms/q/", None),
    ("GET", "/types/", None),
    ("GET", "/type/sms/", None),
    ("GET", "/queues/sms/?prefix=q", None),
    ("GET", "/queues/sms/?sort=overdue", None),
    ("GET", "/queues/sms/?sort=waiting", None),
    ("GET", "/queue/sms/q/", None),
    ("GET", "/jobs/sms/q/", None),
    ("GET", "/jobs/sms/q/?payload=1", None),
    ("GET", "/deadletters/sms/", None),
    ("GET", "/deadletters/sms/q/", None),
    ("POST", "/redrive/sms/", None),
    ("POST", "/redrive/sms/q/", {"jobs": ["j1"]}),
    ("POST", "/discard/sms/", {"letters": [1]}),
    ("POST", "/discard/sms/q/", {"count": 1}),
    ("DELETE", "/deletequeue/sms/q/", None),
    ("DELETE", "/deletequeue/sms/q/?states=dead", None),
    ("DELETE", "/deletequeue/sms/", None),
    ("GET", "/deepstatus/", None),
    ("GET", "/-/ready", None),
]


async def test_every_route_says_so_while_the_store_is_away(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with serving(partial(open_store, "redis", {"url": redis.url})) as served:
            redis.stop()
            for call in CALLS:
                response = await send(served.client, call)
                assert (response.status_code, response.headers["retry-after"]) == (503, "1")
                assert response.json()["status"] == "failure"
                assert response.json()["message"]
                assert response.json()["error"] == "unavailable"
            assert (await served.client.get("/")).status_code == 200
            redis.start()
            for call in CALLS:
                assert (await send(served.client, call)).status_code < 500


async def test_an_app_whose_store_is_out_of_reach_starts_and_serves_when_it_comes(
    tmp_path: Path,
) -> None:
    redis = RedisServer(tmp_path)
    async with serving(partial(open_store, "redis", {"url": redis.url})) as served:
        for call in CALLS:
            assert (await send(served.client, call)).status_code == 503
        with redis:
            for call in CALLS:
                assert (await send(served.client, call)).status_code < 500


class BrokenStore(MemoryStore):
    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        raise LookupError("a detail that is no client's business")


async def test_an_error_nobody_thought_of_is_logged_once_and_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(BrokenStore) as served:
        response = await served.client.get("/deepstatus/")
    assert response.status_code == 500
    assert response.json() == {
        "status": "failure",
        "message": "Internal server error",
        "error": "internal",
    }
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == "GET /deepstatus/ failed"
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


class UnfitStore(MemoryStore):
    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        raise ConfigError("a detail that is no client's business")


async def test_a_store_that_cannot_be_used_is_unavailable() -> None:
    async with serving(UnfitStore) as served:
        response = await served.client.get("/deepstatus/")
    assert response.status_code == 503
    assert "detail" not in response.text


class SlowStore(MemoryStore):
    """Returns a leased job when it is told to, and takes its time to release one."""

    def __init__(self) -> None:
        super().__init__()
        self.leased = asyncio.Event()
        self.go_on = asyncio.Event()
        self.released = asyncio.Event()
        self.ended: list[str] = []

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        dequeued = await super().dequeue(queue_type, takes)
        self.leased.set()
        await self.go_on.wait()
        self.ended.append("dequeue")
        return dequeued

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        for _ in range(10):
            await asyncio.sleep(0)
        outcomes = await super().settle(queue_type, items)
        self.ended.append("release")
        self.released.set()
        return outcomes

    async def __aexit__(self, *_: object) -> None:
        self.ended.append("store")


async def test_a_job_is_handed_back_when_its_worker_hangs_up_while_it_waits() -> None:
    store = SlowStore()
    async with serving(lambda: store) as served:
        await send(served.client, enqueue("j1"))
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /dequeue/sms/ HTTP/1.1\r\nHost: x\r\n\r\n")
        await store.leased.wait()
        writer.close()
        await writer.wait_closed()
        await served.client.get("/")  # by then the server knows
        store.go_on.set()
        await store.released.wait()
        job = (await served.client.get("/dequeue/sms/")).json()
        assert (job["job_id"], job["attempt"]) == ("j1", 2)


async def test_a_job_is_handed_back_when_its_worker_hung_up_before_it_is_written(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(MemoryStore) as served:
        await send(served.client, enqueue("j1"))
        dequeue = QueueService.dequeue

        async def dequeue_and_hang_up(*args: Any, **kwargs: Any) -> Dequeued:
            dequeued = await dequeue(*args, **kwargs)
            Request.get_current().transport.close()
            monkeypatch.undo()
            return dequeued

        monkeypatch.setattr(QueueService, "dequeue", dequeue_and_hang_up)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /dequeue/sms/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        job = (await served.client.get("/dequeue/sms/")).json()
        assert (job["job_id"], job["attempt"]) == ("j1", 2)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_the_store_is_closed_last() -> None:
    store = SlowStore()
    async with serving(lambda: store) as served:
        await send(served.client, enqueue("j1"))
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /dequeue/sms/ HTTP/1.1\r\nHost: x\r\n\r\n")
        await store.leased.wait()
        writer.close()
        await writer.wait_closed()
        await served.client.get("/")
        asyncio.get_running_loop().call_later(0.05, store.go_on.set)
    assert store.ended == ["dequeue", "release", "store"]
