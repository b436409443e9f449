"""The Redis backend's plugin: its options, and how they become a connection."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from redis.asyncio import BlockingConnectionPool, UnixDomainSocketConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sharq_plug.clock import Clock
from sharq_plug.hookspecs import Backend, hookimpl
from sharq_redis.store import RedisStore

MAX_CONNECTIONS = 32
CONNECT_TIMEOUT = 2.0
REPLY_TIMEOUT = 4.0
"""Seconds; a caller is to be answered within 5."""


class RedisOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Redis is. `url` wins over the other keys that say so."""

    url: str = ""
    conn_type: Literal["tcp_sock", "unix_sock"] = "tcp_sock"
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 6379
    unix_socket_path: str = "/var/run/redis/redis.sock"
    db: Annotated[int, Meta(ge=0)] = 0
    username: str = ""
    password: str = ""
    key_prefix: str = "sharq_server"
    clustered: bool = False

    def __post_init__(self) -> None:
        if self.clustered:
            raise ValueError("clustered: Redis Cluster is not supported yet: use false")
        if not self.key_prefix or any(c in "{}" or c.isspace() for c in self.key_prefix):
            raise ValueError("key_prefix: must not be empty, nor hold a brace or a space")
        if self.url:
            try:
                parse_url(self.url)
            except ValueError as error:
                raise ValueError(f"url: {error}") from error


def open_redis_store(options: RedisOptions, clock: Clock | None) -> RedisStore:
    """Return a store on the Redis that `options` name."""
    return RedisStore(connection_pool(options), key_prefix=options.key_prefix, clock=clock)


def connection_pool(options: RedisOptions) -> BlockingConnectionPool:
    """Return a pool whose connections never repeat a command by themselves."""
    common: dict[str, Any] = {
        "max_connections": MAX_CONNECTIONS,
        "timeout": REPLY_TIMEOUT,
        "socket_timeout": REPLY_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),  # a lost reply must not run a script a second time
    }
    if options.url:
        return BlockingConnectionPool.from_url(options.url, **common)
    common |= {
        "db": options.db,
        "username": options.username or None,
        "password": options.password or None,
    }
    if options.conn_type == "unix_sock":
        path = options.unix_socket_path
        return BlockingConnectionPool(
            connection_class=UnixDomainSocketConnection, path=path, **common
        )
    return BlockingConnectionPool(host=options.host, port=options.port, **common)


@hookimpl
def sharq_backend() -> Backend:
    """Offer the Redis backend."""
    return Backend(options=RedisOptions, open=open_redis_store, shared=True)
