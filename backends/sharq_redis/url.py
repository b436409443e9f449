"""The `url` of a Redis, read strictly. No message shows any part of it that may be secret.

redis-py reads what it can and leaves out the rest: an unencoded `#` in a password made it connect
to localhost. `urllib.parse.urlsplit` drops tabs and shows the address in some of its errors.
"""

import ipaddress
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from sharq_redis.target import Target

SCHEMES = ("redis", "rediss", "unix")
PARTS = re.compile(r"([^/?]*)([^?]*)(?:\?(.*))?", re.DOTALL)
"""What comes after `scheme://`: login and host, path, query."""
HOST = re.compile(r"[^\s%\[\]:<>\\^`{|}\"]+")
NUMBER = re.compile(r"[0-9]{1,9}")
OPTION_NAME = re.compile(r"[a-z_]{1,40}")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

LARGEST_PORT = 65535
ENCODING = "in the user or the password write # as %23, / as %2F, ? as %3F, @ as %40, % as %25"


def parse_url(url: str) -> Target:
    """Return what a URL names. Raises ValueError that says what is wrong, but shows no value."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in SCHEMES:
        raise ValueError("must begin with redis://, rediss:// or unix://")
    scheme = scheme.lower()
    if not rest.isprintable() or " " in rest:
        raise ValueError("must not hold a space or a control character")
    if "#" in rest:
        raise ValueError(f"must not hold a #: {ENCODING}")
    parts = PARTS.fullmatch(rest)
    authority, path, query = parts.groups() if parts else ("", "", None)
    login, at, place = authority.rpartition("@")
    if "@" in (query or "") or ("@" in path and (scheme != "unix" or at)):
        raise ValueError(f"has a / or a ? before an @: {ENCODING}")
    username, password = _login(login) if at else (None, None)
    options = _options(scheme, query)
    db = options.pop("db", None)
    if scheme == "unix":
        if place or not path.strip("/"):
            raise ValueError("must name a socket after three slashes, as in unix:///run/redis.sock")
        location: dict[str, Any] = {"path": _decoded(path, "the path")}
    else:
        if path not in {"", "/"}:
            if db is not None:
                raise ValueError("names the database twice, after the host and in ?db=")
            db = path.removeprefix("/")
        host, port = parse_place(place)
        location = {"host": host, "port": port}
    if db is not None and not NUMBER.fullmatch(db):
        raise ValueError("the database must be one number, as in redis://host:6379/0")
    tls = _tls(options) if scheme == "rediss" else None
    return Target(**location, db=int(db or 0), username=username, password=password, tls=tls)


def _login(login: str) -> tuple[str | None, str | None]:
    username, colon, password = login.partition(":")
    if not colon:
        raise ValueError(
            "has one word before the @: write user:password@, or :password@ without a user"
        )
    if not username and not password:
        raise ValueError("has neither a user nor a password before the @")
    return (_decoded(username, "the user") or None, _decoded(password, "the password") or None)


def parse_place(place: str, default: int = 6379) -> tuple[str, int]:
    """Return host and port of `host[:port]`. Raises ValueError."""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](.*)", place)
    if bracketed:
        host, rest = bracketed[1].replace("%25", "%"), bracketed[2]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("has no IPv6 address between [ and ]") from None
        if rest and not rest.startswith(":"):
            raise ValueError("has something other than :port after the ]")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = place.partition(":")
        if not host:
            raise ValueError("names no host")
        if ":" in port:
            raise ValueError("has too many colons: an IPv6 address stands between [ and ]")
        if not HOST.fullmatch(host):
            raise ValueError("has a character in its host that no host name has")
    if not colon:
        return host, default
    if not NUMBER.fullmatch(port) or not 1 <= int(port) <= LARGEST_PORT:
        raise ValueError(f"the port must be a number from 1 to {LARGEST_PORT}")
    return host, int(port)


def _options(scheme: str, query: str | None) -> dict[str, str]:
    """Return the options after the `?`, each of them known and given once."""
    options: dict[str, str] = {}
    known = ("db", *TLS_OPTIONS) if scheme == "rediss" else ("db",)
    for option in query.split("&") if query else ():
        name, equals, value = option.partition("=")
        if not equals or not OPTION_NAME.fullmatch(name):
            raise ValueError("has something other than options, name=value, after its ?")
        if name not in known:
            raise ValueError(f"the option {name} is not supported; known: {', '.join(known)}")
        if name in options:
            raise ValueError(f"the option {name} stands there twice")
        options[name] = _decoded(value, f"the option {name}")
    return options


def _file(name: str, value: str) -> dict[str, str | bool]:
    if not os.access(value, os.R_OK):
        raise ValueError(f"the option {name} must name a file that can be read")
    return {name: value}


def _cert_reqs(name: str, value: str) -> dict[str, str | bool]:
    if value not in {"none", "required"}:
        raise ValueError(f"the option {name} must be none or required")
    return {name: value, "ssl_check_hostname": value == "required"}


TLS_OPTIONS: dict[str, Callable[[str, str], dict[str, str | bool]]] = {
    "ssl_ca_certs": _file,
    "ssl_certfile": _file,
    "ssl_keyfile": _file,
    "ssl_cert_reqs": _cert_reqs,
}


def _tls(options: dict[str, str]) -> dict[str, str | bool]:
    found: dict[str, str | bool] = {}
    for name, value in options.items():
        found |= TLS_OPTIONS[name](name, value)
    return found


def _decoded(text: str, what: str) -> str:
    if BAD_ESCAPE.search(text):
        raise ValueError(f"{what} has a % that begins no %XX: write it as %25")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not UTF-8 once its %XX are decoded") from None
