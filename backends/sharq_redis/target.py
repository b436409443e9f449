"""Where a Redis is and how to log in there."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
        host = f"[{self.host}]" if ":" in self.host else self.host
        address = self.path or f"{host}:{self.port}"
        return f"{address}{' with TLS' if self.tls is not None else ''}, database {self.db}"
