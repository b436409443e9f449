"""Servers and what they keep their jobs in, all of them real processes."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from faults.asking import KEPT, LEASE
from faults.proxy import Proxy
from support.redis_server import RedisServer, lasting_port
from support.server import ServerProcess
from support.waiting import until

SERVERS = 2
PATIENCE = 20
"""Seconds for a replica to be ready."""
CLOCKS_APART = 3600
"""Seconds by which the clock of the second server's process is ahead of the others'."""
WRONG_CLOCK = Path(__file__).parent / "wrong_clock"


class Servers:
    """Keep `SERVERS` servers on a store. All is stopped in the end. A context manager.

    `kept` is for how many ms they remember a job under an idempotency key.
    """

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self.folder = folder
        self._kept = kept
        self.ports = tuple(lasting_port() for _ in range(SERVERS))
        self.servers: list[ServerProcess] = []
        self._logs: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            self._environ = {
                "SHARQ_SERVER_BACKEND": "redis",
                "SHARQ_JOB_EXPIRE_INTERVAL": str(LEASE),
                "SHARQ_JOB_REQUEUE_INTERVAL": "200",
                "SHARQ_IDEMPOTENCY_TIME": str(self._kept),
                **self._open(stack),
            }
            stack.callback(self._stop_servers)
            for number in range(SERVERS):
                self.servers.append(self._started(number))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> Mapping[str, str]:
        """Start what the servers keep their jobs in; return the variables that lead there."""
        raise NotImplementedError

    def restart_server(self, number: int) -> None:
        """Kill a server if it still runs, and start it again at its port."""
        self._logs.append(self.servers[number].log())
        self.servers[number].__exit__()
        self.servers[number] = self._started(number)

    def logs(self) -> str:
        """Return all that the servers have written."""
        return "".join([*self._logs, *(server.log() for server in self.servers)])

    def _started(self, number: int) -> ServerProcess:
        paths = [str(WRONG_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]
        skew = {"PYTHONPATH": os.pathsep.join(paths), "SECONDS_AHEAD": str(CLOCKS_APART)}
        environ = self._environ | (skew if number else {})
        return ServerProcess("--port", str(self.ports[number]), environ=environ).__enter__()

    def _stop_servers(self) -> None:
        for server in self.servers:
            server.__exit__()


class House(Servers):
    """Servers on a Redis that appends to a file, with a proxy between them.

    There is a second Redis too, which runs from `replicate()` on.
    """

    def __init__(self, folder: Path, *, fsync: str = "always", kept: int = KEPT) -> None:
        super().__init__(folder, kept=kept)
        arguments = (
            *("--appendonly", "yes", "--appendfsync", fsync),
            *("--repl-diskless-sync", "no"),
        )
        self.redis = RedisServer(folder / "redis", *arguments, port=lasting_port())
        self.replica = RedisServer(folder / "replica", *arguments, port=lasting_port())
        self.proxy = Proxy(self.redis.port)
        self.link = Proxy(self.redis.port)

    def _open(self, stack: ExitStack) -> Mapping[str, str]:
        stack.enter_context(self.redis)
        stack.callback(self.replica.stop)
        stack.enter_context(self.proxy)
        stack.enter_context(self.link)
        return {"SHARQ_REDIS_URL": f"redis://127.0.0.1:{self.proxy.port}/0"}

    @property
    def client(self) -> "redis.Redis":
        """A client of the Redis that does not use the proxy."""
        return self.redis.client()

    def replicate(self) -> None:
        """Let the second Redis follow the first through the proxy `link`."""
        self.replica.stop()
        self.replica.start()
        follower = self.replica.client()
        follower.replicaof("127.0.0.1", self.link.port)
        until(lambda: follower.info("replication")["master_link_status"] == "up")
        self.await_replica()  # from now on it gets every write

    def await_replica(self) -> None:
        """Wait until the second Redis has what was written so far."""
        client = self.client
        client.set("followed", "", px=1)
        assert client.wait(1, timeout=PATIENCE * 1000) == 1

    def fail_over(self) -> None:
        """Kill the Redis, and promote its replica."""
        self.redis.stop()
        self.replica.client().replicaof("NO", "ONE")
        self.redis, self.replica = self.replica, self.redis
        self.proxy.target = self.link.target = self.redis.port
