"""A primary with replicas, watched by sentinels: all of them real processes."""

import contextlib
import itertools
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import redis

from support.redis_server import RedisServer, free_port, is_in_step, lasting_port, server_binary
from support.waiting import until

SERVICE = "jobs"
DOWN_AFTER = 500
"""ms of silence after which a sentinel takes a server for dead."""
FAILOVER_TIMEOUT = 3000
"""ms for a step of a failover; twice as long after one no other begins."""


class Sentinel:
    """One sentinel process. It connects to others from the address `source`, if that is given."""

    def __init__(self, folder: Path, source: str | None = None) -> None:
        self.folder = folder
        self.source = source
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int, quorum: int) -> None:
        """Watch the primary at a port."""
        self.folder.mkdir(parents=True)
        file = self.folder / "sentinel.conf"
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"sentinel monitor {SERVICE} 127.0.0.1 {port} {quorum}",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}",
            f"sentinel failover-timeout {SERVICE} {FAILOVER_TIMEOUT}",
            *([] if self.source is None else [f"bind-source-addr {self.source}"]),
            "sentinel announce-ip 127.0.0.1",
        ]
        file.write_text("".join(f"{line}\n" for line in lines))
        with (self.folder / "sentinel.log").open("ab") as log:
            command = [server_binary(), str(file), "--sentinel"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: self.ask("PING"))

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, *words: object) -> Any:
        """Send a command; return the reply, None where there is none."""
        with contextlib.suppress(redis.exceptions.ConnectionError):
            client = redis.Redis(port=self.port, protocol=2, driver_info=None)
            return client.execute_command(*words)  # type: ignore[no-untyped-call]
        return None


class Watch:
    """A primary, its replicas, and sentinels. A context manager.

    `announce` tells, for the port of a server, the one by which all others are to reach it; then
    each connects to others from its own loopback address (see `source_of`).
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        replicas: int = 1,
        sentinels: int = 3,
        announce: Callable[[int], int] | None = None,
    ) -> None:
        self._announce = announce
        self._arguments = arguments
        sources = (f"127.0.0.{number}" for number in itertools.count(2))
        self.servers = [
            self._server(folder / f"redis-{n}", next(sources)) for n in range(1 + replicas)
        ]
        self.sentinels = [
            Sentinel(folder / f"sentinel-{n}", None if announce is None else next(sources))
            for n in range(sentinels)
        ]

    def __enter__(self) -> Self:
        try:
            primary, *replicas = self.servers
            for server in self.servers:
                server.start()
            for server in replicas:
                self.follow(server, primary)
                until(partial(is_in_step, server))
            for sentinel in self.sentinels:
                sentinel.start(self._announced(primary.port), len(self.sentinels) // 2 + 1)
            until(lambda: all(map(self._knows_all, self.sentinels)))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for sentinel in self.sentinels:
            sentinel.stop()
        for server in self.servers:
            server.stop()

    @property
    def options(self) -> dict[str, object]:
        """The store's options."""
        places = ", ".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return {"sentinels": places, "sentinel_service": SERVICE}

    @property
    def primary(self) -> RedisServer:
        """The server that the sentinels name."""
        for sentinel in self.sentinels:
            found = self.named_by(sentinel)
            if found is not None:
                return found
        raise LookupError("no sentinel answers")

    def named_by(self, sentinel: Sentinel) -> RedisServer | None:
        """Return the server that a sentinel names, None if it does not answer."""
        found = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        if found is None:
            return None
        return next(one for one in self.servers if self._announced(one.port) == int(found[1]))

    def await_replicas(self) -> None:
        """Wait until each server but the primary is its replica and has all of it."""
        for server in self.servers:
            if server is not self.primary:
                until(partial(is_replica, server), within=60)

    def follow(self, server: RedisServer, primary: RedisServer) -> None:
        """Make a server the replica of another."""
        server.command("REPLICAOF", "127.0.0.1", self._announced(primary.port))

    def fail_over(self) -> RedisServer:
        """Have the sentinels promote another server; return it when they name it."""
        former = self.primary
        until(lambda: self.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE))
        until(lambda: self.primary is not former)
        return self.primary

    def _server(self, folder: Path, source: str) -> RedisServer:
        port = lasting_port()
        apart: list[str] = []
        if self._announce is not None:
            apart += ["--bind-source-addr", source, "--replica-announce-ip", "127.0.0.1"]
            apart += ["--replica-announce-port", str(self._announce(port))]
        return RedisServer(
            folder, "--repl-diskless-sync-delay", "0", *apart, *self._arguments, port=port
        )

    def _announced(self, port: int) -> int:
        return port if self._announce is None else self._announce(port)

    def _knows_all(self, sentinel: Sentinel) -> bool:
        others = sentinel.ask("SENTINEL", "SENTINELS", SERVICE)
        replicas = sentinel.ask("SENTINEL", "REPLICAS", SERVICE)
        counts = (len(others), len(replicas))
        return counts == (len(self.sentinels) - 1, len(self.servers) - 1)


def is_replica(server: RedisServer) -> bool:
    """Say whether a server is a replica that is in step."""
    info = server.client().info("replication")
    return bool(info["role"] == "slave" and info["master_link_status"] == "up")
