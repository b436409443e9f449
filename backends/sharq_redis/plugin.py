"""The Redis backend's plugin: its options, and how they become a connection."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from redis.asyncio import ConnectionPool, UnixDomainSocketConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sharq_plug.clock import Clock
from sharq_plug.hookspecs import Backend, hookimpl
from sharq_redis.address import address_of
from sharq_redis.store import RedisStore
from sharq_redis.wire import Connect

CONNECT_TIMEOUT = 2.0
"""Seconds for each step of opening a connection; a caller is to be answered within 5."""


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
    return RedisStore(connector(options), key_prefix=options.key_prefix, clock=clock)


def connector(options: RedisOptions) -> Connect:
    """Return what makes connections, none of which repeats a command by itself."""
    common: dict[str, Any] = {
        "socket_timeout": CONNECT_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),  # else it tries ten times before it says anything
    }
    if options.url:
        return ConnectionPool.from_url(options.url, **common).make_connection
    common |= {
        "db": options.db,
        "username": options.username or None,
        "password": options.password or None,
    }
    if options.conn_type == "unix_sock":
        common |= {"connection_class": UnixDomainSocketConnection, "path": options.unix_socket_path}
    else:
        common |= {"host": options.host, "port": options.port}
    return ConnectionPool(**common).make_connection


@hookimpl
def sharq_backend() -> Backend:
    """Offer the Redis backend."""
    return Backend(options=RedisOptions, open=open_redis_store, shared=True, address=address_of)
