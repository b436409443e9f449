"""Read requests from one connection and write their responses, one after the other."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sanic.exceptions import BadRequest, PayloadTooLarge, URITooLong
from sanic.http import Http, Stage
from sanic.http.http1 import HTTP_CONTINUE

from sharq_plug.http.api.replies import Reply
from sharq_plug.http.api.request import REQUEST_ID, Server
from sharq_plug.http.wire.access_log import log_answer
from sharq_plug.http.wire.framing import (
    CRLF,
    END_OF_HEAD,
    MAX_EXTRAS,
    MAX_LINE,
    PLAIN_SIZE,
    bad_chunks,
    check_trailer,
    chunk_size,
    has_bare_line_feed,
    has_long_target,
    is_broken_line,
    parse_head,
)
from sharq_plug.http.wire.request_ids import new_request_id, request_id
from sharq_plug.http.wire.responses import response_bytes

if TYPE_CHECKING:
    from sharq_plug.http.wire.connection import Connection

SMALL = 32 * 1024
"""Bytes that a connection may hold without being counted in `Memory`."""
EXPECTATION_FAILED = 417
NO_ROUTE = "none"
"""What figures call the route of a request that has none."""


class Exchange(Http):
    """Sanic's HTTP reader and writer, stricter about lengths, and fair between connections."""

    __slots__ = ("extras", "is_in_chunks", "number")

    protocol: Any
    request: Any
    request_body: Any
    request_bytes: Any
    request_bytes_left: Any

    def __init__(self, protocol: "Connection") -> None:
        super().__init__(protocol)  # type: ignore[no-untyped-call]  # Sanic has no types
        self.number = 0
        self.init_for_request()

    def init_for_request(self) -> None:
        """Prepare for the next request."""
        super().init_for_request()  # type: ignore[no-untyped-call]  # Sanic has no types
        self.number += 1
        self.is_in_chunks = False
        self.extras = 0
        if self.protocol.is_holding:
            self.protocol.hold(body=0)

    async def http1_request_header(self) -> None:
        """Read the head of a request, once the client has read the responses to earlier ones."""
        if self.protocol.is_paused:
            await self.protocol.read_by_client()
        text = await self._receive_head()
        head = parse_head(text)
        self.url = head.target.decode()
        self.head_only = head.method == "HEAD"
        self.keep_alive = head.keep_alive
        request = self.protocol.request_class(
            url_bytes=head.target,
            headers=head.headers,
            version=head.version,
            method=head.method,
            transport=self.protocol.transport,
            app=self.protocol.app,
            head=text,
        )
        self.protocol.request_class._current.set(request)  # noqa: SLF001  # as Sanic's own version does
        if head.has_body:
            self.request_body = "chunked" if head.is_chunked else True
        self.request_bytes = self.request_bytes_left = head.length
        self.expecting_continue = head.expects_continue
        self.request, request.stream = request, self
        request.known = head.known
        sent_id = head.known.get(REQUEST_ID)
        request.id = new_request_id() if sent_id is None else request_id(sent_id)
        if len(self.recv_buffer) > SMALL:
            self.protocol.hold(body=0)

    async def _receive_head(self) -> bytes:
        """Return the next head without its last empty line; ignore empty lines before it."""
        buffer, searched = self.recv_buffer, 0
        while True:
            while buffer.startswith(CRLF):
                del buffer[: len(CRLF)]
            end = buffer.find(END_OF_HEAD, searched)
            if 0 <= end < self.HEADER_MAX_SIZE:
                head = bytes(buffer[:end])
                del buffer[: end + len(END_OF_HEAD)]
                return head
            self._check_unfinished_head(end, searched)
            searched = max(0, len(buffer) - len(END_OF_HEAD) + 1)
            if not buffer:
                self.stage = Stage.IDLE
            await self._receive_more()
            self.stage = Stage.REQUEST

    def _check_unfinished_head(self, end: int, searched: int) -> None:
        buffer = self.recv_buffer
        if has_bare_line_feed(buffer, searched):
            raise BadRequest("Bad Request")
        if end >= 0 or len(buffer) >= self.HEADER_MAX_SIZE + len(END_OF_HEAD):
            if has_long_target(buffer[: self.HEADER_MAX_SIZE]):
                raise URITooLong("The request target exceeds the size limit")
            raise PayloadTooLarge("Request header exceeds the size limit")

    async def answer(self, reply: Reply) -> None:
        """Send a reply, and let others have their turn before the next request in the buffer.

        While the server is draining, it is the last one of its connection.
        """
        server: Server = self.protocol.app.ctx.server
        if server.is_draining:
            self.keep_alive = False
        data = response_bytes(
            reply,
            request_id=self.request.id,
            keep_alive=self.keep_alive,
            head_only=bool(self.head_only),
        )
        if self.expecting_continue and reply.status != EXPECTATION_FAILED:
            self.expecting_continue = False
            data = HTTP_CONTINUE + data  # so that the body comes, and not the next request
        try:
            await self._send(data)
        finally:
            route, began = self.request.route, self.perft0
            seconds = 0.0 if began is None else perf_counter() - began
            server.figures.answered(route.path if route else NO_ROUTE, reply.status, seconds)
            if self.protocol.access_log:
                with suppress(Exception):  # the reply is out: a log cannot change that
                    log_answer(self.request, reply, since=began)
            # Sanic's objects refer to each other, and may wait long for the garbage collector.
            undelivered, reply.undelivered = reply.undelivered, None
            reply.body = self.request.body = b""
        if self.protocol.has_ended and undelivered is not None:
            await self._see_delivered(undelivered)
        if len(data) > SMALL:
            self.protocol.hold(body=0)
        self.stage = Stage.IDLE
        if self.recv_buffer:
            await asyncio.sleep(0)

    async def _see_delivered(self, undelivered: Callable[[], None]) -> None:
        """Call `undelivered` if a client that has shut its sending side got no response."""
        try:
            is_lost = await self.protocol.loses_answer()
        except asyncio.CancelledError:
            if self.protocol.conn_info.lost:
                undelivered()
            raise
        if is_lost:
            undelivered()

    def take_body(self) -> bytes | None:
        """Return the body if it has arrived completely and is not too large; else None."""
        size: int = self.request_bytes_left or 0
        is_whole = self.request_body is True and size <= len(self.recv_buffer)
        if not is_whole or size > self.request_max_size:
            return None
        body = bytes(self.recv_buffer[:size])
        del self.recv_buffer[:size]
        self.request_bytes_left = 0
        self.request_body = None
        self.expecting_continue = False
        return body

    async def read(self) -> bytes | None:
        """Read some of the body; None at its end. Raises BadRequest, PayloadTooLarge."""
        if self.expecting_continue:
            self.expecting_continue = False
            await self._send(HTTP_CONTINUE)
        if self.request_body == "chunked" and not self.request_bytes_left:
            await self._begin_chunk()
        if self.request_bytes > self.request_max_size:
            self.keep_alive = False
            raise PayloadTooLarge("Request body exceeds the size limit")
        if not self.request_bytes_left:
            self.request_body = None
            return None
        if not self.recv_buffer:
            await self._receive_more()
        data = bytes(self.recv_buffer[: self.request_bytes_left])
        del self.recv_buffer[: len(data)]
        self.request_bytes_left -= len(data)
        return data

    async def _begin_chunk(self) -> None:
        """Read the end of a chunk and the size of the next one; after the last one, the trailers.

        Trailers are dropped: nothing here uses them.
        """
        try:
            if self.is_in_chunks:
                while len(self.recv_buffer) < len(CRLF):
                    await self._receive_more()
                if not self.recv_buffer.startswith(CRLF):
                    raise bad_chunks()
                del self.recv_buffer[: len(CRLF)]
            self.is_in_chunks = True
            line = await self._line()
            self._count_extras(len(line) - PLAIN_SIZE)
            self.request_bytes_left = size = chunk_size(line)
            self.request_bytes += size
            while size == 0 and (trailer := await self._line()):
                self._count_extras(len(trailer))
                check_trailer(trailer)
        except BadRequest:
            self.keep_alive = False
            self.request_body = None  # what follows must not be read as a request
            raise

    async def _line(self) -> bytes:
        buffer = self.recv_buffer
        while (end := buffer.find(CRLF, 0, MAX_LINE)) < 0:
            if len(buffer) >= MAX_LINE or is_broken_line(buffer):
                raise bad_chunks()
            await self._receive_more()
        line = bytes(buffer[:end])
        del buffer[: end + len(CRLF)]
        return line

    def _count_extras(self, size: int) -> None:
        self.extras += max(0, size)
        if self.extras > MAX_EXTRAS:
            raise bad_chunks()

    async def error_response(self, exception: BaseException) -> None:
        """Answer an error, unless its client is gone."""
        if isinstance(exception, asyncio.CancelledError):
            raise exception
        await super().error_response(exception)  # type: ignore[arg-type]  # Sanic's is too narrow

    def create_empty_request(self) -> None:
        """Make a request that stands for one that could not be read, for the access log too."""
        super().create_empty_request()
        self.request.conn_info = self.protocol.conn_info
        self.request.id = new_request_id()
        self.protocol.request_class._current.set(self.request)  # noqa: SLF001  # as for others
