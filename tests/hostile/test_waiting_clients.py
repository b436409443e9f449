"""Clients that wait for a job, and misbehave meanwhile: none takes a job with it."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from sharq_plug.http.wire.connection import FIRST_LOOK
from sharq_plug.plugins import open_store
from support.api import QUIET, Served, enqueue, send, serving
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

WAIT = b"GET /dequeue/sms/?wait=60000 HTTP/1.1\r\nHost: x\r\n\r\n"
KIB = 1024

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(lambda: open_store("memory")) as served:
        yield served


@asynccontextmanager
async def connected(served: Served, *, sent: bytes) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def in_line(served: Served, count: int) -> None:
    """Wait until so many callers are in line."""
    await comes_true(lambda: served.service.waiting_callers == count)


async def first_attempt(served: Served) -> None:
    """Enqueue a job, and make sure that nobody has had it before."""
    assert (await send(served.client, enqueue("j1"))).status_code == 201
    job = (await served.client.get("/dequeue/sms/")).json()
    assert (job["job_id"], job["attempt"]) == ("j1", 1)


async def test_a_client_that_sends_no_more_and_still_reads_gets_its_job(served: Served) -> None:
    async with connected(served, sent=WAIT) as (reader, writer), asyncio.timeout(10):
        await in_line(served, 1)
        writer.write_eof()
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await send(served.client, enqueue("j1"))
        job = await job_from(reader)
        assert await reader.read() == b""
    finished = await served.client.post("/finish/sms/q/j1/", json={"lease": job["lease"]})
    assert (job["attempt"], finished.status_code) == (1, 200)


async def test_a_client_that_closes_its_connection_does_not_wait(served: Served) -> None:
    async with connected(served, sent=WAIT) as (_, writer), asyncio.timeout(5):
        await in_line(served, 1)
        writer.close()
        await in_line(served, 0)
        await first_attempt(served)


OLD = WAIT.replace(b"HTTP/1.1", b"HTTP/1.0")
"""A wait that cannot be asked in between whether its client is there."""


async def test_a_job_written_to_a_client_that_was_gone_is_handed_back(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.connection.OLD_PATIENCE", 10)
    async with connected(served, sent=OLD) as (_, writer), asyncio.timeout(5):
        await in_line(served, 1)
        writer.close()
        await writer.wait_closed()
        await send(served.client, enqueue("j1"))
        again = (await served.client.get("/dequeue/sms/?wait=4000")).json()
    assert (again["job_id"], again["attempt"], again["requeues_remaining"]) == ("j1", 2, -1)


async def test_a_job_of_an_attempt_that_can_be_repeated_is_not_handed_back(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.connection.OLD_PATIENCE", 10)
    repeatable = OLD.replace(b"?", b"?attempt_id=a&")
    async with connected(served, sent=repeatable) as (_, writer), asyncio.timeout(5):
        await in_line(served, 1)
        writer.close()
        await writer.wait_closed()
        await send(served.client, enqueue("j1"))
        assert (await served.client.get("/dequeue/sms/?wait=300")).status_code == 404
        again = (await served.client.get("/dequeue/sms/?attempt_id=a")).json()
    assert (again["job_id"], again["attempt"]) == ("j1", 1)


async def test_an_old_client_that_sends_no_more_gets_a_job_that_comes_soon(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.connection.OLD_PATIENCE", 10)
    async with connected(served, sent=OLD) as (reader, writer), asyncio.timeout(10):
        await in_line(served, 1)
        writer.write_eof()
        with pytest.raises(TimeoutError):  # nothing comes before the answer
            await asyncio.wait_for(reader.read(1), 5 * FIRST_LOOK)
        await send(served.client, enqueue("j1"))
        assert (await job_from(reader))["job_id"] == "j1"


async def test_an_old_client_that_sends_no_more_does_not_wait_for_long(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.connection.OLD_PATIENCE", 0.1)
    async with connected(served, sent=OLD) as (_, writer), asyncio.timeout(5):
        await in_line(served, 1)
        writer.write_eof()
        await in_line(served, 0)
        await first_attempt(served)


async def test_a_row_of_requests_with_an_end_is_answered_whole(served: Served) -> None:
    get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    row = get + WAIT + get * 2
    async with connected(served, sent=row) as (reader, writer), asyncio.timeout(10):
        writer.write_eof()
        await in_line(served, 1)
        await send(served.client, enqueue("j1"))
        received = await reader.read()
    answers = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 4
    assert b'"j1"' in answers


async def test_a_client_whose_connection_is_reset_does_not_wait(served: Served) -> None:
    async with connected(served, sent=WAIT):
        await in_line(served, 1)
    await in_line(served, 0)
    await first_attempt(served)


async def test_bytes_that_come_during_a_wait_are_read_after_it(served: Served) -> None:
    async with connected(served, sent=WAIT) as (reader, writer), asyncio.timeout(10):
        await in_line(served, 1)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n" + b"x" * 1000)
        await send(served.client, enqueue("j1"))
        received = await reader.read()
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"200", b"400"]


async def test_waiting_clients_that_send_on_give_way_when_memory_is_short() -> None:
    options = replace(
        QUIET, max_body_size=64 * KIB, max_batch_body_size=64 * KIB, memory=1024 * KIB
    )
    async with (
        serving(lambda: open_store("memory"), options) as served,
        AsyncExitStack() as stack,
        asyncio.timeout(10),
    ):
        waiting = [await stack.enter_async_context(connected(served, sent=WAIT)) for _ in range(40)]
        await in_line(served, 40)
        for _, writer in waiting:
            writer.write(b"x" * 60 * KIB)
        await in_line(served, 1024 // 60)
        for number in range(40):
            await send(served.client, enqueue(f"j{number}"))
        metrics = (await served.client.get("/metrics/sms/q/")).json()
    assert (metrics["queue_length"], metrics["leased"]) == (40 - 1024 // 60, 1024 // 60)


async def test_trickling_bytes_do_not_prolong_a_wait() -> None:
    options = replace(QUIET, response_timeout=0.4)
    async with (
        serving(lambda: open_store("memory"), options) as served,
        connected(served, sent=WAIT) as (reader, writer),
        asyncio.timeout(5),
    ):
        started = time.monotonic()
        answer = asyncio.create_task(reader.readline())
        while not answer.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        assert (await answer).startswith(b"HTTP/1.1 503 ")
        assert 0.4 <= time.monotonic() - started < 2
        await in_line(served, 0)
        await first_attempt(served)


async def test_of_a_crowd_that_comes_and_goes_those_who_stay_get_every_job(
    served: Served,
) -> None:
    async with AsyncExitStack() as stayed, asyncio.timeout(20):
        readers = []
        for number in range(100):
            async with AsyncExitStack() as goes:
                for _ in range(3):
                    await goes.enter_async_context(connected(served, sent=WAIT))
                reader, _ = await stayed.enter_async_context(connected(served, sent=WAIT))
                readers.append(reader)
                await in_line(served, number % 10 + 4)
            if number % 10 == 9:
                items = [
                    {"queue_id": "q", "job_id": f"{number}-{n}", "interval": 0, "payload": 0}
                    for n in range(10)
                ]
                await served.client.post("/enqueue/sms/", json={"jobs": items})
                await asyncio.gather(*(job_from(reader) for reader in readers))
                readers.clear()
    metrics = (await served.client.get("/metrics/sms/q/")).json()
    assert (metrics["queue_length"], metrics["leased"]) == (0, 100)


async def job_from(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Return the job in the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    job: dict[str, Any] = json.loads(await reader.readexactly(size))
    assert job["status"] == "success"
    return job
