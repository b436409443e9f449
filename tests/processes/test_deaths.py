"""Servers and Redis that die, freeze and come back."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from signal import SIGKILL

import httpx
import pytest

from support.http_client import Wire
from support.load import Load, jobs_in_redis
from support.redis_server import RedisServer
from support.server import ServerProcess
from support.standstill import standstill
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

LEASE = 300
JOB = {"job_id": "other", "interval": 0, "payload": {}}
REQUESTS = [
    ("GET", "/dequeue/sms/", None),
    ("GET", "/dequeue/", None),
    ("GET", "/dequeue/sms/?count=10", None),
    ("GET", "/dequeue/sms/?wait=10", None),
    ("GET", "/dequeue/other/?wait=60000&attempt_id=a", None),
    ("POST", "/enqueue/sms/johndoe/", JOB),
    ("POST", "/finish/sms/johndoe/other/", None),
    ("POST", "/enqueue/sms/", {"jobs": [{**JOB, "queue_id": "johndoe"}]}),
    ("POST", "/finish/sms/", {"jobs": [{"queue_id": "johndoe", "job_id": "other"}]}),
    ("POST", "/interval/sms/johndoe/", {"interval": 5}),
    ("GET", "/metrics/", None),
    ("GET", "/metrics/sms/", None),
    ("GET", "/metrics/sms/johndoe/", None),
    ("DELETE", "/deletequeue/sms/johndoe/", {}),
    ("GET", "/deepstatus/", None),
]
"""Every request that needs the store."""
HEAD = (
    b"GET /dequeue/sms/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, which remembers over a restart."""
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as redis:
        yield redis


@pytest.fixture
def server(own_redis: RedisServer) -> Iterator[ServerProcess]:
    environ = {
        "SHARQ_SERVER_BACKEND": "redis",
        "SHARQ_REDIS_URL": own_redis.url,
        "SHARQ_JOB_EXPIRE_INTERVAL": str(LEASE),
        "SHARQ_JOB_REQUEUE_INTERVAL": "100",
    }
    with ServerProcess(environ=environ) as server:
        yield server


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        yield client


async def all_unavailable(client: httpx.AsyncClient, *, within: float) -> None:
    """Send every request at once; each must be answered 503, in so many seconds."""
    started = time.monotonic()
    calls = [client.request(method, path, json=body) for method, path, body in REQUESTS]
    for answer in await asyncio.gather(*calls):
        assert answer.status_code == 503, answer.request.url
        assert answer.json()["status"] == "failure"
        assert int(answer.headers["Retry-After"]) >= 1
    assert time.monotonic() - started < within


async def until_ok(client: httpx.AsyncClient, path: str, **request: object) -> httpx.Response:
    """Repeat a request for up to 2 s, until it is answered with a 2xx."""
    method = "POST" if request else "GET"
    answers: list[httpx.Response] = []

    async def is_ok() -> bool:
        answers.append(await client.request(method, path, **request))  # type: ignore[arg-type]  # only json
        return answers[-1].is_success

    await comes_true(is_ok, within=2)
    return answers[-1]


async def enqueue(client: httpx.AsyncClient, job_id: str) -> None:
    job = {"job_id": job_id, "interval": 0, "payload": {}}
    assert (await client.post("/enqueue/sms/johndoe/", json=job)).status_code == 201


async def test_everything_works_again_when_redis_is_back(
    own_redis: RedisServer, server: ServerProcess, client: httpx.AsyncClient
) -> None:
    await enqueue(client, "leased-before")
    expires_at = (await client.get("/dequeue/sms/")).json()["expires_at"]
    own_redis.stop()

    await all_unavailable(client, within=2)
    await comes_true(lambda: time.time() * 1000 > expires_at + LEASE)  # upkeep fails meanwhile
    await all_unavailable(client, within=2)

    own_redis.start()
    new = {"job_id": "new", "interval": 0, "payload": {}}
    enqueued, reclaimed = await asyncio.gather(
        until_ok(client, "/enqueue/email/janedoe/", json=new), until_ok(client, "/dequeue/sms/")
    )
    assert enqueued.status_code == 201
    assert (reclaimed.json()["job_id"], reclaimed.json()["attempt"]) == ("leased-before", 2)
    assert (await until_ok(client, "/dequeue/email/")).json()["job_id"] == "new"
    assert server.stop() == 0
    assert "Traceback" not in server.log()


async def test_a_frozen_redis_is_answered_for_in_time(
    own_redis: RedisServer, server: ServerProcess, client: httpx.AsyncClient
) -> None:
    await enqueue(client, "before")
    with standstill(own_redis.pid):
        await all_unavailable(client, within=5)
    await until_ok(client, "/deepstatus/")
    assert server.stop() == 0
    assert "Traceback" not in server.log()


async def test_a_server_stops_in_time_while_redis_is_frozen(
    own_redis: RedisServer, server: ServerProcess, client: httpx.AsyncClient
) -> None:
    await enqueue(client, "before")
    with standstill(own_redis.pid), Wire(server.port) as wire:
        wire.send(HEAD)
        assert wire.socket.recv(100).startswith(b"HTTP/1.1 100 ")  # the server reads it
        wire.send(b"{}")
        assert server.stop() == 0
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 503
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_killed_server_loses_no_acknowledged_job(
    workers: str, on_redis: dict[str, str]
) -> None:
    with ServerProcess("--workers", workers, environ=on_redis) as server:
        load = Load(server.url)
        await load.reach(200)
        server.send(SIGKILL)
        await load.end()
    assert load.acknowledged <= await jobs_in_redis(on_redis["SHARQ_REDIS_URL"])


async def test_the_end_of_one_process_ends_the_others_in_order(on_redis: dict[str, str]) -> None:
    with ServerProcess("--workers", "2", environ=on_redis) as server:
        load = Load(server.url)
        await load.reach(200)
        os.kill(server.children()[0], SIGKILL)
        await load.end()
        assert server.wait() == 1
        assert (
            "ERROR sharq_plug.server.serving: one of the server's processes ended" in server.log()
        )
    assert load.acknowledged <= await jobs_in_redis(on_redis["SHARQ_REDIS_URL"])
