"""A keep-alive HTTP connection that costs its process little, to load a server with."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Answered: TypeAlias = Callable[[int, bytes], object]
"""Takes the status and the body of an answer."""

HEAD_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "


class Connection(asyncio.Protocol):
    """Send requests one after the other, each as soon as the one before is answered."""

    def __init__(self) -> None:
        self._transport: Any = None  # uvloop's transports are asyncio's in all but the type
        self._received = b""
        self._requests: Iterator[bytes] = iter(())
        self._answered: Answered = lambda _status, _body: None
        self._done: asyncio.Future[None] | None = None

    async def send(self, requests: Iterator[bytes], answered: Answered) -> None:
        """Send requests until there are none left. Several connections may share them."""
        self._requests, self._answered = requests, answered
        self._done = asyncio.get_running_loop().create_future()
        self._send_next()
        await self._done

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send one request, and return the status and the body of its answer."""
        answers: list[tuple[int, bytes]] = []
        await self.send(iter([request]), lambda *answer: answers.append(answer))
        return answers[0]

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        """Take an answer, or a part of one."""
        received = self._received = self._received + data
        end = received.find(HEAD_END)
        if end < 0:
            return
        head = received[:end].lower()
        length = int(head.partition(LENGTH)[2].partition(b"\r")[0])
        body = received[end + len(HEAD_END) :]
        if len(body) == length:
            self._received = b""
            self._answered(int(head[9:12]), body)
            self._send_next()

    def _send_next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif self._done is not None:
            self._done.set_result(None)


async def connect(port: int) -> Connection:
    """Return a new connection to a server on this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if method == "POST":
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
