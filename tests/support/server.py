"""A real sharq-server process, started for the tests."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from support.waiting import TIMEOUT, until


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without any variable of the server's, and then `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHARQ_")}
    return {**kept, **(extra or {})}


def run_command(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m sharq_plug` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sharq_plug", *arguments],
        env=clean_environment(environ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Hold a command to a mistake's answer: one line with those words, and nothing else."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("sharq-server: error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def answers(url: str) -> bool:
    """Tell whether a server is there and answers."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


def has_open(pid: int, path: Path) -> bool:
    """Tell whether a process has a file open."""
    found = Path(f"/proc/{pid}/fd").iterdir()
    return any(descriptor.exists() and descriptor.samefile(path) for descriptor in found)


class ServerProcess:
    """A server on a free port, in a process group of its own. Use it as a context manager."""

    def __init__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self._arguments = arguments
        self._environ = clean_environment(environ)

    def __enter__(self) -> Self:
        self._output = tempfile.TemporaryFile("w+")  # closed in __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sharq_plug", "--port", "0", *self._arguments],
            env=self._environ,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until(self.is_ready)
            address = self._address()
            assert address is not None
            self.port = int(address[2] or 0)  # 0: on a Unix socket
            self.url = f"{address[1]}://127.0.0.1:{self.port}"
        except BaseException as error:  # Ctrl-C too: no server is left behind
            error.add_note(self.log())
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(TIMEOUT)
        self._output.close()

    def log(self) -> str:
        """Return all that the server has written so far."""
        descriptor = self._output.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server's first process."""
        self.process.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """Send a signal to all its processes, as a terminal does with Ctrl-C."""
        os.killpg(self.process.pid, number)

    def stop(self) -> int:
        """Ask it to end, and return the exit status."""
        self.send(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end, and return the exit status."""
        return self.process.wait(TIMEOUT)

    def children(self) -> list[int]:
        """Return the ids of the processes that serve, when there are several."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

    def is_ready(self) -> bool:
        """Return whether it has logged where it serves; fail if it has ended."""
        assert self.process.poll() is None, self.log()
        return self._address() is not None

    def _address(self) -> "re.Match[str] | None":
        return re.search(r" at (?:(https?)://127\.0\.0\.1:(\d+)|unix:\S+)", self.log())
