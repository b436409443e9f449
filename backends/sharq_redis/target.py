"""Where a Redis is and how to log in there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple


class Endpoint(NamedTuple):
    """The host and port of a server. `str()` shows them as users write them."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host and port, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a Redis, a database in it, and a login. `str()` shows no secret.

    With a `path` it is a Unix socket, else `host` and `port` count. `tls` holds redis-py's options
    for TLS; None: no TLS.
    """

    host: str = "127.0.0.1"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, str | bool] | None = None

    def __str__(self) -> str:
        """Return the address and the number of the database."""
        return f"{self.address}, database {self.db}"

    @property
    def address(self) -> str:
        """The address for people, without the database."""
        return f"{self.path or self.endpoint}{' with TLS' if self.tls is not None else ''}"

    @property
    def endpoint(self) -> Endpoint:
        """Host and port."""
        return Endpoint(self.host, self.port)

    def at(self, endpoint: Endpoint) -> "Target":
        """Return the same login at another server."""
        return replace(self, host=endpoint.host, port=endpoint.port)


@dataclass(frozen=True, slots=True)
class ClusterTarget:
    """A Redis Cluster: servers to ask for the others, and the login for all of them."""

    seeds: Sequence[Endpoint]
    login: Target

    def __str__(self) -> str:
        """Return the addresses of the seeds."""
        return f"{_listed(self.seeds)}{_tls(self.login)}, a Redis Cluster"


@dataclass(frozen=True, slots=True)
class SentinelTarget:
    """A primary that sentinels name. `login` is for the primary, `asked` for the sentinels."""

    sentinels: Sequence[Endpoint]
    service: str
    login: Target
    asked: Target

    def __str__(self) -> str:
        """Return the name of the service, the sentinels and the database."""
        at = f"{_listed(self.sentinels)}{_tls(self.login)}"
        return f"{self.service} through the sentinels {at}, database {self.login.db}"


AnyTarget = Target | ClusterTarget | SentinelTarget


def _listed(endpoints: Sequence[Endpoint]) -> str:
    return " and ".join(map(str, endpoints))


def _tls(login: Target) -> str:
    return " with TLS" if login.tls is not None else ""
