"""Servers that start before their Redis: they answer 503, say so once, and come up alone."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.redis_server import RedisServer, free_port
from support.server import ServerProcess
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

JOB = {"job_id": "j", "interval": 0, "payload": {}}
AWAY = "the store does not answer, requests are answered with 503 until it does: Redis"
THERE = "the store answers: requests are served"
WEAK = "this Redis has no persistence"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that is not started yet."""
    redis = RedisServer(tmp_path)
    yield redis
    redis.stop()


def environ_of(redis: RedisServer) -> dict[str, str]:
    return {
        "SHARQ_SERVER_BACKEND": "redis",
        "SHARQ_REDIS_PORT": str(redis.port),
        "SHARQ_JOB_EXPIRE_INTERVAL": "200",
        "SHARQ_JOB_REQUEUE_INTERVAL": "50",
    }


async def logs(server: ServerProcess, words: str) -> None:
    """Wait until the server has logged something."""
    await comes_true(lambda: words in server.log())


async def is_back(client: httpx.AsyncClient) -> bool:
    return not (await client.get("/metrics/sms/q/")).json()["leased"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_comes_up_by_itself_and_says_once_what_it_waited_for(
    redis: RedisServer, workers: str
) -> None:
    with ServerProcess("--workers", workers, environ=environ_of(redis)) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
            for path in ("/deepstatus/", "/dequeue/sms/", "/dequeue/sms/?wait=10", "/metrics/"):
                answer = await client.get(path)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert (await client.post("/enqueue/sms/q/", json=JOB)).status_code == 503
            assert (await client.get("/")).status_code == 200
            await logs(server, AWAY)

            redis.start()
            await logs(server, WEAK)
            assert (await client.get("/deepstatus/")).status_code == 200
            assert (await client.post("/enqueue/sms/q/", json=JOB)).status_code == 201
            assert (await client.get("/dequeue/sms/")).json()["attempt"] == 1
            await comes_true(lambda: is_back(client))  # upkeep runs too: nothing else does it
        assert server.stop() == 0
        log = server.log()
    assert [log.count(words) for words in (AWAY, THERE, WEAK)] == [1, 1, 1]
    assert "reclaim pass" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_ends_in_order_while_its_store_is_away(workers: str) -> None:
    environ = {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_PORT": str(free_port())}
    with ServerProcess("--workers", workers, environ=environ) as server:
        assert server.stop() == 0
        assert "Traceback" not in server.log()
