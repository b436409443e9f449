"""Workers that wait for a job: `wait`."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from sharq_plug.http.wire.app import RESPONSE_TIMEOUT
from sharq_plug.plugins import open_store
from sharq_plug.service import MAX_WAIT, QueueService
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.api import Served, enqueue, send, serving
from support.operators import let_die
from support.redis_server import RedisServer
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

WAIT = "/dequeue/sms/?wait=60000"
SOON = 4.0
"""Seconds within which what must come has come; a look of the line's own would be later."""
STORE_FAILS = 5.0

Waiter = asyncio.Task[httpx.Response]


def waiter(client: httpx.AsyncClient, path: str = WAIT) -> Waiter:
    return asyncio.create_task(client.get(path, timeout=20))


async def in_line(service: QueueService, count: int) -> None:
    """Wait until this many callers wait, and the store has said that nothing is ready."""
    await comes_true(lambda: service.waiting_callers == count, within=SOON)


async def job_of(waiter: Waiter) -> str:
    """Return the id of the job that a waiter gets, soon."""
    async with asyncio.timeout(SOON):
        response = await waiter
    assert response.status_code == 200
    return str(response.json()["job_id"])


async def test_an_enqueue_wakes_a_worker(client: httpx.AsyncClient, service: QueueService) -> None:
    waiting = waiter(client)
    await in_line(service, 1)
    await send(client, enqueue("j1"))
    assert await job_of(waiting) == "j1"


async def test_a_batch_wakes_as_many_workers_as_it_brings_jobs(
    client: httpx.AsyncClient, service: QueueService
) -> None:
    waiting = [waiter(client) for _ in range(3)]
    await in_line(service, 3)
    item = {"interval": 0, "payload": 0, "job_id": "j"}
    items = [item | {"queue_id": queue} for queue in ("a", "b")]
    await client.post("/enqueue/sms/", json={"jobs": items})
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await in_line(service, 1)
    await client.post("/enqueue/sms/", json={"jobs": [items[0] | {"job_id": "k"}]})
    assert sorted([await job_of(one) for one in waiting]) == ["j", "j", "k"]


async def test_a_changed_interval_wakes_a_worker(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    for job_id in ("j1", "j2", "j3"):
        await send(client, enqueue(job_id, interval=10**9))
    await client.get("/dequeue/sms/")
    first, second = waiter(client), waiter(client)
    await in_line(service, 2)
    clock.advance(1000)
    await client.post("/interval/sms/q/", json={"interval": 1000})
    await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED, timeout=SOON)
    await client.post("/interval/sms/q/", json={"interval": 0})
    assert sorted([await job_of(first), await job_of(second)]) == ["j2", "j3"]


