"""Sanic's request, mended where strange requests break it, and led to the service."""

from typing import Any

import sanic
from sanic.exceptions import PayloadTooLarge

from sharq_plug.service import QueueService

REFUSED_BODY = 16 * 1024 * 1024
"""Bytes of a refused body that are read all the same, so that its sender gets to the answer."""


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

    async def receive_body(self) -> None:
        """Receive the body; raises PayloadTooLarge if it is larger than the options allow."""
        assert self.stream is not None  # noqa: S101  # Sanic calls this with a stream only
        self.stream.request_max_size = self.app.ctx.max_body_size
        try:
            await super().receive_body()  # type: ignore[no-untyped-call]  # Sanic has no types
        except PayloadTooLarge:
            self.stream.request_max_size = REFUSED_BODY
            raise
