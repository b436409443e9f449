"""The access log looks on: after the answer, and without a say in it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.wire.app import AppOptions
from support.api import Served, enqueue, send, serving

pytestmark = pytest.mark.anyio

ACCESS_LOG = logging.getLogger("sanic.access")


class Spy(logging.Handler):
    """Do something when the line of a request is logged."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.act = act

    def handle(self, record: logging.LogRecord) -> bool:
        self.act()
        return True


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(ACCESS_LOG, "level", logging.INFO)
    async with serving(MemoryStore, AppOptions(access_log=True)) as served:
        yield served


async def test_a_line_is_made_when_its_answer_has_been_written(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.setblocking(False)
        written: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def look() -> None:
            with contextlib.suppress(BlockingIOError):
                written.set_result(client.recv(10_000))
            if not written.done():
                written.set_result(b"nothing")

        monkeypatch.setattr(ACCESS_LOG, "handlers", [Spy(look)])
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await written).startswith(b"HTTP/1.1 200 ")


async def test_a_log_that_fails_changes_no_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []

    def fail() -> None:
        lines.append("line")
        raise OSError

    monkeypatch.setattr(ACCESS_LOG, "handlers", [Spy(fail)])
    for number in range(3):
        assert (await send(served.client, enqueue(f"{number}"))).status_code == 201
        assert (await served.client.get("/dequeue/sms/")).json()["job_id"] == f"{number}"
    assert len(lines) == 6


async def test_a_log_that_fails_keeps_no_connection_open(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError

    monkeypatch.setattr(ACCESS_LOG, "handlers", [Spy(fail)])
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
