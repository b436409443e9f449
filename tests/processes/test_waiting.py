"""Workers that wait at real servers: woken across processes, let go when a server ends."""

import asyncio
import time
from signal import SIGINT, SIGTERM, Signals

import httpx
import pytest

from support.load import jobs_in_redis
from support.server import ServerProcess

pytestmark = pytest.mark.anyio

WAIT = "/dequeue/sms/?wait=60000"
SOON = 4.0
"""Seconds; a server that was not woken would look again after 5."""
JOB = {"job_id": "j1", "interval": 0, "payload": {}}

Waiters = list[asyncio.Task[httpx.Response]]


async def waiting(client: httpx.AsyncClient, count: int, path: str = WAIT) -> Waiters:
    """Return requests that have begun to wait."""
    waiters = [asyncio.create_task(client.get(path)) for _ in range(count)]
    await asyncio.wait(waiters, timeout=0.3)
    assert not any(waiter.done() for waiter in waiters)
    return waiters


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
async def test_waiters_get_an_empty_answer_at_once_when_the_server_ends(number: Signals) -> None:
    with ServerProcess() as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
            waiters = await waiting(client, 10)
            waiters += await waiting(client, 2, f"{WAIT}&attempt_id=a&count=3")
            started = time.monotonic()
            server.send(number)
            for answer in await asyncio.gather(*waiters):
                assert answer.status_code == 404
                assert answer.json() == {"status": "failure", "next_ready_at": None}
                assert answer.headers["connection"] == "close"
        assert server.wait() == 0
        assert time.monotonic() - started < SOON
        assert "Traceback" not in server.log()


async def test_waiters_of_several_processes_are_let_go_and_their_jobs_stay(
    on_redis: dict[str, str],
) -> None:
    with ServerProcess("--workers", "2", environ=on_redis) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
            waiters = await waiting(client, 20)
            started = time.monotonic()
            await client.post("/enqueue/sms/q/", json=JOB)
            server.send_to_all(SIGTERM)
            answers = await asyncio.gather(*waiters)
        assert server.wait() == 0
        assert time.monotonic() - started < SOON
        assert "Traceback" not in server.log()
    served = [answer.json()["job_id"] for answer in answers if answer.status_code == 200]
    left = await jobs_in_redis(on_redis["SHARQ_REDIS_URL"], "sms")
    assert [*served, *left] == ["j1"]


async def test_one_job_wakes_one_worker_wherever_it_waits(on_redis: dict[str, str]) -> None:
    with ServerProcess(environ=on_redis) as first, ServerProcess(environ=on_redis) as second:
        async with (
            httpx.AsyncClient(base_url=first.url, timeout=10) as here,
            httpx.AsyncClient(base_url=second.url, timeout=10) as there,
        ):
            waiters = {*await waiting(here, 2), *await waiting(there, 2)}
            started = time.monotonic()
            for number in range(4):
                await here.post("/enqueue/sms/q/", json=JOB | {"job_id": str(number)})
                done, waiters = await asyncio.wait(
                    waiters, timeout=SOON, return_when=asyncio.FIRST_COMPLETED
                )
                assert [task.result().json()["job_id"] for task in done] == [str(number)]
            assert time.monotonic() - started < SOON
        assert (first.stop(), second.stop()) == (0, 0)


def test_a_worker_is_given_what_came_back_from_one_that_died_at_another_server(
    on_redis: dict[str, str],
) -> None:
    environ = on_redis | {
        "SHARQ_JOB_EXPIRE_INTERVAL": "300",
        "SHARQ_JOB_REQUEUE_INTERVAL": "50",
    }
    with ServerProcess(environ=environ) as first, ServerProcess(environ=environ) as second:
        httpx.post(f"{first.url}/enqueue/sms/q/", json=JOB)
        assert httpx.get(f"{first.url}/dequeue/sms/").json()["attempt"] == 1
        started = time.monotonic()
        again = httpx.get(f"{second.url}{WAIT}", timeout=10).json()
        assert (again["job_id"], again["attempt"]) == ("j1", 2)
        assert time.monotonic() - started < SOON
