"""Bounds of what clients may have at a time: past them they are refused, quickly and politely."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import islice

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.api.request import LISTINGS_AT_ONCE
from sharq_plug.model import Listing, Page
from sharq_plug.plugins import open_store
from support.api import QUIET, Serve, Served, enqueue, send, serving

pytestmark = pytest.mark.anyio

KIB = 1024
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OVERLOADED = {"status": "failure", "message": "The server is overloaded.", "error": "overloaded"}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=served.trust)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer_from(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], object]:
    """Return status, headers and body of the next answer."""
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(status_line.split()[1]), headers, json.loads(body)


async def test_a_connection_too_many_is_answered_503_and_closed(serve: Serve) -> None:
    options = replace(QUIET, max_connections=3)
    async with (
        serve(lambda: open_store("memory"), options) as served,
        AsyncExitStack() as stack,
        asyncio.timeout(10),
    ):
        kept = [await stack.enter_async_context(connected(served)) for _ in range(3)]
        for reader, writer in kept:
            writer.write(GET)
            assert (await answer_from(reader))[0] == 200
        for sent in (b"", GET, b"x" * 100_000):
            async with connected(served) as (reader, writer):
                writer.write(sent)
                status, headers, body = await answer_from(reader)
                assert (status, headers["retry-after"], body) == (503, "1", OVERLOADED)
                assert await reader.read() == b""
        kept[0][1].close()
        await kept[0][1].wait_closed()
        async with connected(served) as (reader, writer):
            writer.write(GET)
            assert (await answer_from(reader))[0] == 200


async def test_a_flood_of_connections_is_refused_whole(serve: Serve) -> None:
    options = replace(QUIET, max_connections=1)
    async with (
        serve(lambda: open_store("memory"), options) as served,
        connected(served) as (reader, writer),
        AsyncExitStack() as stack,
        asyncio.timeout(10),
    ):
        writer.write(GET)
        assert (await answer_from(reader))[0] == 200
        flood = [await stack.enter_async_context(connected(served)) for _ in range(400)]
        answers = await asyncio.gather(*(answer_from(reader) for reader, _ in flood))
        assert {status for status, _, _ in answers} == {503}
        writer.write(GET)
        assert (await answer_from(reader))[0] == 200


HALF = b"POST /enqueue/sms/half/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (256 * KIB)
SHORT_OF_MEMORY = replace(
    QUIET, max_body_size=256 * KIB, max_batch_body_size=256 * KIB, memory=1024 * KIB
)


async def test_bodies_that_do_not_come_give_way_to_those_that_do(serve: Serve) -> None:
    async with (
        serve(lambda: open_store("memory"), SHORT_OF_MEMORY) as served,
        AsyncExitStack() as stack,
        asyncio.timeout(10),
    ):
        halves = [await stack.enter_async_context(connected(served)) for _ in range(12)]
        for _, writer in halves:
            writer.write(HALF + b"x" * (200 * KIB))
        answers = [asyncio.create_task(answer_from(reader)) for reader, _ in halves]
        for answer in islice(asyncio.as_completed(answers), len(halves) - 5):
            status, headers, body = await answer
            assert (status, headers["retry-after"], body) == (503, "1", OVERLOADED)
        for number in range(20):
            job = enqueue(f"j{number}", payload="x" * (200 * KIB))
            assert (await send(served.client, job)).status_code == 201
        assert (await served.client.get("/metrics/sms/")).json()["queue_ids"] == ["q"]
        for waiting in answers:
            waiting.cancel()


async def test_clients_that_do_not_read_give_way_to_those_that_do(serve: Serve) -> None:
    async with (
        serve(lambda: open_store("memory"), SHORT_OF_MEMORY) as served,
        AsyncExitStack() as stack,
        asyncio.timeout(20),
    ):
        for number in range(200):
            await send(served.client, enqueue(f"j{number}", payload="x" * (200 * KIB)))
        for _ in range(12):
            _, writer = await stack.enter_async_context(connected(served))
            writer.write(b"GET /dequeue/sms/ HTTP/1.1\r\nHost: x\r\n\r\n" * 15)
        leased = 0
        while leased < 50:
            leased = (await served.client.get("/metrics/sms/q/")).json()["leased"]
        for _ in range(20):
            assert (await served.client.get("/dequeue/sms/")).status_code == 200


async def test_a_long_row_of_requests_holds_nobody_up(serve: Serve) -> None:
    async with (
        serve(lambda: open_store("memory"), QUIET) as served,
        connected(served) as (reader, writer),
        asyncio.timeout(20),
    ):
        length, read = 5000, 0

        async def read_the_row() -> None:
            nonlocal read
            for _ in range(length):
                await answer_from(reader)
                read += 1

        writer.write(GET * length)
        reading = asyncio.create_task(read_the_row())
        for path in ("/", "/nothing", "/dequeue/sms/"):
            await served.client.get(path)
            assert read < length // 2
        await reading


class ListedStore(MemoryStore):
    """Knows how many lists are being gathered at a time, and how many were at most."""

    gathering = most = 0

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        self.gathering += 1
        self.most = max(self.most, self.gathering)
        for _ in range(10):
            await asyncio.sleep(0)
        self.gathering -= 1
        return await super().page(queue_type, listing, cursor=cursor, limit=limit)


@pytest.mark.parametrize(
    "path", ["/metrics/", "/metrics/sms/", "/deadletters/sms/", "/jobs/sms/q/?payload=1"]
)
async def test_only_so_many_large_lists_are_gathered_at_a_time(path: str) -> None:
    store = ListedStore()
    async with serving(lambda: store, QUIET) as served, asyncio.timeout(10):
        responses = await asyncio.gather(*(served.client.get(path) for _ in range(30)))
    assert {response.status_code for response in responses} == {200}
    assert store.most == LISTINGS_AT_ONCE


async def test_one_listing_by_backlog_is_made_at_a_time() -> None:
    store = ListedStore()
    path = "/queues/sms/?sort=waiting"
    async with serving(lambda: store, QUIET) as served, asyncio.timeout(10):
        await send(served.client, enqueue("j1"))
        responses = await asyncio.gather(*(served.client.get(path) for _ in range(30)))
        again = await served.client.get(path)
    refused = [response for response in responses if response.status_code == 503]
    assert store.most == 1
    assert {response.status_code for response in responses} == {200, 503}
    assert {response.headers["retry-after"] for response in refused} == {"1"}
    assert refused[0].json() == OVERLOADED | {
        "message": "A listing by backlog is under way already."
    }
    assert [queue["queue_id"] for queue in again.json()["queues"]] == ["q"]
