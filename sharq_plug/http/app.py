"""The Sanic app: its configuration, and its life from opening the store to closing it."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from sanic import Sanic
from sanic.application.state import ApplicationServerInfo
from sanic.http.constants import HTTP

from sharq_plug.http.connection import Connection
from sharq_plug.http.errors import error_response
from sharq_plug.http.memory import Memory
from sharq_plug.http.outages import Outages
from sharq_plug.http.request import REFUSED_BODY, Request
from sharq_plug.http.router import Router
from sharq_plug.http.routes import add_routes
from sharq_plug.service import MAX_WAIT, QueueService, ServiceOptions
from sharq_plug.store import QueueStore

GRACEFUL_SHUTDOWN_TIMEOUT = 6.0
"""Seconds that requests in flight have once no more are taken: a store fails within 5."""
REQUEST_TIMEOUT = 60.0
"""Seconds within which a request has to come, from its first byte to its last."""
STORE_TIME = 15.0
"""Seconds that a handler may take beside a wait: a store fails within 5, and may be asked again."""
RESPONSE_TIMEOUT = MAX_WAIT / 1000 + STORE_TIME
"""Seconds after which a handler is given up: more than the longest wait."""
KEEP_ALIVE_TIMEOUT = 120.0
"""Seconds that a connection may be idle: longer than common proxies keep theirs."""
MEMORY = 64 * 1024 * 1024
"""Bytes that requests and answers may take while their clients send and read..."""
BODIES = 4
"""...but enough for so many of the largest bodies."""
LISTINGS_AT_ONCE = 4
"""Lists of all types or queues that are gathered at a time, each as long as it may be."""


@dataclass(frozen=True, slots=True)
class AppOptions:
    """What holds for every request and connection.

    `max_body_size`, `max_batch_body_size` (that of a batch) and `memory` are in bytes, time-outs
    in seconds. Past `max_connections` a connection is refused.
    """

    service: ServiceOptions = field(default_factory=ServiceOptions)
    max_body_size: int = 1024 * 1024
    max_batch_body_size: int = 16 * 1024 * 1024
    max_connections: int = 4000
    memory: int = MEMORY
    keep_alive_timeout: float = KEEP_ALIVE_TIMEOUT
    request_timeout: float = REQUEST_TIMEOUT
    response_timeout: float = RESPONSE_TIMEOUT
    access_log: bool = False


class App(Sanic[Any, Any]):
    """A Sanic app whose connections are bounded."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Return a server of this app, as Sanic's own does."""
        # Knowing which HTTP this speaks, Sanic leaves out an empty header about another.
        self.state.server_info.append(ApplicationServerInfo({"version": HTTP.VERSION_1}))
        return await super().create_server(*args, protocol=Connection, **kwargs)


def create_app(
    name: str, open_store: Callable[[], QueueStore], options: AppOptions | None = None
) -> Sanic[Any, Any]:
    """Return an app that opens its store when it starts and closes it when it has stopped.

    Two apps in a process need two names. Logging is the caller's to configure.
    """
    options = options or AppOptions()
    largest_body = max(options.max_body_size, options.max_batch_body_size)
    app = App(
        name, router=Router(), request_class=Request, env_prefix=None, configure_logging=False
    )
    app.config.update(
        ACCESS_LOG=options.access_log,
        AUTO_EXTEND=False,
        GRACEFUL_SHUTDOWN_TIMEOUT=GRACEFUL_SHUTDOWN_TIMEOUT,
        KEEP_ALIVE=True,
        KEEP_ALIVE_TIMEOUT=options.keep_alive_timeout,
        MOTD=False,
        REQUEST_MAX_SIZE=max(largest_body, REFUSED_BODY),
        REQUEST_TIMEOUT=options.request_timeout,
        RESPONSE_TIMEOUT=options.response_timeout,
    )
    app.ctx.max_body_size = options.max_body_size
    app.ctx.max_batch_body_size = options.max_batch_body_size
    app.ctx.max_connections = options.max_connections
    app.ctx.memory = Memory(max(options.memory, BODIES * largest_body))
    app.ctx.outages = Outages()
    app.ctx.refused = set()
    app.ctx.is_draining = False
    app.ctx.listings = asyncio.Semaphore(LISTINGS_AT_ONCE)
    add_routes(app)
    app.exception(Exception)(error_response)
    _add_life(app, open_store, options.service)
    return app


def _add_life(
    app: Sanic[Any, Any], open_store: Callable[[], QueueStore], options: ServiceOptions
) -> None:
    opened = AsyncExitStack()

    async def start(app: Sanic[Any, Any]) -> None:
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store())
            app.ctx.service = await stack.enter_async_context(QueueService(store, options))
            opened.push_async_callback(stack.pop_all().aclose)

    async def end_waits(app: Sanic[Any, Any]) -> None:
        app.ctx.service.end_waits()

    async def stop(_app: Sanic[Any, Any]) -> None:
        await opened.aclose()

    app.before_server_start(start)
    app.before_server_stop(end_waits)
    app.after_server_stop(stop)