async def test_a_reclaimed_lease_wakes_a_worker(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    await send(client, enqueue("j1"))
    await client.get("/dequeue/sms/")
    waiting = waiter(client)
    await in_line(service, 1)
    clock.advance(60_000)
    await service.tend()
    assert await job_of(waiting) == "j1"


REDRIVES = {"sms/": {"letters": [1]}, "sms/q": {"jobs": ["j1"]}, "sms/q/": {"count": 1}}


@pytest.mark.parametrize(("path", "body"), REDRIVES.items())
async def test_a_redrive_wakes_a_worker(
    client: httpx.AsyncClient, service: QueueService, path: str, body: object
) -> None:
    await let_die(client, "j1")
    waiting = waiter(client)
    await in_line(service, 1)
    await client.post(f"/redrive/{path}", json=body)
    assert await job_of(waiting) == "j1"


async def test_a_worker_that_hangs_up_leaves_its_job_to_the_next(
    served: Served, client: httpx.AsyncClient, service: QueueService
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET {WAIT} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await in_line(service, 1)
    waiting = waiter(client)
    await in_line(service, 2)
    writer.close()
    await writer.wait_closed()
    await in_line(service, 1)
    await send(client, enqueue("j1"))
    assert await job_of(waiting) == "j1"
    assert (await client.get("/metrics/sms/q/")).json()["leased"] == 1


async def test_workers_are_served_in_the_order_in_which_they_came(
    client: httpx.AsyncClient, service: QueueService
) -> None:
    paths = [WAIT, f"{WAIT}&count=2", f"{WAIT}&attempt_id=a", WAIT]
    waiting = []
    for number, path in enumerate(paths):
        waiting.append(waiter(client, path))
        await in_line(service, number + 1)
    items = [
        {"queue_id": "q", "job_id": f"j{number}", "interval": 0, "payload": 0}
        for number in range(5)
    ]
    await client.post("/enqueue/sms/", json={"jobs": items})
    async with asyncio.timeout(SOON):
        answers = [(await one).json() for one in waiting]
    jobs = [answer.get("jobs", [answer]) for answer in answers]
    assert [[job["job_id"] for job in some] for some in jobs] == [
        ["j0"],
        ["j1", "j2"],
        ["j3"],
        ["j4"],
    ]


async def test_an_attempt_that_waited_is_repeated_without_waiting(
    client: httpx.AsyncClient, service: QueueService
) -> None:
    waiting = waiter(client, f"{WAIT}&attempt_id=a")
    await in_line(service, 1)
    await send(client, enqueue("j1"))
    assert await job_of(waiting) == "j1"
    repeated = waiter(client, f"{WAIT}&attempt_id=a")
    assert await job_of(repeated) == "j1"
    assert (await repeated).content == (await waiting).content


async def test_after_its_time_a_wait_ends_with_what_is_known(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    nothing = await client.get("/dequeue/sms/?wait=20")
    assert (nothing.status_code, nothing.json()["next_ready_at"]) == (404, None)
    for job_id in ("j1", "j2"):
        await send(client, enqueue(job_id, interval=30_000))
    await client.get("/dequeue/sms/")
    ready_at = clock.now() + 30_000
    for path in ("/dequeue/sms/?wait=20", "/dequeue/sms/?wait=1&count=3", "/dequeue/sms/?wait=0"):
        nothing = await client.get(path)
        assert (nothing.status_code, nothing.headers["retry-after"]) == (404, "30")
        assert nothing.json() == {"status": "failure", "next_ready_at": ready_at}


async def test_a_wait_goes_for_the_default_type_too(
    client: httpx.AsyncClient, service: QueueService
) -> None:
    waiting = waiter(client, "/dequeue?wait=60000")
    await in_line(service, 1)
    await send(client, enqueue("j1", "default/q"))
    assert await job_of(waiting) == "j1"


async def test_requests_behind_a_wait_in_a_row_are_answered_after_it(
    served: Served, service: QueueService
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    row = [f"GET {WAIT} HTTP/1.1", "GET / HTTP/1.1", f"GET {WAIT} HTTP/1.0"]
    writer.write("".join(f"{line}\r\nHost: x\r\n\r\n" for line in row).encode())
    await in_line(service, 1)
    await send(served.client, enqueue("j1"))
    async with asyncio.timeout(SOON):
        answers = await reader.readuntil(b"Hello, SharQ!")
        await in_line(service, 1)
        await send(served.client, enqueue("j2"))
        answers += await reader.read()
    writer.close()
    assert [answers.find(text) for text in (b'"j1"', b"Hello", b'"j2"')] == sorted(
        answers.find(text) for text in (b'"j1"', b"Hello", b'"j2"')
    )
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@asynccontextmanager
async def _real_time(backend: str, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    options = {"url": request.getfixturevalue("redis_url")} if backend == "redis" else {}
    async with serving(partial(open_store, backend, options)) as served:
        yield served


async def test_the_clock_wakes_a_worker_when_the_rate_allows_it(
    backend: str, request: pytest.FixtureRequest
) -> None:
    async with _real_time(backend, request) as served:
        for job_id in ("j1", "j2", "j3"):
            await send(served.client, enqueue(job_id, interval=150))
        times = []
        for expected in ("j1", "j2", "j3"):
            waiting = waiter(served.client)
            assert await job_of(waiting) == expected
            times.append((await waiting).json()["expires_at"])
    for earlier, later in pairwise(times):
        assert 150 <= later - earlier < 1000


async def test_an_enqueue_on_another_server_wakes_a_worker(
    redis_url: str, clock: ManualClock
) -> None:
    open_redis: Callable[[], QueueStore]
    open_redis = partial(open_store, "redis", {"url": redis_url}, clock=clock)
    async with serving(open_redis) as here, serving(open_redis) as there:
        first, second = waiter(here.client), waiter(there.client)
        await in_line(here.service, 1)
        await in_line(there.service, 1)
        await send(there.client, enqueue("j1"))
        done, _ = await asyncio.wait(
            {first, second}, return_when=asyncio.FIRST_COMPLETED, timeout=SOON
        )
        await send((there if first in done else here).client, enqueue("j2"))
        assert sorted([await job_of(first), await job_of(second)]) == ["j1", "j2"]


async def test_a_wait_is_ended_by_an_outage_of_redis_and_the_next_one_works(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path) as redis:
        async with serving(partial(open_store, "redis", {"url": redis.url})) as served:
            waiting = [waiter(served.client) for _ in range(3)]
            await in_line(served.service, 3)
            redis.stop()
            async with asyncio.timeout(STORE_FAILS):
                for one in waiting:
                    answer = await one
                    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert (await waiter(served.client)).status_code == 503
            redis.start()
            again = waiter(served.client)
            await in_line(served.service, 1)
            await send(served.client, enqueue("j1"))
            assert await job_of(again) == "j1"


async def test_waits_on_a_frozen_redis_fail_in_time_and_work_again_when_it_thaws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.service.foresight.LOOK_INTERVAL", 0.1)
    with RedisServer(tmp_path) as redis:
        async with serving(partial(open_store, "redis", {"url": redis.url})) as served:
            waiting = [waiter(served.client)]
            await in_line(served.service, 1)
            os.kill(redis.pid, signal.SIGSTOP)
            started = time.monotonic()
            waiting += [
                waiter(served.client, path)
                for path in (WAIT, "/dequeue/other/?wait=60000", f"{WAIT}&attempt_id=a")
            ]
            statuses = [(await one).status_code for one in waiting]
            lasted = time.monotonic() - started
            os.kill(redis.pid, signal.SIGCONT)
            assert statuses == [503] * 4
            assert lasted < STORE_FAILS + 0.1
            again = waiter(served.client)
            await in_line(served.service, 1)
            await send(served.client, enqueue("j1"))
            assert await job_of(again) == "j1"


def test_the_longest_wait_and_a_store_that_fails_after_it_fit_into_a_response() -> None:
    assert RESPONSE_TIMEOUT > MAX_WAIT / 1000 + 2 * STORE_FAILS
