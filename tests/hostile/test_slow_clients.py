"""Clients that take their time: each loses its connection, and nobody else notices."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from sharq_plug.plugins import open_store
from support.api import QUIET, Serve, Served, enqueue, send

pytestmark = pytest.mark.anyio

TIMEOUT = 0.4
OPTIONS = replace(QUIET, request_timeout=TIMEOUT, response_timeout=TIMEOUT)
POST = b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\n"
LENGTH = b"Content-Length: 1000000\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
BIG = "x" * 1_000_000


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Served]:
    async with serve(lambda: open_store("memory"), OPTIONS) as served:
        yield served


@asynccontextmanager
async def connected(
    served: Served,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", served.port, ssl=served.trust, limit=2**12
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def trickle(writer: asyncio.StreamWriter, byte: bytes) -> None:
    while not writer.is_closing():
        writer.write(byte)
        await asyncio.sleep(TIMEOUT / 8)


async def everything_from(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while part := await reader.read(1 << 16):
            received += part
    except ConnectionResetError:
        pass
    return received


SLOW = {
    "a slow head": (b"", b"G"),
    "slow headers": (POST, b"x"),
    "a slow body": (POST + LENGTH, b"{"),
    "slow chunks": (POST + CHUNKED, b"1\r\n{\r\n"),
    "a slow chunk size": (POST + CHUNKED + b"1\r\n{\r\n", b"0"),
    "no chunk": (POST + CHUNKED, b""),
    "no body": (POST + LENGTH, b""),
    "a slow body of a websocket": (POST + b"Upgrade: websocket\r\n" + LENGTH, b"{"),
}


async def all_of(served: Served, *, sent: bytes, byte: bytes) -> bytes:
    """Send something, go on byte by byte, and return all that comes back until the end."""
    async with connected(served) as (reader, writer), asyncio.timeout(10):
        writer.write(sent)
        trickling = asyncio.create_task(trickle(writer, byte))
        received = await everything_from(reader)
        trickling.cancel()
    return received


async def test_a_request_that_trickles_in_is_ended(served: Served) -> None:
    answers = await asyncio.gather(
        *(all_of(served, sent=sent, byte=byte) for sent, byte in SLOW.values())
    )
    for title, answer in zip(SLOW, answers, strict=True):
        assert answer.startswith(b"HTTP/1.1 408 "), title
        assert answer.endswith(
            b'{"status":"failure","message":"The request did not come in time.","error":"timeout"}'
        ), title
    assert (await served.client.get("/")).status_code == 200


async def test_a_refused_body_that_trickles_in_is_ended(served: Served) -> None:
    heads = [b"POST /nothing HTTP/1.1\r\nHost: x\r\n", POST.replace(b"sms", b"%00")]
    answers = await asyncio.gather(
        *(all_of(served, sent=head + b"Content-Length: 1000\r\n\r\n", byte=b"{") for head in heads)
    )
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 404 ", b"HTTP/1.1 408 "]


async def test_each_request_of_a_connection_has_the_whole_time(served: Served) -> None:
    async with connected(served) as (reader, writer), asyncio.timeout(10):
        for _ in range(4):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
            await asyncio.sleep(TIMEOUT / 2)
            writer.write(b"\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            await reader.readuntil(b"}")


async def test_an_idle_connection_is_not_hurried(served: Served) -> None:
    async with connected(served) as (reader, writer), asyncio.timeout(10):
        await asyncio.sleep(3 * TIMEOUT)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def big_jobs(client: httpx.AsyncClient, count: int) -> None:
    for number in range(count):
        response = await send(client, enqueue(f"j{number}", payload=BIG))
        assert response.status_code == 201


async def test_a_client_that_does_not_read_is_hung_up_on(served: Served) -> None:
    await big_jobs(served.client, 30)
    async with connected(served) as (reader, writer), asyncio.timeout(10):
        writer.write(b"GET /dequeue/sms/ HTTP/1.1\r\nHost: x\r\n\r\n" * 30)
        await asyncio.sleep(3 * TIMEOUT)
        received = await everything_from(reader)
    assert len(received) < 30 * len(BIG)
    assert (await served.client.get("/")).status_code == 200


async def test_a_client_that_reads_slowly_gets_everything(served: Served) -> None:
    await big_jobs(served.client, 3)
    received = b""
    async with connected(served) as (reader, writer), asyncio.timeout(20):
        writer.write(b"GET /dequeue/sms/ HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        writer.write(b"GET /dequeue/sms/ HTTP/1.0\r\n\r\n")
        while part := await reader.read(1 << 18):
            received += part
            await asyncio.sleep(TIMEOUT / 100)
    assert received.count(BIG.encode()) == 3


ROOMY = replace(OPTIONS, max_body_size=20_000_000, keep_alive_timeout=TIMEOUT, response_timeout=5)
HUGE = "x" * 12_000_000
"""Bytes of which the systems of both ends hold some, and the server still has others."""


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_that_is_still_being_read_is_not_cut_off(
    serve: Serve, version: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.connection.LAST_READING", TIMEOUT)
    monkeypatch.setattr("sharq_plug.http.wire.connection.LAST_WORDS", TIMEOUT / 4)
    async with serve(lambda: open_store("memory"), ROOMY) as served:
        await send(served.client, enqueue("j1", payload=HUGE))
        async with connected(served) as (reader, writer), asyncio.timeout(20):
            writer.write(b"GET /dequeue/sms/ HTTP/" + version + b"\r\nHost: x\r\n\r\n")
            received = 0
            while received < len(HUGE) and (part := await reader.read(1 << 17)):
                received += len(part)
                await asyncio.sleep(TIMEOUT / 16)
    assert received > len(HUGE)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_that_is_not_read_any_more_is_cut_off(
    serve: Serve, version: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.connection.LAST_READING", TIMEOUT)
    monkeypatch.setattr("sharq_plug.http.wire.connection.LAST_WORDS", TIMEOUT / 4)
    async with serve(lambda: open_store("memory"), ROOMY) as served:
        await send(served.client, enqueue("j1", payload=HUGE))
        async with connected(served) as (reader, writer), asyncio.timeout(20):
            writer.write(b"GET /dequeue/sms/ HTTP/" + version + b"\r\nHost: x\r\n\r\n")
            await asyncio.sleep(5 * TIMEOUT)
            assert len(await everything_from(reader)) < len(HUGE)
