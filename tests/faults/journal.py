"""The record of the requests of a process, as sent. It survives a kill -9."""

import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import msgspec

from support.http_client import Answer


class Asked(msgspec.Struct, tag=True, frozen=True):
    """A request that is about to be sent. `tick` is monotonic ns, `at` ms since the epoch.

    `key` is its `Idempotency-Key`.
    """

    call: int
    tick: int
    at: int
    path: str
    body: str
    key: str | None = None


class Answered(msgspec.Struct, tag=True, frozen=True):
    """The answer to a request. Some requests get none; after a kill there is no end either."""

    call: int
    tick: int
    at: int
    status: int
    body: str


class Unanswered(msgspec.Struct, tag=True, frozen=True):
    """The end of a request without an answer: the caller gave up or the connection was lost."""

    call: int
    tick: int
    at: int


Entry: TypeAlias = Asked | Answered | Unanswered

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Journal:
    """Append a line to a file for each entry, at once: no line waits in this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._calls = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def asked(self, path: str, body: bytes, key: str | None = None) -> int:
        """Note a request that is about to be sent, and return its number."""
        call = next(self._calls)
        self._write(Asked(call, *_moment(), path, body.decode(), key))
        return call

    def answered(self, call: int, answer: Answer) -> None:
        """Note an answer that came."""
        self._write(Answered(call, *_moment(), answer.status, answer.body.decode()))

    def unanswered(self, call: int) -> None:
        """Note that the caller waits no longer."""
        self._write(Unanswered(call, *_moment()))

    def _write(self, entry: Entry) -> None:
        os.write(self._file, _encode(entry) + b"\n")


def read_journal(path: Path) -> Iterator[Entry]:
    """Iterate over the entries of a file; the last may have been cut short by a kill."""
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield _decode(line)


def _moment() -> tuple[int, int]:
    return time.monotonic_ns(), time.time_ns() // 1_000_000
