"""A real cluster of servers, started for the tests and joined by commands."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import redis

from sharq_redis.routing.slots import SLOTS, slot_of
from support.redis_keys import tag
from support.redis_server import RedisServer, is_in_step, lasting_port
from support.waiting import TIMEOUT, until

NODE_TIMEOUT = 1000
"""ms after which a server that does not answer is taken for dead."""


class RedisCluster:
    """Primaries that share the slots evenly, each with so many replicas. A context manager.

    `primaries` are those of the beginning, and `replicas` theirs, in the same order. `announce`
    tells, for the port of a server, the one by which clients and other servers are to reach it, and
    `announce_bus` the same of its bus; then each server connects to others from its own loopback
    address (see `source_of`).
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        primaries: int = 3,
        replicas: int = 0,
        announce: Callable[[int], int] | None = None,
        announce_bus: Callable[[int], int] | None = None,
    ) -> None:
        self._folder = folder
        self._arguments = arguments
        self._announce = announce
        self._announce_bus = announce_bus
        self._sources = (f"127.0.0.{number}" for number in itertools.count(2))
        self.primaries = [self._server(f"primary-{n}") for n in range(primaries)]
        self.replicas = [self._server(f"replica-{n}") for n in range(primaries * replicas)]
        self._per_primary = replicas

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.start()
            self._share_slots()
            for server in self.servers[1:]:
                self.meet(server)
            self._follow()
            self.await_agreement()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def servers(self) -> list[RedisServer]:
        """All servers, also those that were stopped."""
        return [*self.primaries, *self.replicas]

    @property
    def options(self) -> dict[str, object]:
        """The store's options for this cluster."""
        return {"clustered": True, "nodes": self.nodes}

    @property
    def nodes(self) -> str:
        """The addresses of the first servers, as [redis] nodes has them."""
        return ", ".join(f"127.0.0.1:{server.port}" for server in self.servers[:3])

    def stop(self) -> None:
        """Kill all."""
        for server in self.servers:
            server.stop()

    def flush(self) -> None:
        """Remove every key."""
        for server in self.primaries:
            server.client().flushall()

    def add(self, name: str) -> RedisServer:
        """Start another server that joins without slots."""
        server = self._server(name)
        server.start()
        self.primaries.append(server)
        self.meet(server)
        until(lambda: len(self._ports_known_to(server)) == len(self.servers))
        self.await_agreement()
        return server

    def remove(self, server: RedisServer) -> None:
        """Stop a server that has no slots, and let the others forget it."""
        name = name_of(server)
        server.stop()
        for one in self.servers:
            if one.is_up:
                with contextlib.suppress(redis.ResponseError):  # a replica of it, or unknown there
                    ask(one, "CLUSTER", "FORGET", name)
        self.primaries.remove(server)

    def await_replicas(self) -> None:
        """Wait until each replica has all of its primary."""
        for server in self.servers:
            if server.is_up and server.client().info("replication")["role"] != "master":
                until(partial(is_in_step, server))

    def meet(self, server: RedisServer) -> None:
        """Let a server join."""
        ports = (self._announced(server.port), self._announced_bus(bus_of(server)))
        ask(self.primaries[0], "CLUSTER", "MEET", "127.0.0.1", *ports)

    def of_type(self, queue_type: str, *, unasked: RedisServer | None = None) -> RedisServer:
        """Return the server that has a type, by what the first but `unasked` says."""
        return self.owner(slot_of(tag(queue_type)), unasked=unasked)

    def owner(self, slot: int, *, unasked: RedisServer | None = None) -> RedisServer:
        """Return the server that has a slot, by what the first but `unasked` says that answers."""
        for asked in self.servers:
            if asked is unasked:
                continue
            with contextlib.suppress(redis.RedisError, LookupError):
                return self.owner_by(asked, slot)
        raise LookupError(f"no server has slot {slot}")

    def owner_by(self, asked: RedisServer, slot: int) -> RedisServer:
        """Return the server that has a slot, by what one of them says."""
        for first, last, primary, *_ in ask(asked, "CLUSTER", "SLOTS", within=0.5):
            if first <= slot <= last:
                return next(one for one in self.servers if self._is_at(one, primary[1]))
        raise LookupError(f"{asked.url} knows no server that has slot {slot}")

    def holder(self, slot: int) -> RedisServer:
        """Return the server that says itself that it has a slot: others may learn it later.

        At the end of a move none may say so for a moment.
        """
        holder = until(lambda: self._holder(slot))
        assert holder is not None
        return holder

    def _holder(self, slot: int) -> RedisServer | None:
        for asked in self.servers:
            with contextlib.suppress(redis.RedisError, LookupError):
                if asked.is_up and self.owner_by(asked, slot) is asked:
                    return asked
        return None

    def begin_move(self, slot: int, target: RedisServer) -> RedisServer:
        """Begin to move a slot; return the server that has it.

        All servers must know the epoch of the last move. Else the giving one may still claim the
        slot in an epoch of its own, and in the end each says that the other has it.
        """
        until(self._agree_on_epochs)
        source = self.holder(slot)
        ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", name_of(source))
        ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", name_of(target))
        return source

    def move_keys(
        self,
        slot: int,
        source: RedisServer,
        target: RedisServer,
        *,
        at_most: int = 10**9,
        at_once: int = 1,
    ) -> int:
        """Move keys of a slot, so many at once; return how many."""
        moved = 0
        with talk_to(source) as say:
            while moved < at_most:
                count = min(at_once, at_most - moved)
                keys = say("CLUSTER", "GETKEYSINSLOT", slot, count)
                if not keys:
                    break
                say("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
                moved += len(keys)
        return moved

    def end_move(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Give a slot whose keys have moved to its new server."""
        name = name_of(target)
        ask(target, "CLUSTER", "SETSLOT", slot, "NODE", name)
        for server in (source, *(one for one in self.primaries if one is not source)):
            # One that is down hears of it later; one without a slot is a replica by now.
            with contextlib.suppress(redis.ConnectionError, redis.ResponseError):
                ask(server, "CLUSTER", "SETSLOT", slot, "NODE", name)

    def move(self, slot: int, target: RedisServer, *, at_once: int = 1) -> None:
        """Move a slot key by key, or so many at once."""
        source = self.begin_move(slot, target)
        self.move_keys(slot, source, target, at_once=at_once)
        self.end_move(slot, source, target)

    def _agree_on_epochs(self) -> bool:
        known = [_epochs(one) for one in self.primaries if one.is_up]
        latest, own = zip(*known, strict=True)
        return len(set(latest)) == 1 and len(set(own)) == len(own)

    def assign(self, slot: int, owner: RedisServer) -> None:
        """Give a server a slot without keys, whatever others say of it, and let all of them know.

        It takes the latest epoch before it takes the slot. Else a packet that a former owner sent
        before may take the slot from it again, and each of them says that the other has it.
        """
        name = name_of(owner)
        until(self._agree_on_epochs)
        ask(owner, "CLUSTER", "BUMPEPOCH")
        for server in (owner, *(one for one in self.primaries if one is not owner)):
            ask(server, "CLUSTER", "SETSLOT", slot, "NODE", name)
        self.await_owner(slot, owner)

    @property
    def moves_atomically(self) -> bool:
        """Whether these servers know the newer way to move a slot: Valkey 9 does."""
        try:
            ask(self.primaries[0], "CLUSTER", "GETSLOTMIGRATIONS")
        except redis.ResponseError:
            return False
        return True

    def move_atomically(self, slot: int, target: RedisServer) -> None:
        """Move a slot with all of its keys at once."""
        until(self._agree_on_epochs)
        source = self.holder(slot)
        words = ("SLOTSRANGE", slot, slot, "NODE", name_of(target))
        ask(source, "CLUSTER", "MIGRATESLOTS", *words)
        self.await_owner(slot, target)

    def await_owner(self, slot: int, target: RedisServer) -> None:
        """Wait until every primary that runs says that a slot is at this one."""
        asked = [one for one in self.primaries if one.is_up]
        until(lambda: all(self.owner_by(one, slot) is target for one in asked))

    def give_empty(self, source: RedisServer, target: RedisServer) -> None:
        """Give all slots of a server to another. They must have no keys."""
        name = name_of(target)
        ranges = ask(target, "CLUSTER", "SLOTS")
        mine = [part for part in ranges if self._is_at(source, part[2][1])]
        slots = [slot for first, last, *_ in mine for slot in range(first, last + 1)]
        for server in (target, *(one for one in self.primaries if one is not target)):
            pipeline = server.client().pipeline(transaction=False)
            for slot in slots:
                words = ("CLUSTER", "SETSLOT", slot, "NODE", name)
                pipeline.execute_command(*words)  # type: ignore[no-untyped-call]
            pipeline.execute(raise_on_error=False)  # it becomes a replica at its last slot

    def await_agreement(self) -> None:
        """Wait until every server that runs knows of every slot and calls the cluster fine."""
        until(lambda: all(self._is_content(server) for server in self.servers if server.is_up))

    def _server(self, name: str) -> RedisServer:
        bus, port = lasting_port(), lasting_port()
        arguments = (
            *([] if self._announce is None else self._apart(port, bus)),
            *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
            *("--cluster-node-timeout", str(NODE_TIMEOUT)),
            *("--cluster-config-file", "nodes.conf", "--repl-diskless-sync-delay", "0"),
            *("--cluster-require-full-coverage", "no"),
            *self._arguments,
        )
        return RedisServer(self._folder / name, *arguments, port=port)

    def _apart(self, port: int, bus: int) -> list[str]:
        """Return the arguments of a server that is told from others, and reached elsewhere."""
        return [
            *("--bind-source-addr", next(self._sources)),
            *("--cluster-announce-ip", "127.0.0.1"),
            *("--cluster-announce-port", str(self._announced(port))),
            *("--cluster-announce-bus-port", str(self._announced_bus(bus))),
        ]

    def _announced(self, port: int) -> int:
        return port if self._announce is None else self._announce(port)

    def _announced_bus(self, port: int) -> int:
        return port if self._announce_bus is None else self._announce_bus(port)

    def _is_at(self, server: RedisServer, port: int) -> bool:
        return self._announced(server.port) == port

    def _share_slots(self) -> None:
        count = len(self.primaries)
        for number, server in enumerate(self.primaries):
            first, end = SLOTS * number // count, SLOTS * (number + 1) // count
            ask(server, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)

    def _follow(self) -> None:
        count = len(self.servers)
        until(lambda: all(len(self._ports_known_to(one)) == count for one in self.servers))
        for number, server in enumerate(self.replicas):
            primary = self.primaries[number // self._per_primary]
            until(partial(_follows, server, primary))
        for server in self.replicas:
            until(partial(is_in_step, server))

    def _ports_known_to(self, server: RedisServer) -> set[int]:
        """Return the ports of the servers that have shaken hands with one."""
        lines = ask(server, "CLUSTER", "NODES").decode().splitlines()
        known = [line.split() for line in lines if "handshake" not in line]
        return {int(words[1].split("@")[0].rpartition(":")[2]) for words in known}

    def _is_content(self, server: RedisServer) -> bool:
        info = ask(server, "CLUSTER", "INFO").decode()
        served = sum(last - first + 1 for first, last, *_ in ask(server, "CLUSTER", "SLOTS"))
        return "cluster_state:ok" in info and served == SLOTS


def ask(server: RedisServer, *words: object, within: float = TIMEOUT) -> Any:
    """Send a command; return the raw reply."""
    with talk_to(server, within=within) as say:
        return say(*words)


@contextlib.contextmanager
def talk_to(server: RedisServer, *, within: float = TIMEOUT) -> Iterator[Callable[..., Any]]:
    """Return what sends commands over one connection and returns the raw replies."""
    connection = redis.Connection(  # type: ignore[no-untyped-call]
        port=server.port, protocol=2, driver_info=None, socket_timeout=within
    )

    def say(*words: object) -> Any:
        connection.send_command(*words)  # type: ignore[no-untyped-call]  # redis-py types half
        return connection.read_response()

    try:
        yield say
    finally:
        connection.disconnect()  # type: ignore[no-untyped-call]


def name_of(server: RedisServer) -> str:
    """Return the name that a server has in its cluster."""
    name: str = ask(server, "CLUSTER", "MYID").decode()
    return name


def bus_of(server: RedisServer) -> int:
    """Return the port where a server hears the others."""
    return int(server.arguments[server.arguments.index("--cluster-port") + 1])


def _epochs(server: RedisServer) -> tuple[int, int]:
    """Return the latest epoch that a server knows, and its own, by the file that it keeps.

    A command would be counted among those that a test looks at.
    """
    latest, own = None, None
    for line in (server.folder / "nodes.conf").read_text().splitlines():
        words = line.split()
        if words[0] == "vars":
            latest = int(words[words.index("currentEpoch") + 1])
        elif "myself" in words[2].split(","):
            own = int(words[6])
    assert latest is not None
    assert own is not None
    return latest, own


def _follows(server: RedisServer, primary: RedisServer) -> bool:
    try:
        return bool(ask(server, "CLUSTER", "REPLICATE", name_of(primary)) == b"OK")
    except redis.ResponseError:  # it does not know that one yet
        return False
