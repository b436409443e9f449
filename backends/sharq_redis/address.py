"""Where a Redis is, in words that hold no secret."""

from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import parse_url

from sharq_plug.hookspecs import Address

UNCLEAR = "redis at the address of the url"
"""Said of a URL that may have been taken apart wrongly: a part of its password could show."""


def address_of(options: Any) -> Address:
    """Return where Redis is by RedisOptions, and which of them say so.

    No user and no password is in it.
    """
    if options.url:
        return Address(_of_url(options.url), ("url",))
    if options.conn_type == "unix_sock":
        text = shown(path=options.unix_socket_path, db=options.db)
        return Address(text, ("conn_type", "unix_socket_path", "db"))
    text = shown(host=options.host, port=options.port, db=options.db)
    return Address(text, ("host", "port", "db"))


def shown(*, host: str = "", port: int = 0, path: str = "", db: int = 0, tls: bool = False) -> str:
    """Return an address as people read it: a socket's with `path`, else one of host and port."""
    where = path or f"{f'[{host}]' if ':' in host else host}:{port}"
    return f"redis at {where}{' with TLS' if tls else ''}, database {db}"


def _of_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        read: dict[str, Any] = dict(parse_url(url))
    except ValueError:
        return UNCLEAR
    if parts.fragment or "@" in f"{parts.path}{parts.query}":  # the password holds a # / or ?
        return UNCLEAR
    return shown(
        host=read.get("host", "localhost"),
        port=read.get("port", 6379),
        path=read.get("path", ""),
        db=read.get("db", 0),
        tls=parts.scheme == "rediss",
    )
