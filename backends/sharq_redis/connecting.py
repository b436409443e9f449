"""Open connections to one server with redis-py, which handles TLS, sockets and logins."""

from collections.abc import Callable
from functools import partial
from typing import Any

from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sharq_redis.target import Target
from sharq_redis.wire import Connect

CONNECT_TIMEOUT = 2.0
"""Seconds for each step of opening a connection. Callers must get an answer within 5."""


def connector(target: Target, *, timeout: float = CONNECT_TIMEOUT) -> Connect:
    """Return a function that opens connections. They never retry a command by themselves."""
    make = _maker(target, timeout)

    async def connect() -> AbstractConnection:
        connection = make()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py types half
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    return connect


def _maker(target: Target, timeout: float) -> Callable[[], AbstractConnection]:
    common: dict[str, Any] = {
        "db": target.db,
        "username": target.username,
        "password": target.password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "protocol": 2,
        "driver_info": None,  # no CLIENT SETINFO, which the ACL rule would have to allow
        "retry": Retry(NoBackoff(), 0),  # by default it tries ten times before it fails
    }
    if target.path:
        return partial(UnixDomainSocketConnection, path=target.path, **common)
    common |= {"host": target.host, "port": target.port}
    if target.tls is not None:
        return partial(SSLConnection, **{**common, **target.tls})
    return partial(Connection, **common)
