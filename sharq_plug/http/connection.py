"""What one connection may cost: time, memory, and the patience of the others."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sanic.exceptions import (
    BadRequest,
    PayloadTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    URITooLong,
)
from sanic.http import Http, Stage
from sanic.http.http1 import HTTP_CONTINUE
from sanic.server.protocols.http_protocol import HttpProtocol

from sharq_plug.errors import Overloaded
from sharq_plug.http.errors import RETRY_AFTER
from sharq_plug.http.framing import (
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
from sharq_plug.http.half_closed import has_arrived, is_reset
from sharq_plug.http.responses import Response, failure

SMALL = 32 * 1024
"""Bytes that a connection may hold without being counted."""
LAST_WORDS = 1.0
"""Seconds that a client has to take an answer after which its connection is closed."""
MAX_REFUSED = 200
"""Refused connections that are given those seconds at a time."""
CHECKS_A_TIMEOUT = 10
"""How often the time of a connection is looked at within the shortest time-out."""
SHORTEST_CHECK = 0.02
"""Seconds between two of these looks, however short a time-out is."""
EXPECTATION_FAILED = 417
FIRST_LOOK = 0.02
"""Seconds after which a client that has shut its sending side is looked at, and again later."""
LONGEST_LOOK = 1.0
"""Seconds between two of these looks, once they have become rare."""
ARRIVAL_LOOK = 0.002
"""Seconds between two looks at whether an answer has arrived at such a client."""

IDLE, RECEIVING, ANSWERING = "idle", "receiving", "answering"
_TOO_SLOW: Mapping[str, Callable[[], Exception]] = {
    IDLE: partial(RequestTimeout, "No request came in time."),
    RECEIVING: partial(RequestTimeout, "The request did not come in time."),
    ANSWERING: partial(ServiceUnavailable, "The request was not answered in time."),
}


class Exchange(Http):
    """Sanic's reading and writing of HTTP, stricter about lengths, and fair."""

    __slots__ = ("extras", "is_in_chunks", "number")

    protocol: Any
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
        """Read the head of a request, not before the client has read the answers to others."""
        if self.protocol.is_paused:
            await self.protocol.read_by_client()
        text = await self._receive_head()
        head = parse_head(text)
        self.url = head.target.decode()
        self.head_only = head.method == "HEAD"
        self.keep_alive = head.keep_alive and not self.protocol.app.ctx.is_draining
        request = self.protocol.request_class(
            url_bytes=head.target,
            headers=head.headers,
            version=head.version,
            method=head.method,
            transport=self.protocol.transport,
            app=self.protocol.app,
            head=text,
        )
        self.protocol.request_class._current.set(request)  # noqa: SLF001  # as Sanic's own does
        if head.has_body:
            self.request_body = "chunked" if head.is_chunked else True
        self.request_bytes = self.request_bytes_left = head.length
        self.expecting_continue = head.expects_continue
        self.request, request.stream = request, self
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

    async def answer(self, response: Response) -> None:
        """Send a response, and let others have their turn before the next request in the row."""
        data = response.as_bytes(keep_alive=self.keep_alive, head_only=bool(self.head_only))
        if self.expecting_continue and response.status != EXPECTATION_FAILED:
            self.expecting_continue = False
            data = HTTP_CONTINUE + data  # so that the body comes, and not the next request
        if self.protocol.access_log:
            self.log_response()
        await self._send(data)
        if self.protocol.has_ended and response.undelivered is not None:
            await self._see_delivered(response.undelivered)
        if len(data) > SMALL:
            self.protocol.hold(body=0)
        self.stage = Stage.IDLE
        if self.recv_buffer:
            await asyncio.sleep(0)

    async def _see_delivered(self, undelivered: Callable[[], None]) -> None:
        """Tell of an answer that a client which had shut its sending side did not get."""
        try:
            is_lost = await self.protocol.loses_answer()
        except asyncio.CancelledError:
            if self.protocol.conn_info.lost:
                undelivered()
            raise
        if is_lost:
            undelivered()

    def take_body(self) -> bytes | None:
        """Return the body if it is here, whole and as long as it may be; else None."""
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
        """Read the end of a chunk and the size of the next; after the last one, the trailers too.

        Trailers are dropped: nothing here asks for them.
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
            self.request_body = None  # what follows is not read as if it were known what it is
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
        """Make a request to answer one that could not be read; the access log names its sender."""
        super().create_empty_request()
        self.request.conn_info = self.protocol.conn_info


class Connection(HttpProtocol):
    """A connection that ends when its client is too slow, and gives way when memory is short.

    Past the bound of connections it answers 503 without reading.
    """

    HTTP_CLASS = Exchange
    __slots__ = ("_arrival", "_body", "_phase", "_since", "has_ended", "is_holding", "is_paused")

    transport: Any
    _task: Any
    _callback_check_timeouts: Any

    def connection_made(self, transport: Any) -> None:
        """Begin, or refuse to."""
        if len(self.connections) >= self.app.ctx.max_connections:
            _refuse(transport, self.app.ctx.refused)
            return
        self._body = 0
        self._http: Any = None
        self.has_ended = self.is_holding = self.is_paused = False
        self._phase: object = None
        self._since = 0.0
        self._arrival: asyncio.Future[None] | None = None
        super().connection_made(transport)  # type: ignore[no-untyped-call]  # Sanic has no types

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)  # type: ignore[no-untyped-call]  # Sanic has no types
        self.app.ctx.memory.release(self)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
        handling = self._http is not None and self._http.stage is Stage.HANDLER
        if handling and (self._body or len(self.recv_buffer) > SMALL):
            self.hold(body=self._body)

    def eof_received(self) -> bool:
        """Answer what came whole: a client may shut its sending side and still read."""
        self.has_ended = True
        if self._arrival is not None and not self._arrival.done():
            if self._http.stage is Stage.IDLE:
                return False
            self._arrival.set_result(None)
        self.loop.call_later(FIRST_LOOK, self._look_after_end, FIRST_LOOK, False)
        return True

    def _look_after_end(self, wait: float, was_asked: bool) -> None:  # noqa: FBT001
        """Hang up on a client that is gone, so that no job is leased to it.

        A request that takes its time is answered 100 Continue in between, which every client of
        HTTP/1.1 has to bear: the system of one that is gone resets the connection.
        """
        if self._task is None or self.transport is None or self.transport.is_closing():
            return
        if is_reset(self.transport):
            self.abort()
            return
        http = self._http
        if http is not None and http.stage is Stage.HANDLER and not was_asked:
            was_asked = True
            if http.request.version != "1.0":
                self.transport.write(HTTP_CONTINUE)
                wait = ARRIVAL_LOOK
        self.loop.call_later(wait, self._look_after_end, min(2 * wait, LONGEST_LOOK), was_asked)

    async def loses_answer(self) -> bool:
        """Wait until an answer has arrived, or a moment; say whether the client is gone."""
        last_look = self.loop.time() + LAST_WORDS
        while not is_reset(self.transport):
            if self.transport.is_closing():
                return True
            if has_arrived(self.transport) or self.loop.time() >= last_look:
                return False
            await asyncio.sleep(ARRIVAL_LOOK)
        return True

    async def receive_more(self) -> None:
        """Wait until something comes. Sanic's own makes a system call for it on Python 3.11.

        Where nothing can come: raises CancelledError, or BadRequest in the middle of a request.
        """
        if self.has_ended:
            if self._http.stage is Stage.IDLE:
                raise asyncio.CancelledError
            self._http.keep_alive = False
            raise BadRequest("The request ended before it was whole.")
        self.transport.resume_reading()
        self._arrival = self.loop.create_future()
        await self._arrival

    def pause_writing(self) -> None:
        """Wait until the client has read."""
        super().pause_writing()  # type: ignore[no-untyped-call]  # Sanic has no types
        self.is_paused = True
        self.hold(body=self._body)

    def resume_writing(self) -> None:
        """Go on after the client has read."""
        super().resume_writing()  # type: ignore[no-untyped-call]  # Sanic has no types
        self.is_paused = False
        self.hold(body=self._body)

    def hold(self, *, body: int) -> None:
        """Count what this connection holds, `body` bytes of a request's body among it."""
        self._body = body
        if self.transport is None or self.transport.is_closing():
            return
        size = body + len(self.recv_buffer) + self.transport.get_write_buffer_size()
        self.is_holding = body > 0 or size > SMALL
        if size > SMALL:
            self.app.ctx.memory.wait(self, size)
        else:
            self.app.ctx.memory.release(self)

    async def read_by_client(self) -> None:
        """Wait until the client has read most of what it was sent."""
        await self._can_write.wait()

    def work(self) -> None:
        """Note that the request is here whole: its client is not waited for."""
        self.app.ctx.memory.work(self)

    def give_way(self) -> None:
        """Refuse the request whose body is being received, or else hang up."""
        self._body = 0
        receiving = self._http is not None and self._http.request_body
        if receiving and self._http.stage is Stage.HANDLER:
            self._end(Overloaded())
        else:
            self.abort()

    def check_timeouts(self) -> None:
        """End what takes too long; come back until then.

        Sanic's own, in whose place this stands, starts anew with each byte that comes.
        """
        if self._task is None:
            return
        phase = self._current_phase()
        if phase != self._phase:
            self._phase, self._since = phase, self.loop.time()
        timeouts = {
            IDLE: self.keep_alive_timeout,
            RECEIVING: self.request_timeout,
            ANSWERING: self.response_timeout,
        }
        if self.loop.time() - self._since >= timeouts[phase[1]]:
            self._end(_TOO_SLOW[phase[1]]())
        else:
            wait = max(SHORTEST_CHECK, min(timeouts.values()) / CHECKS_A_TIMEOUT)
            self._callback_check_timeouts = self.loop.call_later(wait, self.check_timeouts)

    def drain(self, *, close_idle: bool) -> None:
        """Carry no request after the one under way; without one, close now or soon."""
        http = self._http
        if http is None or http.stage is Stage.IDLE:
            if close_idle and not self.recv_buffer:
                self.close()
        else:
            http.keep_alive = False

    def abort(self) -> None:
        """Close the connection now. Sanic's own forgets the transport while others need it."""
        if self.transport is not None:
            self.transport.abort()

    def _current_phase(self) -> tuple[int, str]:
        http = self._http
        if http.request_body or http.stage is Stage.REQUEST:
            return http.number, RECEIVING
        return http.number, IDLE if http.stage is Stage.IDLE else ANSWERING

    def _end(self, error: Exception) -> None:
        """Answer with the error if that can be; close the connection whatever its client does."""
        self._http.exception = error
        self._task.cancel()
        self._callback_check_timeouts.cancel()
        self._callback_check_timeouts = self.loop.call_later(LAST_WORDS, self.abort)


class _Refused(asyncio.Protocol):
    """Read on, so that the refusal reaches a client that is still sending."""

    def __init__(self, refused: set[asyncio.Protocol]) -> None:
        self._refused = refused
        refused.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._refused.discard(self)


def _refuse(transport: asyncio.Transport, refused: set[asyncio.Protocol]) -> None:
    """Answer 503, and close the connection soon."""
    transport.write(_refusal())
    if len(refused) >= MAX_REFUSED:
        transport.close()
        return
    transport.set_protocol(_Refused(refused))
    transport.write_eof()
    asyncio.get_running_loop().call_later(LAST_WORDS, transport.abort)


def _refusal() -> bytes:
    refused = failure(503, str(Overloaded()), headers={"Retry-After": str(RETRY_AFTER)})
    return refused.as_bytes(keep_alive=False)
