"""Sanic's request, mended where strange requests break it, and led to the service."""

from typing import Any

import sanic
from sanic.exceptions import PayloadTooLarge

from sharq_plug.service import QueueService

REFUSED_BODY = 16 * 1024 * 1024
"""Bytes of a refused body that are read all the same, so that its sender gets to the answer."""


LOGGED_URL = 500
"""Characters of a URL that the access log shows."""


class Request(sanic.Request):
    """A request for the service."""

    def __init__(self, url_bytes: bytes, **kwargs: Any) -> None:
        # To answer a URL that it could not parse, Sanic makes a request without a head, of the
        # same URL, and fails again.
        super().__init__(url_bytes if "head" in kwargs else b"*", **kwargs)

    @property
    def path(self) -> str:
        """The path of the URL, which may be an absolute one without any."""
        return super().path if self._parsed_url.path else "/"

    @property
    def service(self) -> QueueService:
        """The service of this server."""
        service: QueueService = self.app.ctx.service
        return service

    @property
    def url(self) -> str:
        """The URL as it came, for the access log: Sanic's is made up with the client's headers."""
        url = self.raw_url.decode("ascii")
        return url if len(url) <= LOGGED_URL else f"{url[:LOGGED_URL]}..."

    async def receive_body(self) -> None:
        """Receive the body; raises PayloadTooLarge if it is larger than the options allow."""
        stream: Any = self.stream
        bounds = self.app.ctx
        is_batch = self.route is not None and self.route.ctx.is_batch
        stream.request_max_size = bounds.max_batch_body_size if is_batch else bounds.max_body_size
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
