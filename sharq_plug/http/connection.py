"""What one connection may cost: time, memory, and the patience of the others."""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any

from sanic.exceptions import BadRequest, RequestTimeout, ServiceUnavailable
from sanic.http import Http, Stage
from sanic.http.http1 import HTTP_CONTINUE
from sanic.server.protocols.http_protocol import HttpProtocol

from sharq_plug.errors import Overloaded
from sharq_plug.http.errors import RETRY_AFTER
from sharq_plug.http.responses import Response, failure

SMALL = 32 * 1024
"""Bytes that a connection may hold without being counted."""
LAST_WORDS = 1.0
"""Seconds that a client has to take an answer after which its connection is closed."""
MAX_REFUSED = 200
"""Refused connections that are given those seconds at a time."""
CHECKS_A_TIMEOUT = 10
"""How often the time of a connection is looked at within the shortest time-out."""
CRLF = b"\r\n"
EXPECTATION_FAILED = 417

NO_ADDRESS = "unix"
"""What the access log shows for the address of a client that has none."""

IDLE, RECEIVING, ANSWERING = "idle", "receiving", "answering"
_TOO_SLOW: Mapping[str, Callable[[], Exception]] = {
    IDLE: partial(RequestTimeout, "No request came in time."),
    RECEIVING: partial(RequestTimeout, "The request did not come in time."),
    ANSWERING: partial(ServiceUnavailable, "The request was not answered in time."),
}

_is_decimal = re.compile(r"[0-9]+").fullmatch
_is_hexadecimal = re.compile(r"[0-9A-Fa-f]+").fullmatch


class Exchange(Http):
    """Sanic's reading and writing of HTTP, stricter about lengths, and fair."""

    __slots__ = ("number",)

    protocol: Any
    request_body: Any

    def __init__(self, protocol: "Connection") -> None:
        super().__init__(protocol)  # type: ignore[no-untyped-call]  # Sanic has no types
        self.number = 0
        self.init_for_request()

    def init_for_request(self) -> None:
        """Prepare for the next request."""
        super().init_for_request()  # type: ignore[no-untyped-call]  # Sanic has no types
        self.number += 1
        if self.protocol.is_holding:
            self.protocol.hold(body=0)

    async def http1_request_header(self) -> None:
        """Read the head of a request, not before the client has read the answers to others."""
        if self.protocol.is_paused:
            await self.protocol.read_by_client()
        await super().http1_request_header()  # type: ignore[no-untyped-call]  # Sanic has no types
        if len(self.recv_buffer) > SMALL:
            self.protocol.hold(body=0)

    async def answer(self, response: Response) -> None:
        """Send a response, and let others have their turn before the next request in the row."""
        data = response.as_bytes(keep_alive=self.keep_alive, head_only=bool(self.head_only))
        if self.expecting_continue and response.status != EXPECTATION_FAILED:
            self.expecting_continue = False
            data = HTTP_CONTINUE + data  # so that the body comes, and not the next request
        try:
            await self._send(data)
        finally:
            if self.protocol.access_log:
                with suppress(Exception):  # the answer is out: a log cannot change that any more
                    self.log_response()
        if len(data) > SMALL:
            self.protocol.hold(body=0)
        self.stage = Stage.IDLE
        if self.recv_buffer:
            await asyncio.sleep(0)

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
        """Read some of the body; raises BadRequest, also where a chunk is longer than it says."""
        if self.request_body == "chunked" and self.request_bytes_left == 0:
            while len(self.recv_buffer) < len(CRLF):
                await self._receive_more()
            if not self.recv_buffer.startswith(CRLF):
                self.keep_alive = False
                raise BadRequest("Bad chunked encoding")
        return await super().read()

    async def error_response(self, exception: BaseException) -> None:
        """Answer an error, unless its client is gone."""
        if isinstance(exception, asyncio.CancelledError):
            raise exception
        await super().error_response(exception)  # type: ignore[arg-type]  # Sanic's is too narrow

    def create_empty_request(self) -> None:
        """Make a request to answer one that could not be read; the access log names its sender."""
        super().create_empty_request()
        self.request.conn_info = self.protocol.conn_info

    @staticmethod
    def _safe_int(value: str, base: int = 10) -> int:
        """Read a length in digits and nothing else, as every proxy reads it."""
        if not (_is_decimal if base == 10 else _is_hexadecimal)(value):  # noqa: PLR2004
            raise ValueError
        return int(value, base)


class Connection(HttpProtocol):
    """A connection that ends when its client is too slow, and gives way when memory is short.

    Past the bound of connections it answers 503 without reading.
    """

    HTTP_CLASS = Exchange
    __slots__ = ("_arrival", "_body", "_phase", "_since", "is_holding", "is_paused")

    conn_info: Any
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
        self.is_holding = self.is_paused = False
        self._phase: object = None
        self._since = 0.0
        self._arrival: asyncio.Future[None] | None = None
        super().connection_made(transport)  # type: ignore[no-untyped-call]  # Sanic has no types
        if isinstance(self.conn_info.sockname, str):  # a Unix socket, whose clients have no address
            self.conn_info.client_ip = NO_ADDRESS

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

    async def receive_more(self) -> None:
        """Wait until something comes. Sanic's own makes a system call for it on Python 3.11."""
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
            wait = min(timeouts.values()) / CHECKS_A_TIMEOUT
            self._callback_check_timeouts = self.loop.call_later(wait, self.check_timeouts)

    def log_disconnect(self) -> None:
        """Log the end of the connection, which is closed next whatever becomes of the log."""
        with suppress(Exception):
            super().log_disconnect()  # type: ignore[no-untyped-call]  # Sanic has no types

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


@cache
def _refusal() -> bytes:
    refused = failure(503, str(Overloaded()), headers={"Retry-After": str(RETRY_AFTER)})
    return refused.as_bytes(keep_alive=False)
