"""Connections over TLS count, and end in time, before their handshake is done."""

import asyncio
import ssl
from dataclasses import replace
from typing import Any

import pytest

from sharq_plug.plugins import open_store
from support.api import QUIET, enqueue, send, serving
from support.certificates import Authority
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
TIMEOUT = 0.4
MIB = 1024 * 1024


async def test_a_connection_counts_before_its_handshake(authority: Authority) -> None:
    options = replace(QUIET, max_connections=1)
    async with (
        serving(lambda: open_store("memory"), options, authority=authority) as served,
        asyncio.timeout(10),
    ):
        _, silent = await asyncio.open_connection("127.0.0.1", served.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=served.trust)
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        silent.close()


@pytest.mark.parametrize("byte", [b"", b"\x16"])
async def test_a_handshake_that_does_not_come_is_not_waited_for(
    authority: Authority, byte: bytes
) -> None:
    options = replace(QUIET, keep_alive_timeout=TIMEOUT)
    async with (
        serving(lambda: open_store("memory"), options, authority=authority) as served,
        asyncio.timeout(10),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(byte)
        assert await reader.read() == b""
        writer.close()


async def test_a_request_in_one_piece_with_the_handshake_is_read(authority: Authority) -> None:
    async with (
        serving(lambda: open_store("memory"), authority=authority) as served,
        asyncio.timeout(10),
    ):
        assert served.trust is not None
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = served.trust.wrap_bio(to_client, to_server, server_hostname="localhost")
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        while not is_done(tls):
            writer.write(to_server.read())
            to_client.write(await reader.read(1 << 16))
        tls.write(GET)
        writer.write(to_server.read())  # the end of the handshake goes with the request
        to_client.write(await reader.read())
        assert tls.read(1 << 16).startswith(b"HTTP/1.1 200 ")
        writer.close()


def is_done(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


async def test_unsent_bytes_are_counted(authority: Authority) -> None:
    payload = "x" * 900_000
    async with (
        serving(lambda: open_store("memory"), authority=authority) as served,
        asyncio.timeout(20),
    ):
        for number in range(20):
            await send(served.client, enqueue(f"j{number}", payload=payload))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", served.port, ssl=served.trust, limit=1024
        )
        writer.write(b"GET /dequeue/sms/?count=20 HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        await comes_true(lambda: unread(served.server.memory))
        [connection] = unread(served.server.memory)
        assert connection.is_paused
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()


def unread(memory: Any) -> list[Any]:
    """Return the connections that have more than a MiB unsent."""
    return [connection for connection in memory._held if connection.held() > MIB]
