"""An app in service: from a listening socket to the end of its last connection."""

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sharq_plug.http.wire.app import App
from sharq_plug.http.wire.connection import Connection
from sharq_plug.http.wire.tls import ContextSource


class HttpServer:
    """An app that serves. Use `open_server` to start one."""

    def __init__(self, app: App, server: Any) -> None:
        self._app = app
        self._server = server

    @property
    def connections(self) -> Sequence[Connection]:
        """The connections that are open now."""
        return list(self._server.connections)

    async def begin_draining(self) -> None:
        """Take no new connections, answer dequeues that wait, let requests in flight finish.

        Each connection is closed once it has carried one more request.
        """
        self._app.ctx.server.is_draining = True
        self._server.close()
        await self._server.before_stop()


@asynccontextmanager
async def open_server(
    app: App, listener: socket.socket, *, backlog: int = 100, tls: ContextSource | None = None
) -> AsyncIterator[HttpServer]:
    """Serve an app on a socket, with `tls` over TLS; close its store at the end."""
    app.ctx.tls = tls
    os.environ.setdefault("SANIC_IGNORE_PRODUCTION_WARNING", "true")
    server: Any = await app.create_server(  # an AsyncioServer, whose methods have no types
        sock=listener, backlog=backlog, asyncio_server_kwargs={"start_serving": False}
    )
    await server.startup()
    await server.before_start()
    try:
        await server.start_serving()
        await server.after_start()
        yield HttpServer(app, server)
    finally:
        server.close()
        await server.after_stop()
