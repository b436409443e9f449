"""A thread writes what is logged: whoever logs never waits, and what is lost is counted."""

import contextlib
import errno
import fcntl
import gc
import logging
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sharq_plug.server import log_writer
from sharq_plug.server.log_writer import AppendedFile, LineWriter
from sharq_plug.server.logs import LineHandler
from support.waiting import until


class Pipe:
    """A target that can fail, and that a test reads."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.error: OSError | None = None

    def descriptor(self) -> int:
        if self.error is not None:
            raise self.error
        return self.writer

    def forget(self) -> None:
        pass

    def read(self) -> str:
        """Return what is there, which is at least something."""
        return os.read(self.reader, 1 << 20).decode()

    def read_all(self) -> str:
        """Return what was written since, without waiting."""
        os.set_blocking(self.reader, False)
        try:
            return self.read()
        except BlockingIOError:
            return ""
        finally:
            os.set_blocking(self.reader, True)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for descriptor in (pipe.reader, pipe.writer):
        os.close(descriptor)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def writer(pipe: Pipe, told: list[str]) -> LineWriter:
    return LineWriter("the log", pipe, told.append, tells_at_once=True)


@pytest.mark.parametrize("blocks", [True, False], ids=["blocking", "non-blocking"])
def test_lines_come_in_order_through_a_pipe_that_holds_only_some(
    writer: LineWriter,
    pipe: Pipe,
    told: list[str],
    blocks: bool,  # noqa: FBT001  # pytest's
) -> None:
    os.set_blocking(pipe.writer, blocks)
    lines = [f"line {number}" for number in range(50_000)]
    for line in lines:
        writer.put(line)
    text = ""
    while text.count("\n") < len(lines):
        text += pipe.read()
    assert text.splitlines() == lines
    assert told == []


def test_a_pipe_that_is_full_is_waited_for_whatever_its_number(pipe: Pipe, told: list[str]) -> None:
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, 2000), most))
    high = fcntl.fcntl(pipe.writer, fcntl.F_DUPFD, 1500)
    os.close(pipe.writer)
    pipe.writer = high
    os.set_blocking(high, False)
    writer = LineWriter("the log", pipe, told.append)
    for _ in range(200):
        writer.put("x" * 999)
    text = ""
    while len(text) < 200_000:
        text += pipe.read()
    assert told == []
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def test_lines_wait_for_a_slow_reader_up_to_a_bound_and_the_rest_is_counted(
    writer: LineWriter, pipe: Pipe, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 1_000_000)
    line = "x" * 999
    started = time.monotonic()
    for _ in range(5000):
        writer.put(line)
    assert time.monotonic() - started < 2
    read: list[str] = []

    def reads_until_told() -> bool:
        read.append(pipe.read_all())
        return bool(told)

    until(reads_until_told)
    writer.flush()
    kept = "".join([*read, pipe.read_all()]).count("\n")
    assert 1000 <= kept <= 1200
    assert told == [f"the log lost {5000 - kept} lines that could not be written"]


def test_failures_are_told_when_they_begin_and_counted_when_they_end(
    writer: LineWriter, pipe: Pipe, told: list[str]
) -> None:
    pipe.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for _ in range(3):
        writer.put("lost")
        writer.flush()
    assert told == ["the log cannot be written: No space left on device"]
    pipe.error = None
    writer.put("kept")
    writer.flush()
    assert told[1:] == ["the log lost 3 lines that could not be written"]
    assert pipe.read() == "kept\n"


def test_a_line_that_was_cut_is_ended_before_the_next_begins(
    writer: LineWriter, pipe: Pipe, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, disk = os.write, [13]

    def until_the_disk_is_full(descriptor: int, data: bytes) -> int:
        if disk[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, data[: disk[0]])
        disk[0] -= written
        return written

    monkeypatch.setattr(os, "write", until_the_disk_is_full)
    for line in ("first", "second", "third"):
        writer.put(line)
    writer.flush()
    disk[0] = 1000
    writer.put("fourth")
    writer.flush()
    text = pipe.read()
    assert text.startswith("first\n")
    assert text.endswith("\nfourth\n")
    whole = sum(line in text.splitlines() for line in ("first", "second", "third"))
    assert told[-1] == f"the log lost {3 - whole} lines that could not be written"


def test_a_flush_of_what_cannot_be_written_ends(
    writer: LineWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "FLUSH_TIMEOUT", 0.01)
    for _ in range(100):
        writer.put("x" * 1000)
    started = time.monotonic()
    writer.flush()
    assert time.monotonic() - started < 1


def test_code_that_the_collector_runs_may_log_while_others_log(
    writer: LineWriter, pipe: Pipe
) -> None:
    class Noisy:
        def __del__(self) -> None:
            writer.put("collected")

    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(200):
            noisy = Noisy()
            noisy.itself = noisy  # type: ignore[attr-defined]
            writer.put("put")
    finally:
        gc.set_threshold(*thresholds)
    del noisy
    gc.collect()
    writer.flush()
    text = pipe.read()
    assert text.count("put") == text.count("collected") == 200


def test_a_record_that_makes_no_line_raises_nothing_and_is_counted(
    writer: LineWriter, pipe: Pipe, told: list[str]
) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    handler = LineHandler(writer, logging.Formatter("%(message)s"))
    for argument in (Broken(), "well"):
        handler.handle(logging.makeLogRecord({"msg": "it said %s", "args": (argument,)}))
    handler.flush()
    assert pipe.read() == "it said well\n"
    assert told == ["the log lost 1 lines that could not be written"]


def test_a_character_that_no_encoding_knows_ends_nothing(writer: LineWriter, pipe: Pipe) -> None:
    writer.put("half an emoji: \ud83d")
    writer.flush()
    assert pipe.read() == "half an emoji: \\ud83d\n"


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path, told: list[str]) -> None:
    path = tmp_path / "access.log"
    writer = LineWriter("the log", AppendedFile(str(path), told.append), told.append)
    writer.put("old")
    writer.flush()
    path.rename(tmp_path / "moved")
    writer.put("new")
    writer.flush()
    assert (tmp_path / "moved").read_text() == "old\n"
    assert path.read_text() == "new\n"
    assert told == []


def test_the_writing_thread_takes_no_signals(writer: LineWriter) -> None:
    [thread] = [found for found in threading.enumerate() if found.name == "writer of the log"][-1:]
    assert thread.native_id is not None
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    assert blocked >> 14 & 1  # SIGTERM
    assert thread.daemon


PYTHON_SAYS = """
import logging, sys, threading, warnings
from sharq_plug.server.logs import configure_logging

class Broken:
    def __del__(self):
        raise ValueError("ignored")

configure_logging(None)
Broken()
warnings.warn("deprecated")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("uncaught")
"""


def test_what_python_says_goes_the_way_of_the_log() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PYTHON_SAYS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
    for level, text in [
        ("ERROR", "Exception ignored in"),
        ("WARNING", "deprecated"),
        ("ERROR", "the thread <Thread"),
        ("CRITICAL", "the server failed"),
    ]:
        assert any(f" {level} " in line and text in line for line in lines), (text, lines)
    assert len(lines) == 4, lines


def test_what_python_says_waits_for_nobody() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    done = subprocess.run(
        [sys.executable, "-c", PYTHON_SAYS], stderr=writer, timeout=20, check=False
    )
    assert done.returncode == 1
    os.close(reader)
    os.close(writer)
