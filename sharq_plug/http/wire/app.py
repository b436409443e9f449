"""The Sanic app: its configuration, and its life from opening the store to closing it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sanic import Sanic
from sanic.application.state import ApplicationServerInfo
from sanic.http import Stage
from sanic.http.constants import HTTP

from sharq_plug.authenticator import Authenticator
from sharq_plug.errors import StoreUnavailable
from sharq_plug.figures import ProcessFigures
from sharq_plug.http.api.request import Server
from sharq_plug.http.api.routes import Route, routes_of
from sharq_plug.http.description import ROWS
from sharq_plug.http.doors import Doors, audit
from sharq_plug.http.wire.connection import Connection
from sharq_plug.http.wire.errors import error_reply
from sharq_plug.http.wire.memory import Memory
from sharq_plug.http.wire.request import REFUSED_BODY, Request
from sharq_plug.http.wire.router import Router
from sharq_plug.http.wire.tls import TlsFilter
from sharq_plug.model import Scope
from sharq_plug.service import MAX_WAIT, ObservedStore, QueueService, ServiceOptions
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

ROUTES = routes_of(ROWS)
"""Every route of a server."""

ADMIN = Scope.ADMIN
"""What is noted in the audit log."""
GRACEFUL_SHUTDOWN_TIMEOUT = 6.0
"""Seconds that requests in flight have once the server stops: a store call fails within 5."""
REQUEST_TIMEOUT = 60.0
"""Seconds within which a request must arrive, from its first byte to its last."""
STORE_TIME = 15.0
"""Seconds that a handler may take beside a wait: a store call fails within 5, and may be resent."""
RESPONSE_TIMEOUT = MAX_WAIT / 1000 + STORE_TIME
"""Seconds after which a handler is cancelled: more than the longest wait."""
KEEP_ALIVE_TIMEOUT = 120.0
"""Seconds that a connection may be idle: longer than common proxies keep idle ones."""
MEMORY = 64 * 1024 * 1024
"""Bytes that requests and responses may take while their clients send and read..."""
BODIES = 4
"""...but at least this many of the largest bodies."""


@dataclass(frozen=True, slots=True)
class AppOptions:
    """Limits for every request and connection.

    `max_body_size`, `max_batch_body_size` (that of a batch) and `memory` are in bytes, time-outs
    in seconds. Connections past `max_connections` are refused. `backend` and `version` are told to
    those who ask.
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
    backend: str = ""
    version: str = ""


class App(Sanic[Any, Any]):
    """A Sanic app with bounded connections that leads requests to their handlers itself.

    Sanic's own way leads through middleware, signals and streamed responses, which nobody uses
    here, and through a router that recurses for each slash.
    """

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Return a server of this app, as Sanic's own method does."""
        # When Sanic knows which HTTP this speaks, it leaves out an empty header about another.
        self.state.server_info.append(ApplicationServerInfo({"version": HTTP.VERSION_1}))
        protocol: Any = Connection if self.ctx.tls is None else self._make_secure_connection
        return await super().create_server(*args, protocol=protocol, **kwargs)

    def _make_secure_connection(self, **kwargs: Any) -> TlsFilter:
        return TlsFilter(Connection(**kwargs), self.ctx.tls())

    def finalize(self) -> None:
        """Do nothing: Sanic has no routes to prepare."""

    async def handle_request(self, request: Any) -> None:
        """Find the route of a request, receive its body, and send what its handler returns."""
        context = self.ctx
        try:
            route, names = context.router.find(request.path, request.method)
            request.route = route
            request.names = names
            doors = context.doors
            if doors is not None:
                known = doors.admit_known(request, route, names)
                names = await doors.admit(request, route, names) if known is None else known
            if request.stream.request_body:
                await request.receive_body()
            reply = await route.handler(request, **names)
            if route.scope is ADMIN and request.caller is not None:
                audit.note(request.caller, request.method, route, request.names, reply)
            outages = context.server.outages
            if outages.current:
                outages.note_success(route.verb)
            await request.stream.answer(reply)
        except Exception as error:  # whatever it is, the client gets a response
            await self.handle_exception(request, error)

    async def handle_exception(
        self,
        request: Any,
        exception: BaseException,
        run_middleware: bool = True,  # noqa: ARG002, FBT001, FBT002  # Sanic passes it
    ) -> None:
        """Send an error to its client, unless a response has begun already."""
        if request.stream.stage is not Stage.HANDLER or not isinstance(exception, Exception):
            logger.error("%s %s failed", request.method, request.path, exc_info=exception)
            return
        route: Route | None = request.route
        if isinstance(exception, StoreUnavailable):
            self.ctx.server.outages.note_failure(route.verb if route else "", exception)
        reply = error_reply(request, exception)
        if route is not None and route.scope is ADMIN and request.caller is not None:
            audit.note(request.caller, request.method, route, request.names, reply)
        await request.stream.answer(reply)


@asynccontextmanager
async def _telling_waits(figures: ProcessFigures, service: QueueService) -> AsyncIterator[None]:
    """Note every second how many dequeues wait: another process may be scraped."""

    async def tell() -> None:
        while True:
            figures.settle(waiting=service.waiting_callers)
            await asyncio.sleep(1)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()


def create_app(
    name: str,
    open_store: Callable[[], QueueStore],
    options: AppOptions | None = None,
    authenticator: Authenticator | None = None,
) -> App:
    """Return an app that opens its store when it starts and closes it when it has stopped.

    The app asks `authenticator` who may call; without one everybody may.

    Two apps in a process need two names. Logging is the caller's to configure.
    """
    options = options or AppOptions()
    largest_body = max(options.max_body_size, options.max_batch_body_size)
    app = App(name, request_class=Request, env_prefix=None, configure_logging=False)
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
    memory = Memory(max(options.memory, BODIES * largest_body))
    figures = ProcessFigures(options.service.metrics_types)
    app.ctx.server = Server(
        memory, options.max_body_size, figures, options.backend, options.version, authenticator
    )
    app.ctx.doors = None if authenticator is None else Doors(authenticator)
    app.ctx.memory = memory
    app.ctx.router = Router(ROUTES, takes_tokens=authenticator is None)
    app.ctx.max_batch_body_size = options.max_batch_body_size
    app.ctx.max_connections = options.max_connections
    app.ctx.refused = set()
    app.ctx.tls = None
    _add_life(app, open_store, options.service)
    return app


def _add_life(
    app: Sanic[Any, Any], open_store: Callable[[], QueueStore], options: ServiceOptions
) -> None:
    opened = AsyncExitStack()

    async def start(app: Sanic[Any, Any]) -> None:
        async with AsyncExitStack() as stack:
            server = app.ctx.server
            if server.authenticator is not None:
                await stack.enter_async_context(server.authenticator)
            figures = server.figures
            store = await stack.enter_async_context(ObservedStore(open_store(), figures))
            service = await stack.enter_async_context(QueueService(store, options))
            server.service = service
            if figures.is_shared:
                await stack.enter_async_context(_telling_waits(figures, service))
            opened.push_async_callback(stack.pop_all().aclose)

    async def end_waits(app: Sanic[Any, Any]) -> None:
        app.ctx.server.service.end_waits()

    async def stop(_app: Sanic[Any, Any]) -> None:
        await opened.aclose()

    app.before_server_start(start)
    app.before_server_stop(end_waits)
    app.after_server_stop(stop)
