"""The sections of sharq.conf that are the server's own: their keys, defaults and bounds."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sharq_plug.model import MAX_DURATION, MAX_INTEGER, MAX_INTERVAL, MAX_KEY_TIME
from sharq_plug.server.listening import UNIX

KEYS = "keys"
"""The authenticator that reads `keys_file`; without one everybody may call."""
Duration = Annotated[int, Meta(ge=1, le=MAX_INTERVAL)]
MAX_TIMEOUT = 24 * 60 * 60 * 1000
Timeout = Annotated[int, Meta(ge=1, le=MAX_TIMEOUT)]


class QueueSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section [sharq]: what holds for every queue. Durations are ms."""

    job_expire_interval: Duration = 60_000
    job_requeue_interval: Duration = 1000
    default_job_requeue_limit: Annotated[int, Meta(ge=-1, le=MAX_INTEGER)] = -1
    enable_requeue_script: bool = True
    max_lease_time: Duration = 43_200_000
    idempotency_time: Annotated[int, Meta(ge=1, le=MAX_KEY_TIME)] = 600_000
    dead_letter_max_age: Annotated[int, Meta(ge=0, le=MAX_DURATION)] = 2_592_000_000
    dead_letter_max_count: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] = 1_000_000


class ServerSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section [sharq-server]: where and how to serve.

    `accesslog` is a file, or `-` for standard error; None means no access log. `max_body_size` and
    `max_batch_body_size` are in bytes. Port 0 is any free port. The other limits apply to each
    process. `host` may be `unix:` and the path of a socket. Without a `backend`, the file's
    sections decide. Time-outs are in ms. A scrape shows `metrics_types` types one by one. With a
    `keys_file`, or an `authenticator` other than
    `keys`, only callers that it knows may call. Without, `host` must be of this machine, unless
    the server may `allow_anonymous` callers. With `tls_cert` and `tls_key`, files, it speaks TLS.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    workers: Annotated[int, Meta(ge=1)] = 1
    accesslog: str | None = None
    log_format: Literal["text", "json"] = "text"
    backend: str = "memory"
    max_body_size: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 1024 * 1024
    max_batch_body_size: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 16 * 1024 * 1024
    max_connections: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 4000
    max_in_flight: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 1000
    keep_alive_timeout: Timeout = 120_000
    request_timeout: Timeout = 60_000
    metrics_types: Annotated[int, Meta(ge=1, le=10_000)] = 200
    drain_time: Annotated[int, Meta(ge=0, le=MAX_TIMEOUT)] = 2000
    keys_file: str | None = None
    authenticator: str = KEYS
    allow_anonymous: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None

    def __post_init__(self) -> None:
        if self.host.startswith(UNIX) and not self.host.removeprefix(UNIX):
            raise ValueError("host: names no file after `unix:`")
        if self.tls_cert is not None and self.tls_key is None:
            raise ValueError("tls_key: is missing, and tls_cert is of no use without it")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_cert: is missing, and tls_key is of no use without it")

    @property
    def needs_keys(self) -> bool:
        """Whether only callers that an authenticator knows may call."""
        return self.keys_file is not None or self.authenticator != KEYS
