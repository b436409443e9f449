"""Two small HTTP/1.1 clients: `Connection` loads a server cheaply, `Wire` sends any bytes.

Both read answers by the same function. They know only what our servers send: every answer has a
Content-Length.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeAlias

PATIENCE = 5.0
"""Seconds after which a `Wire` stops waiting."""
HEAD_END = b"\r\n\r\n"
NOT_MODIFIED = 304
LENGTH = b"\r\ncontent-length: "


class Answer(NamedTuple):
    """An answer; `head` is its status line and its headers."""

    status: int
    body: bytes
    head: bytes = b""

    @property
    def size(self) -> int:
        """Return how many bytes it had on the wire."""
        return len(self.head) + len(HEAD_END) + len(self.body)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers, their names in lower case."""
        _, *lines = self.head.decode("ascii").split("\r\n")
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def is_last(self) -> bool:
        """Whether the server closes the connection after it."""
        return b"\r\nconnection: close" in self.head.lower()


def read_answer(received: bytes | bytearray, *, method: bytes = b"GET") -> Answer | None:
    """Return the first answer in what was received; None while it is not complete."""
    end = received.find(HEAD_END)
    if end < 0:
        return None
    head = bytes(received[:end])
    status = int(head[9:12])
    has_body = method != b"HEAD" and status >= 200 and status != NOT_MODIFIED
    size = int(head.lower().partition(LENGTH)[2].partition(b"\r")[0]) if has_body else 0
    start = end + len(HEAD_END)
    if len(received) < start + size:
        return None
    return Answer(status, bytes(received[start : start + size]), head)


def request(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    if body or method == "POST":
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


Answered: TypeAlias = Callable[[Answer], object]


class Connection(asyncio.Protocol):
    """A keep-alive connection that sends each request when the one before it is answered.

    `is_open` until either side closes it.
    """

    def __init__(self) -> None:
        self._transport: Any = None  # uvloop's transports are asyncio's in all but the type
        self._received = b""
        self._requests: Iterator[bytes] = iter(())
        self._answered: Answered = lambda _answer: None
        self._done: asyncio.Future[None] | None = None
        self.is_open = False

    async def send(self, requests: Iterator[bytes], answered: Answered) -> None:
        """Send requests until there are none left; several connections may share them.

        Raises ConnectionError if the server closes the connection first.
        """
        self._requests, self._answered = requests, answered
        self._done = asyncio.get_running_loop().create_future()
        self._send_next()
        self._read()  # a server that is full answers before it is asked
        if not self.is_open:
            self._end(ConnectionResetError("the connection is closed"))
        await self._done

    async def ask(self, request: bytes) -> Answer:
        """Send one request and return its answer."""
        answers: list[Answer] = []
        await self.send(iter([request]), answers.append)
        return answers[0]

    def close(self) -> None:
        """Close it when all is sent."""
        self.is_open = False
        self._transport.close()

    def abort(self) -> None:
        """Close it at once, whatever is on its way."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.is_open = False
        self._end(exc or ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Take an answer, or a part of one."""
        self._received += data
        self._read()

    def _read(self) -> None:
        while self._done is not None and not self._done.done():
            answer = read_answer(self._received)
            if answer is None:
                return
            self._received = self._received[answer.size :]
            self._answered(answer)
            self._send_next()

    def _send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._end()
        elif self.is_open:
            self._transport.write(request)

    def _end(self, error: Exception | None = None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


async def connect(port: int) -> Connection:
    """Return a new connection to a server on this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


class Wire:
    """A blocking socket that sends what no good client sends. Use it as a context manager."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it, as far as the server takes it."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have answered
            self.socket.sendall(data)

    def shut(self) -> None:
        """Say that nothing more will be sent. An SSLSocket's own method would end its TLS too."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def say_goodbye(self) -> None:
        """Say in TLS that nothing more will be sent, and leave the connection open."""
        assert isinstance(self.socket, ssl.SSLSocket)
        self.socket.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):  # it asks for the server's goodbye
            self.socket.unwrap()
        self.socket.settimeout(PATIENCE)

    def answer(self, *, method: bytes = b"GET") -> Answer | None:
        """Return the next answer, or None if the server closed the connection.

        Raises TimeoutError.
        """
        while (answer := read_answer(self._received, method=method)) is None:
            if not self._receive():
                assert not self._received, "the server closed the connection within an answer"
                return None
        del self._received[: answer.size]
        assert answer.head.startswith(b"HTTP/1.1 ")
        assert answer.headers is not None  # each line is a header
        return self.answer(method=method) if answer.status == 100 else answer

    def answers(self) -> list[Answer]:
        """Return every answer until the server closes the connection."""
        found = []
        while (answer := self.answer()) is not None:
            found.append(answer)
        return found

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionResetError, ssl.SSLZeroReturnError):  # the latter after a goodbye
            return False
        self._received += data
        return bool(data)
