"""Write lines to a file in a thread, so that nobody else waits for the file."""

import contextlib
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from queue import Empty, SimpleQueue
from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals
from threading import Event, RLock, Thread
from typing import Protocol

MOST_WAITING = 4 * 1024 * 1024
"""Characters that may wait to be written; further lines are lost."""
PAUSE = 0.05
"""Seconds between two writes. Lines that arrive in between are written together."""
FLUSH_TIMEOUT = 1.0
"""Seconds that the process waits at its end for a file that accepts nothing."""
TELL_AGAIN = 10.0
"""Seconds between two messages about lost lines."""
FILE_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""Non-blocking, so that a named pipe without a reader fails instead of waiting."""


class Target(Protocol):
    """Where lines go. Only the writing thread calls its methods."""

    def descriptor(self) -> int:
        """Return a file descriptor that can be written to now. Raises OSError."""

    def forget(self) -> None:
        """Reopen the file next time: a write has failed."""


class StandardError:
    """The standard error of the process, unless it was closed before the start."""

    def __init__(self) -> None:
        # A copy: should somebody close number 2, another file may get that number.
        self._descriptor = None if sys.__stderr__ is None else os.dup(sys.__stderr__.fileno())

    def descriptor(self) -> int:
        """Return a copy of its descriptor."""
        if self._descriptor is None:
            raise OSError(0, "standard error is closed")
        return self._descriptor

    def forget(self) -> None:
        """Do nothing: standard error cannot be reopened."""


class AppendedFile:
    """A file that is reopened when its path leads to another file, as after a rotation.

    While it cannot be reopened, lines go to the old file, if that still has a name.
    """

    def __init__(self, path: str, tell: Callable[[str], None]) -> None:
        self._path = path
        self._tell = tell
        self._descriptor: int | None = None
        self._is_behind = False

    def open(self) -> None:
        """Open the file now. Raises OSError if that cannot be; it is tried again for each line."""
        self._descriptor = _open(self._path)

    def descriptor(self) -> int:
        """Return the descriptor of the file at the path, or else of the one that was there."""
        if self._descriptor is not None and self._is_there(self._descriptor):
            return self._descriptor
        try:
            opened = _open(self._path)
        except OSError as error:
            if self._descriptor is None or os.fstat(self._descriptor).st_nlink == 0:
                raise
            if not self._is_behind:
                self._is_behind = True
                self._tell(f"{self._path} cannot be opened, the old file is used: {error.strerror}")
            return self._descriptor
        self.forget()
        self._descriptor = opened
        self._is_behind = False
        return opened

    def forget(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _is_there(self, descriptor: int) -> bool:
        try:
            there = os.stat(self._path)  # noqa: PTH116  # a Path would be made for each write
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(descriptor))


class LineWriter:
    """Write lines in a thread. `put` returns at once and never raises.

    Lines that cannot be written, or that arrive faster than they are written, are lost and counted.
    Once writing works again, `tell` is called with their number; with `tells_at_once` also when
    writing begins to fail.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        tell: Callable[[str], None],
        *,
        tells_at_once: bool = False,
    ) -> None:
        self._name = name
        self._target = target
        self._tell = tell
        self._tells_at_once = tells_at_once
        # Putting into a SimpleQueue is safe even where the collector runs code that logs.
        self._queue: SimpleQueue[str | Event] = SimpleQueue()
        self._lock = RLock()
        self._put = self._written = 0  # characters; each is changed in one thread at a time
        self._refused = self._failed = self._told = 0  # lines
        self._fail_next = self._tell_next = 0.0
        self._is_failing = self._is_cut = self._is_stuck = False
        self._hurry = Event()
        _start(Thread(target=self._run, name=f"writer of {name}", daemon=True))

    def put(self, line: str) -> None:
        """Queue a line to be written soon, or count it as lost."""
        with self._lock:
            if self._put - self._written + len(line) > MOST_WAITING:
                self._refused += 1
                return
            self._put += len(line)
        self._queue.put(line)

    def lose(self) -> None:
        """Count a line that could not be made as lost."""
        with self._lock:
            self._refused += 1

    def reopen(self) -> None:
        """Let the thread look soon whether the file at the path is still the one it writes to."""
        self._queue.put(Event())

    def flush(self) -> None:
        """Wait up to a second until all lines are written; do not wait twice in vain.

        It is meant for the end of a process: later lines are written one by one.
        """
        self._hurry.set()
        for _ in range(2):  # the first may bring a message about lost lines
            done = Event()
            self._queue.put(done)
            self._is_stuck = not done.wait(0 if self._is_stuck else FLUSH_TIMEOUT)

    def _run(self) -> None:
        while True:
            lines, waiting = self._take()
            self._write(lines)
            self._tell_losses(is_last=self._hurry.is_set())
            for event in waiting:
                event.set()
            self._hurry.wait(PAUSE)

    def _take(self) -> tuple[list[str], list[Event]]:
        """Return all queued lines, and the events of those that wait for them."""
        lines: list[str] = []
        waiting: list[Event] = []
        item = self._queue.get()
        with contextlib.suppress(Empty):
            while True:
                if isinstance(item, Event):
                    waiting.append(item)
                else:
                    lines.append(item)
                item = self._queue.get_nowait()
        return lines, waiting

    def _write(self, lines: list[str]) -> None:
        left = len(lines)
        try:
            descriptor = self._target.descriptor()
            for chunk in _chunks(lines):
                written = self._write_chunk(descriptor, chunk)
                left -= written
                if written < len(chunk):
                    break
        except OSError as error:
            self._fail(error)
        self._failed += left
        self._written += sum(map(len, lines))

    def _write_chunk(self, descriptor: int, chunk: list[bytes]) -> int:
        """Return how many lines of the chunk were written completely."""
        data = b"".join(chunk)
        try:
            if self._is_cut:
                _write_all(descriptor, b"\n")
                self._is_cut = False
            _write_all(descriptor, data)
        except _CutError as cut:
            self._fail(cut.error)
            if cut.written:
                self._is_cut = not data[: cut.written].endswith(b"\n")
            return sum(end <= cut.written for end in accumulate(map(len, chunk)))
        self._is_failing = False
        return len(chunk)

    def _fail(self, error: OSError) -> None:
        with contextlib.suppress(OSError):
            self._target.forget()
        if not self._is_failing and self._tells_at_once and time.monotonic() >= self._fail_next:
            self._fail_next = time.monotonic() + TELL_AGAIN
            self._tell(f"{self._name} cannot be written: {error.strerror or error}")
        self._is_failing = True

    def _tell_losses(self, *, is_last: bool) -> None:
        lost = self._refused + self._failed
        if lost == self._told or self._is_failing:
            return
        now = time.monotonic()
        if now >= self._tell_next or is_last:
            self._tell(f"{self._name} lost {lost - self._told} lines that could not be written")
            self._told = lost
            self._tell_next = now + TELL_AGAIN


