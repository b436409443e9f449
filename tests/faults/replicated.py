"""Houses where a replica takes the place of a primary by itself: a cluster, and sentinels."""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path

from faults.asking import KEPT
from faults.house import Servers
from faults.proxy import Proxy, Wrong
from support.redis_cluster import RedisCluster, bus_of
from support.redis_server import RedisServer, source_of
from support.sentinels import SERVICE, Watch, is_replica
from support.waiting import until

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
SETTLED_IN = 60
"""Seconds in which sentinels agree, on a busy machine."""
MAX_LAG = 1
"""Seconds since a replica's latest word after which a primary does not count it any more."""


class Replicated(Servers):
    """Servers on primaries with replicas.

    Each Redis is reached through a proxy, found by its port in `proxies`, and connects to others
    from its own address. So its connections can be cut one by one.
    """

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        super().__init__(folder, kept=kept)
        self.proxies: dict[int, Proxy] = {}
        self._running = ExitStack()

    def _open(self, stack: ExitStack) -> Mapping[str, str]:
        stack.enter_context(self._running)  # one that joins later has a proxy too
        return self._open_redis(stack)

    def _open_redis(self, stack: ExitStack) -> Mapping[str, str]:
        """Start every Redis; return the variables that lead there."""
        raise NotImplementedError

    def primary_of(self, queue_type: str) -> RedisServer:
        """Return the primary that has a type."""
        raise NotImplementedError

    def is_replaced(self, former: RedisServer, queue_type: str) -> bool:
        """Return whether the others say that another primary has a type."""
        raise NotImplementedError

    def arrange(self, *, min_replicas: int, patience: int) -> None:
        """Set how many replicas a primary needs, and after how many ms of silence it is dead."""
        for server in self._redis():
            server.client().config_set("min-replicas-max-lag", MAX_LAG)
            server.client().config_set("min-replicas-to-write", min_replicas)

    def rejoin(self, former: RedisServer, queue_type: str) -> None:
        """Start a former primary if it is down, and wait until replicas have all jobs."""
        if not former.is_up:
            former.start()
        until(lambda: is_replica(former))

    @contextmanager
    def lagging(self, server: RedisServer) -> Iterator[None]:
        """Pass on late what a primary sends its replicas."""
        proxy = self.proxies[server.port]
        proxy.sources = self._others(server)
        proxy.wrong = Wrong.LAG
        try:
            yield
        finally:
            proxy.wrong = Wrong.NOTHING

    @contextmanager
    def cut_off(self, server: RedisServer) -> Iterator[None]:
        """Let nothing pass between a primary and whatever watches or follows it.

        The servers of the house reach it, and all others.
        """
        links = self._links(server)
        for port, sources in links.items():
            self.proxies[port].sources = sources
            self.proxies[port].wrong = Wrong.HOLD_ALL
        try:
            yield
        finally:
            for port in links:
                self.proxies[port].wrong = Wrong.NOTHING

    def _links(self, server: RedisServer) -> Mapping[int, Set[str]]:
        """Return the ports of the links between a primary and the others, and who connects."""
        return {server.port: self._others(server)}

    def _redis(self) -> Sequence[RedisServer]:
        raise NotImplementedError

    def _others(self, server: RedisServer) -> Set[str]:
        """Return the addresses from which others than a server connect to it."""
        return {source_of(one) for one in self._redis() if one is not server}

    def _announce(self, port: int) -> int:
        if port not in self.proxies:
            self.proxies[port] = self._running.enter_context(Proxy(port))
        return self.proxies[port].port


class ClusterHouse(Replicated):
    """Servers on a cluster of three primaries, each with so many `replicas`."""

    def __init__(self, folder: Path, *, replicas: int = 0, kept: int = KEPT) -> None:
        super().__init__(folder, kept=kept)
        self._replicas = replicas

    def _open_redis(self, stack: ExitStack) -> Mapping[str, str]:
        self.cluster = stack.enter_context(
            RedisCluster(
                self.folder / "cluster",
                *DURABLE,
                replicas=self._replicas,
                announce=self._announce,
                announce_bus=self._announce,
            )
        )
        return {"SHARQ_REDIS_CLUSTERED": "true", "SHARQ_REDIS_NODES": self.cluster.nodes}

    def primary_of(self, queue_type: str) -> RedisServer:
        return self.cluster.of_type(queue_type)

    def is_replaced(self, former: RedisServer, queue_type: str) -> bool:
        return self.cluster.of_type(queue_type, unasked=former) is not former

    def arrange(self, *, min_replicas: int, patience: int) -> None:
        super().arrange(min_replicas=min_replicas, patience=patience)
        for server in self._redis():
            server.client().config_set("cluster-node-timeout", patience)

    def rejoin(self, former: RedisServer, queue_type: str) -> None:
        super().rejoin(former, queue_type)
        self.cluster.await_agreement()
        self.cluster.await_replicas()

    def _links(self, server: RedisServer) -> Mapping[int, Set[str]]:
        mine, others = {source_of(server)}, self._others(server)
        there = {bus_of(one): mine for one in self._redis() if one is not server}
        return {server.port: others, bus_of(server): others, **there}

    def _redis(self) -> Sequence[RedisServer]:
        return self.cluster.servers


class SentinelHouse(Replicated):
    """Servers on a primary with a replica that three sentinels watch."""

    def _open_redis(self, stack: ExitStack) -> Mapping[str, str]:
        self.watch = stack.enter_context(
            Watch(self.folder / "watch", *DURABLE, announce=self._announce)
        )
        found = self.watch.options
        return {f"SHARQ_REDIS_{key.upper()}": str(value) for key, value in found.items()}

    def primary_of(self, queue_type: str) -> RedisServer:
        return self.watch.primary

    def is_replaced(self, former: RedisServer, queue_type: str) -> bool:
        return self.watch.primary is not former and is_primary(self.watch.primary)

    def arrange(self, *, min_replicas: int, patience: int) -> None:
        super().arrange(min_replicas=min_replicas, patience=patience)
        for sentinel in self.watch.sentinels:
            assert sentinel.ask("SENTINEL", "SET", SERVICE, "down-after-milliseconds", patience)

    def rejoin(self, former: RedisServer, queue_type: str) -> None:
        if not former.is_up:
            former.start()
        until(self._is_settled, within=SETTLED_IN)

    def _is_settled(self) -> bool:
        """Say whether all sentinels name one primary, and each other server is its replica.

        On a busy machine they may have promoted another meanwhile. One that calls itself a primary
        still is told what the sentinels would tell it ten seconds later.
        """
        named = {self.watch.named_by(one) for one in self.watch.sentinels}
        if len(named) > 1:
            return False
        others = [one for one in self._redis() if one not in named]
        for server in others:
            if is_primary(server):
                self.watch.follow(server, self.watch.primary)
        return all(map(is_replica, others)) and is_primary(self.watch.primary)

    def _redis(self) -> Sequence[RedisServer]:
        return self.watch.servers

    def _others(self, server: RedisServer) -> Set[str]:
        sentinels = {one.source for one in self.watch.sentinels if one.source is not None}
        return super()._others(server) | sentinels


def is_primary(server: RedisServer) -> bool:
    """Say whether a server calls itself a primary."""
    return bool(server.client().info("replication")["role"] == "master")
