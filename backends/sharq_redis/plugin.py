"""The Redis backend's plugin: its options, and how they become a connection."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sharq_plug.clock import Clock
from sharq_plug.hookspecs import Address, Backend, Command, hookimpl
from sharq_redis.functions import prune
from sharq_redis.library import Library
from sharq_redis.link import Link
from sharq_redis.store import RedisStore
from sharq_redis.target import Target
from sharq_redis.url import parse_url
from sharq_redis.wire import Connect

CONNECT_TIMEOUT = 2.0
"""Seconds for each step of opening a connection; a caller is to be answered within 5."""
LOCATION_KEYS = ("conn_type", "host", "port", "unix_socket_path", "db", "username", "password")
"""The keys that `url` stands for."""


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
                raise ValueError(f"url: {error}") from None


def open_redis_store(
    options: RedisOptions, clock: Clock | None, library: Library | None = None
) -> RedisStore:
    """Return a store on the Redis that `options` name, with this package's library or another."""
    target = target_of(options)
    return RedisStore(
        connector(target),
        target=target,
        key_prefix=options.key_prefix,
        clock=clock,
        ignored=ignored_keys(options),
        library=library,
    )


def target_of(options: RedisOptions) -> Target:
    """Return the Redis that `options` name."""
    if options.url:
        return parse_url(options.url)
    is_socket = options.conn_type == "unix_sock"
    return Target(
        host=options.host,
        port=options.port,
        path=options.unix_socket_path if is_socket else "",
        db=options.db,
        username=options.username or None,
        password=options.password or None,
    )


def address_of(options: RedisOptions) -> Address:
    """Return where the Redis is that `options` name, and which of them say so; no secret."""
    target = target_of(options)
    if options.url:
        keys: tuple[str, ...] = ("url",)
    elif target.path:
        keys = ("conn_type", "unix_socket_path", "db")
    else:
        keys = ("host", "port", "db")
    return Address(f"redis at {target}", keys)


def ignored_keys(options: RedisOptions) -> list[str]:
    """Return the keys that were set and do not count, since `url` stands for them."""
    default = RedisOptions()
    return [
        key
        for key in LOCATION_KEYS
        if options.url and getattr(options, key) != getattr(default, key)
    ]


def connector(target: Target) -> Connect:
    """Return what makes connections, none of which repeats a command by itself."""
    common: dict[str, Any] = {
        "db": target.db,
        "username": target.username,
        "password": target.password,
        "socket_timeout": CONNECT_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "protocol": 2,
        "driver_info": None,  # else it sends CLIENT SETINFO, which the ACL rule would have to allow
        "retry": Retry(NoBackoff(), 0),  # else it tries ten times before it says anything
    }
    if target.path:
        return partial(UnixDomainSocketConnection, path=target.path, **common)
    common |= {"host": target.host, "port": target.port}
    if target.tls is not None:
        return partial(SSLConnection, **{**common, **target.tls})
    return partial(Connection, **common)


async def prune_functions(options: RedisOptions, arguments: Sequence[str]) -> int:
    """Run `functions prune`."""
    target = target_of(options)
    link = Link(connector(target), address=str(target))
    try:
        return await prune(link, arguments)
    finally:
        await link.close()


COMMANDS = {
    "functions prune": Command(
        "remove the function libraries of other versions of this server from Redis (--dry-run: "
        "only say which)",
        prune_functions,
    )
}


@hookimpl
def sharq_backend() -> Backend:
    """Offer the Redis backend."""
    return Backend(
        options=RedisOptions,
        open=open_redis_store,
        shared=True,
        address=address_of,
        commands=COMMANDS,
    )
