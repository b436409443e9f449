"""Sanic's request, mended where unusual requests break it, with what handlers need."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sanic
from sanic.exceptions import PayloadTooLarge

from sharq_plug.http.api.request import ORIGIN, Server
from sharq_plug.http.api.routes import Route
from sharq_plug.model import Caller, masked
from sharq_plug.service import QueueService

REFUSED_BODY = 16 * 1024 * 1024
"""Bytes of a refused body that are read nevertheless, so that its sender reads the response."""
LOGGED_URL = 500
"""Characters of a URL that the access log shows."""


class Request(sanic.Request[Any, Any]):
    """A request as handlers know it (`sharq_plug.http.api.request`)."""

    id: str = ""  # Sanic has a slow property here
    """The id of the request in logs, and in its response's header `X-Request-Id`."""
    known: Mapping[str, str] = MappingProxyType({})
    names: Mapping[str, str] = MappingProxyType({})
    """The parts of the path that the client chose, once the route is found."""
    caller: Caller | None = None
    """Who sent the request, once admitted; None where everybody may."""

    def __init__(self, url_bytes: bytes, **kwargs: Any) -> None:
        # To answer a URL that it cannot parse, Sanic makes a request without a head from the same
        # URL, and fails again.
        super().__init__(url_bytes if "head" in kwargs else b"*", **kwargs)

    @property
    def path(self) -> str:
        """The path of the URL, which may be an absolute one without any."""
        return super().path if self._parsed_url.path else "/"

    @property
    def service(self) -> QueueService:
        """The service of this server."""
        server: Server = self.app.ctx.server
        return server.service

    @property
    def server(self) -> Server:
        """What all requests of this server share."""
        server: Server = self.app.ctx.server
        return server

    @property
    def is_abandoned(self) -> bool:
        """Whether the connection is closing, so that no response reaches the client."""
        return self.transport.is_closing()

    @property
    def is_secure(self) -> bool:
        """Whether the request came over TLS.

        Where a proxy ends TLS, the `Origin` that browsers send tells.
        """
        over_tls = self.transport.get_extra_info("ssl_object") is not None
        return over_tls or self.known.get(ORIGIN, "").startswith("https:")

    @property
    def url(self) -> str:
        """The URL for the access log, as it came but for tokens. Sanic's is made from headers."""
        url = masked(self.raw_url.decode("ascii"))
        return url if len(url) <= LOGGED_URL else f"{url[:LOGGED_URL]}..."

    async def receive_body(self) -> None:
        """Receive the body; raises PayloadTooLarge if it is larger than the options allow."""
        stream: Any = self.stream
        route: Route = self.route  # type: ignore[assignment]  # it is one of ours
        context = self.app.ctx
        stream.request_max_size = (
            context.max_batch_body_size if route.is_batch else context.server.max_body_size
        )
        connection = stream.protocol
        whole = stream.take_body()
        if whole is not None:
            self.body = whole
            connection.work()
            return
        body = bytearray()
        try:
            async for data in stream:
                body += data
                connection.hold(body=len(body))
        except PayloadTooLarge:
            stream.request_max_size = REFUSED_BODY
            connection.hold(body=0)
            raise
        connection.work()
        self.body = bytes(body)