class _CutError(Exception):
    """A write that failed after some bytes."""

    def __init__(self, error: OSError, written: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.written = written


def _chunks(lines: list[str]) -> Iterator[list[bytes]]:
    """Yield encoded lines in groups that a pipe accepts in one piece, if possible.

    So lines of several processes on one pipe do not mix.
    """
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        data = f"{line}\n".encode(errors="backslashreplace")
        if chunk and size + len(data) > select.PIPE_BUF:
            yield chunk
            chunk, size = [], 0
        chunk.append(data)
        size += len(data)
    if chunk:
        yield chunk


def _write_all(descriptor: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        try:
            written += os.write(descriptor, data[written:])
        except BlockingIOError:
            _until_writable(descriptor)
        except OSError as error:
            raise _CutError(error, written) from error


def _until_writable(descriptor: int) -> None:
    poll = select.poll()  # select.select knows no numbers past 1023
    poll.register(descriptor, select.POLLOUT)
    poll.poll()


def _open(path: str) -> int:
    return os.open(path, FILE_FLAGS, stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH)


def _start(thread: Thread) -> None:
    """Start a thread that receives no signals: they are for the main thread."""
    mask = pthread_sigmask(SIG_BLOCK, valid_signals())
    try:
        thread.start()
    finally:
        pthread_sigmask(SIG_SETMASK, mask)
