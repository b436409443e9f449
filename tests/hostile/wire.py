"""Bytes on a socket: what no well-behaved client sends, and what comes back."""

import contextlib
import socket
from dataclasses import dataclass
from typing import Self

PATIENCE = 5.0
"""Seconds after which an answer counts as not given."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A connection. Use it as a context manager."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
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
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def answer(self, *, method: bytes = b"GET") -> Answer | None:
        """Return the next answer, or None if the server has hung up; raises TimeoutError."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if not self._receive():
                assert not self._received, "the server hung up in the middle of an answer"
                return None
        status_line, *lines = self._received[:end].decode("ascii").split("\r\n")
        del self._received[: end + 4]
        protocol, status, _ = status_line.split(" ", 2)
        assert protocol == "HTTP/1.1"
        if status == "100":
            return self.answer(method=method)
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = 0 if method == b"HEAD" else int(headers["content-length"])
        while len(self._received) < size:
            assert self._receive(), "the server hung up in the middle of an answer"
        body = bytes(self._received[:size])
        del self._received[:size]
        return Answer(int(status), headers, body)

    def answers(self) -> list[Answer]:
        """Return every answer until the server hangs up."""
        found = []
        while (answer := self.answer()) is not None:
            found.append(answer)
        return found

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        self._received += data
        return bool(data)
