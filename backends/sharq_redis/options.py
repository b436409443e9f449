"""The backend's options, and the Redis that they name."""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sharq_plug.hookspecs import Address
from sharq_redis.target import AnyTarget, ClusterTarget, Endpoint, SentinelTarget, Target
from sharq_redis.url import parse_place, parse_url

ONE_PLACE = ("conn_type", "host", "port", "unix_socket_path")
LOCATION_KEYS = (*ONE_PLACE, "db", "username", "password")
"""The keys that `url` replaces."""
TLS_FILES = {"tls_ca": "ssl_ca_certs", "tls_cert": "ssl_certfile", "tls_key": "ssl_keyfile"}
"""redis-py's name for each of our keys that names a file."""
SENTINEL_PORT = 26379


class RedisOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Redis is. `url` replaces LOCATION_KEYS."""

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
    nodes: str = ""
    sentinels: str = ""
    sentinel_service: str = ""
    sentinel_username: str = ""
    sentinel_password: str = ""
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    def __post_init__(self) -> None:
        if not self.key_prefix or any(c in "{}" or c.isspace() for c in self.key_prefix):
            raise ValueError("key_prefix: must not be empty, nor hold a brace or a space")
        for key in ("url", "nodes", "sentinels"):
            try:
                _parse(key, getattr(self, key))
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        self._check_tls()
        if self.sentinels:
            self._check_sentinels()
        elif self.sentinel_service or self.sentinel_username or self.sentinel_password:
            raise ValueError("sentinels: must be set together with the sentinel_... keys")
        if self.clustered:
            self._check_cluster()
        elif self.nodes:
            raise ValueError("nodes: needs clustered : true")

    def _check_tls(self) -> None:
        files = [key for key in TLS_FILES if getattr(self, key)]
        if self.url and (self.tls or files):
            raise ValueError("tls: must not be set with url; write a rediss:// URL instead")
        if files and not self.tls:
            raise ValueError(f"{files[0]}: needs tls : true")
        if self.tls and self.conn_type == "unix_sock":
            raise ValueError("tls: must be false for a Unix socket")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert: must be set together with tls_key")
        for key in files:
            if not os.access(getattr(self, key), os.R_OK):
                raise ValueError(f"{key}: must name a file that can be read")

    def _check_sentinels(self) -> None:
        if not self.sentinel_service:
            raise ValueError("sentinel_service: must name what sentinels monitor, such as mymaster")
        if self.clustered:
            raise ValueError("sentinels: must not be set with clustered : true")
        self._check_is_no_place("sentinels")

    def _check_cluster(self) -> None:
        if self.nodes:
            self._check_is_no_place("nodes")
        target = parse_url(self.url) if self.url else None
        if target.path if target else self.conn_type == "unix_sock":
            raise ValueError("clustered: must be false for a Unix socket")
        if target.db if target else self.db:
            raise ValueError("db: must be 0 with clustered : true")

    def _check_is_no_place(self, key: str) -> None:
        if self.url:
            raise ValueError(f"{key}: must not be set together with url")
        if self.conn_type == "unix_sock":
            raise ValueError(f"{key}: must not be set with conn_type : unix_sock")


def target_of(options: RedisOptions) -> AnyTarget:
    """Return the Redis, the cluster or the Sentinel service that `options` name."""
    login = parse_url(options.url) if options.url else _login(options)
    if options.sentinels:
        asked = Target(
            username=options.sentinel_username or None,
            password=options.sentinel_password or None,
            tls=login.tls,
        )
        sentinels = _endpoints(options.sentinels, SENTINEL_PORT)
        return SentinelTarget(sentinels, options.sentinel_service, login, asked)
    if options.clustered:
        seeds = _endpoints(options.nodes) if options.nodes else [login.endpoint]
        return ClusterTarget(seeds, login)
    return login


def address_of(options: RedisOptions) -> Address:
    """Return the address of Redis, without secrets, and the keys that determine it."""
    target = target_of(options)
    if options.url:
        keys: tuple[str, ...] = ("url",)
    elif isinstance(target, SentinelTarget):
        keys = ("sentinels", "sentinel_service", "db")
    elif options.nodes:
        keys = ("nodes",)
    elif isinstance(target, Target) and target.path:
        keys = ("conn_type", "unix_socket_path", "db")
    else:
        keys = ("host", "port", "db")
    if isinstance(target, ClusterTarget):
        keys = (*keys, "clustered")
    return Address(f"redis at {target}", keys)


def ignored(options: RedisOptions) -> list[str]:
    """Return a sentence for each key that replaces others, if any of those are set too."""
    default = RedisOptions()
    stands = {"url": LOCATION_KEYS, "nodes": ONE_PLACE, "sentinels": ONE_PLACE}
    sentences = []
    for key, others in stands.items():
        if not getattr(options, key):
            continue
        names = [name for name in others if getattr(options, name) != getattr(default, name)]
        if names:
            listed = ", ".join(names)
            text = f"[redis] {key} is set, so these keys of [redis] do not count: {listed}"
            sentences.append(text)
    return sentences


def _login(options: RedisOptions) -> Target:
    return Target(
        host=options.host,
        port=options.port,
        path=options.unix_socket_path if options.conn_type == "unix_sock" else "",
        db=options.db,
        username=options.username or None,
        password=options.password or None,
        tls=_tls(options) if options.tls else None,
    )


def _tls(options: RedisOptions) -> Mapping[str, str | bool]:
    files = ((name, getattr(options, key)) for key, name in TLS_FILES.items())
    return {name: value for name, value in files if value}


def _parse(key: str, text: str) -> None:
    """Raise ValueError if a key's value is not a URL, or not a list of servers."""
    if key == "url" and text:
        parse_url(text)
    elif text:
        _endpoints(text)


def _endpoints(text: str, port: int = 6379) -> Sequence[Endpoint]:
    """Parse `host:port, host:port, ...`. Raises ValueError."""
    return [Endpoint(*parse_place(place.strip(), port)) for place in text.split(",")]
