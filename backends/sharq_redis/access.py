"""Access to the store's data: one Redis, a primary named by sentinels, or a cluster."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self, assert_never

from sharq_redis.connecting import connector
from sharq_redis.ear import Ear
from sharq_redis.library import Library
from sharq_redis.link import Link
from sharq_redis.routing.cluster import Cluster
from sharq_redis.routing.ears import Ears
from sharq_redis.routing.route import Route
from sharq_redis.routing.sentinels import Sentinels
from sharq_redis.target import AnyTarget, ClusterTarget, Endpoint, SentinelTarget, Target
from sharq_redis.wakeups import Hearing
from sharq_redis.wire import Connect


@dataclass(frozen=True, slots=True)
class Access:
    """What carries calls and what hears wake-ups, with the database number."""

    route: Route
    hearing: Hearing
    close: Callable[[], Awaitable[None]]
    db: int = 0
    is_cluster: bool = False

    @classmethod
    def to(cls, target: AnyTarget, library: Library | None = None) -> Self:
        """Return access to a target. Nothing is connected yet."""
        library = library or Library.load()
        match target:
            case Target():
                return cls._to_one(target, library)
            case SentinelTarget():
                return cls._by_sentinels(target, library)
            case ClusterTarget():
                return cls._to_cluster(target, library)
            case _:
                assert_never(target)

    @classmethod
    def _to_one(cls, target: Target, library: Library) -> Self:
        connect = connector(target)
        ear = Ear(connect, address=str(target))
        link = Link(connect, address=str(target), library=library, on_demotion=ear.hang_up)
        return cls(link, ear, link.close, target.db)

    @classmethod
    def _by_sentinels(cls, target: SentinelTarget, library: Library) -> Self:
        sentinels = Sentinels(target)
        ear = Ear(sentinels.connect, address=str(target))
        link = Link(
            sentinels.connect, address=str(target), library=library, on_demotion=ear.hang_up
        )
        sentinels.listeners += [link.hang_up, ear.hang_up]

        async def close() -> None:
            await sentinels.close()
            await link.close()

        return cls(link, ear, close, target.login.db)

    @classmethod
    def _to_cluster(cls, target: ClusterTarget, library: Library) -> Self:
        def connect(server: Endpoint) -> Connect:
            return connector(target.login.at(server))

        def address(server: Endpoint) -> str:
            return target.login.at(server).address

        cluster = Cluster(connect, target.seeds, name=str(target), address=address, library=library)
        ears = Ears(connect, cluster.keeper, name=str(target), address=address)
        return cls(cluster, ears, cluster.close, is_cluster=True)
