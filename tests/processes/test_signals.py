"""Signals at any time: those that stop, those that reopen logs, and those that mean nothing."""

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1, SIGUSR2, Signals

import pytest

from support.server import ServerProcess, answers, clean_environment
from support.waiting import TIMEOUT, until

HARMLESS = [SIGHUP, SIGUSR1, SIGUSR2]
SERVE = [sys.executable, "-m", "sharq_plug", "--port", "0"]


def has(pid: int, field: str, number: Signals) -> bool:
    """Tell whether a signal is in one of the sets of /proc/<pid>/status."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition(f"{field}:")[2].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def listens(pid: int, number: Signals) -> bool:
    return has(pid, "SigCgt", number) and not has(pid, "SigBlk", number)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_signals_without_a_meaning_end_no_process_while_the_server_starts(
    workers: str, on_redis: dict[str, str]
) -> None:
    class Pestered(ServerProcess):
        """A server that gets such signals all the time, from the moment that it can know them."""

        def is_ready(self) -> bool:
            until(lambda: has(self.process.pid, "SigIgn", SIGUSR2))
            while not self.serves():
                for number in HARMLESS:
                    self.send_to_all(number)
                assert self.process.poll() is None, self.log()
            return super().is_ready()

        def serves(self) -> bool:
            pids = self.children() if workers == "2" else [self.process.pid]
            return len(pids) == int(workers) and all(listens(pid, SIGHUP) for pid in pids)

    with Pestered("--workers", workers, environ=on_redis) as server:
        assert answers(server.url)
        assert server.stop() == 0, server.log()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_signals_without_a_meaning_end_no_process_that_serves(
    workers: str, on_redis: dict[str, str]
) -> None:
    with ServerProcess("--workers", workers, environ=on_redis) as server:
        assert answers(server.url)
        for number in HARMLESS:
            server.send_to_all(number)
        for number in HARMLESS:
            server.send(number)
        assert answers(server.url)
        assert server.process.poll() is None
        assert server.stop() == 0
        assert "ended" not in server.log()


@pytest.mark.parametrize(("number", "workers"), [(SIGTERM, "1"), (SIGTERM, "2"), (SIGINT, "1")])
def test_a_signal_to_stop_ends_the_server_at_any_instant_of_its_start(
    number: Signals, workers: str, on_redis: dict[str, str]
) -> None:
    chance = random.Random(7)
    for _ in range(5):
        with subprocess.Popen(
            [*SERVE, "--workers", workers],
            env=clean_environment(on_redis),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            if number == SIGINT:  # until then Python itself ends with a traceback
                until(lambda: has(process.pid, "SigIgn", SIGUSR2))  # called at once
            time.sleep(chance.uniform(0, 1))
            process.send_signal(number)
            try:
                assert process.wait(5) in (0, -number)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, SIGKILL)


LISTENS = """
import builtins, signal, sys
import sharq_plug.__main__ as command

assert not any(name.startswith(("sanic", "asyncio", "redis")) for name in sys.modules)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "sharq_plug.server.cli":
            print([signal.getsignal(number) is not before[number] for number in before])
            sys.exit(7)

sys.meta_path.insert(0, Finder())
numbers = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2
before = {number: signal.SIG_DFL for number in numbers}
for number in numbers:  # nohup, say, leaves SIGHUP ignored
    signal.signal(number, signal.SIG_DFL)
command.main()
"""


def test_the_command_listens_to_signals_before_it_loads_the_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTENS], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, f"{[True] * 5}\n"), done.stderr


STUBBORN = """
import os, signal, sharq_plug.server.signals
sharq_plug.server.signals.watch_start()
os.kill = lambda *_: None  # as the system does with process 1, which no default ends
signal.raise_signal(signal.SIGTERM)
"""


def test_a_process_that_no_default_ends_ends_by_itself() -> None:
    done = subprocess.run([sys.executable, "-c", STUBBORN], timeout=TIMEOUT, check=False)
    assert done.returncode == 128 + SIGTERM
