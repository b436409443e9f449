"""Limits on one connection: how long it may take, and how much memory it may hold."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from sanic.exceptions import BadRequest, RequestTimeout, ServiceUnavailable
from sanic.http import Stage
from sanic.http.http1 import HTTP_CONTINUE
from sanic.server.protocols.http_protocol import HttpProtocol

from sharq_plug.errors import Overloaded
from sharq_plug.http.wire.access_log import log_disconnect
from sharq_plug.http.wire.exchange import SMALL, Exchange
from sharq_plug.http.wire.half_closed import has_arrived, is_reset
from sharq_plug.http.wire.refusals import refuse

LAST_WORDS = 1.0
"""Seconds that a client has to read a response after which its connection is closed."""
LAST_READING = 5.0
"""Seconds without progress after which the last response of a connection counts as unread."""
CHECKS_A_TIMEOUT = 10
"""How often a connection is checked within its shortest time-out."""
SHORTEST_CHECK = 0.02
"""Seconds between two of these checks, at least."""
FIRST_LOOK = 0.02
"""Seconds after which a client that has shut its sending side is first checked."""
LONGEST_LOOK = 1.0
"""Seconds between two of these checks, at most."""
OLD_PATIENCE = 1.0
"""Seconds after which such an HTTP/1.0 client counts as gone."""
ARRIVAL_LOOK = 0.002
"""Seconds between two checks whether a response has reached such a client."""

NO_ADDRESS = "unix"
"""What the access log shows for a client without an address."""

IDLE, RECEIVING, ANSWERING, READING = "idle", "receiving", "answering", "reading"
_TOO_SLOW: Mapping[str, Callable[[], Exception]] = {
    IDLE: partial(RequestTimeout, "No request came in time."),
    RECEIVING: partial(RequestTimeout, "The request did not come in time."),
    READING: partial(RequestTimeout, "The answer was not read in time."),
    ANSWERING: partial(ServiceUnavailable, "The request was not answered in time."),
}


class Connection(HttpProtocol):
    """A connection that ends when its client is too slow, or when memory is short.

    Past the maximum number of connections, it answers 503 without reading.
    """

    HTTP_CLASS = Exchange
    __slots__ = ("_arrival", "_body", "_phase", "_since", "has_ended", "is_holding", "is_paused")

    conn_info: Any
    transport: Any
    _task: Any
    _callback_check_timeouts: Any

    def connection_made(self, transport: Any) -> None:
        """Accept the connection, or refuse it if there are too many."""
        if len(self.connections) >= self.app.ctx.max_connections:
            refuse(transport, self.app.ctx.refused, last_words=LAST_WORDS)
            return
        self._body = 0
        self._http: Any = None
        self.has_ended = self.is_holding = self.is_paused = False
        self._phase: object = None
        self._since = 0.0
        self._arrival: asyncio.Future[None] | None = None
        super().connection_made(transport)  # type: ignore[no-untyped-call]  # Sanic has no types
        if isinstance(self.conn_info.sockname, str):  # a Unix socket, whose clients have no address
            self.conn_info.client_ip = NO_ADDRESS

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)  # type: ignore[no-untyped-call]  # Sanic has no types
        self.app.ctx.memory.release(self)

    def data_received(self, data: bytes) -> None:
        """Buffer the bytes that arrived, and wake whoever waits for them."""
        super().data_received(data)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
        handling = self._http is not None and self._http.stage is Stage.HANDLER
        if handling and (self._body or len(self.recv_buffer) > SMALL):
            self.hold(body=self._body)

    def eof_received(self) -> bool:
        """Answer the complete requests: a client may shut its sending side and still read."""
        self.has_ended = True
        if self._arrival is not None and not self._arrival.done():
            if self._http.stage is Stage.IDLE:
                return False
            self._arrival.set_result(None)
        self.loop.call_later(FIRST_LOOK, self._look_after_end, FIRST_LOOK, False)
        return True

    def _look_after_end(self, wait: float, was_asked: bool) -> None:  # noqa: FBT001  # by call_later
        """Hang up on a client that is gone, so that no job is leased to it.

        While its request is handled, an HTTP/1.1 client is sent 100 Continue, which it must accept;
        the system of a client that is gone resets the connection. HTTP/1.0 clients must not be sent
        it. Most of those are proxies, which close the connection when their own client is gone.
        """
        if self._task is None or self.transport is None or self.transport.is_closing():
            return
        if is_reset(self.transport):
            self.abort()
            return
        http = self._http
        if http is not None and http.stage is Stage.HANDLER:
            is_old = http.request.version == "1.0"
            if is_old and was_asked:
                self.abort()
                return
            if is_old:
                wait = OLD_PATIENCE
            elif not was_asked:
                self.transport.write(HTTP_CONTINUE)
                wait = ARRIVAL_LOOK
            was_asked = True
        self.loop.call_later(wait, self._look_after_end, min(2 * wait, LONGEST_LOOK), was_asked)

    async def loses_answer(self) -> bool:
        """Wait until a response has arrived, but not long; return whether the client is gone."""
        last_look = self.loop.time() + LAST_WORDS
        while not (self.transport.is_closing() or is_reset(self.transport)):
            if has_arrived(self.transport) or self.loop.time() >= last_look:
                return False
            await asyncio.sleep(ARRIVAL_LOOK)
        return True

    async def receive_more(self) -> None:
        """Wait until bytes arrive. Sanic's own version costs a system call on Python 3.11.

        When nothing more can arrive, raises CancelledError, or BadRequest inside a request.
        """
        if self.has_ended:
            if self._http.stage is Stage.IDLE:
                raise asyncio.CancelledError
            self._http.keep_alive = False
            raise BadRequest("The request ended before it was complete.")
        self.transport.resume_reading()
        self._arrival = self.loop.create_future()
        await self._arrival

    def pause_writing(self) -> None:
        """Stop reading requests until the client has read its responses."""
        super().pause_writing()  # type: ignore[no-untyped-call]  # Sanic has no types
        self.is_paused = True
        self.hold(body=self._body)

    def resume_writing(self) -> None:
        """Continue after the client has read its responses."""
        super().resume_writing()  # type: ignore[no-untyped-call]  # Sanic has no types
        self.is_paused = False
        self.hold(body=self._body)

    def hold(self, *, body: int) -> None:
        """Count the bytes that this connection holds, `body` bytes of a request among them."""
        self._body = body
        if self.transport is None or self.transport.is_closing():
            return
        size = self.held()
        self.is_holding = body > 0 or size > SMALL
        if size > SMALL:
            self.app.ctx.memory.wait(self, size)
        else:
            self.app.ctx.memory.release(self)

    def held(self) -> int:
        """Return how many bytes are held for the client."""
        unread: int = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return self._body + len(self.recv_buffer) + unread

    async def read_by_client(self) -> None:
        """Wait until the client has read most of what it was sent."""
        await self._can_write.wait()

    def work(self) -> None:
        """Note that the request is complete: nothing waits for its client."""
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
        """End what takes too long; check again until then.

        Sanic's own version, which this replaces, restarts its time-out with each byte.
        """
        if self._task is None:
            return
        phase = self._current_phase()
        if phase != self._phase:
            self._phase, self._since = phase, self.loop.time()
        timeouts = {
            IDLE: self.keep_alive_timeout,
            RECEIVING: self.request_timeout,
            READING: self.request_timeout,
            ANSWERING: self.response_timeout,
        }
        if self.loop.time() - self._since >= timeouts[phase[1]]:
            self._end(_TOO_SLOW[phase[1]]())
        else:
            wait = max(SHORTEST_CHECK, min(timeouts.values()) / CHECKS_A_TIMEOUT)
            self._callback_check_timeouts = self.loop.call_later(wait, self.check_timeouts)

    def log_disconnect(self) -> None:
        """Log the end of the connection. It is closed next, even if the log fails."""
        with suppress(Exception):
            log_disconnect(self._http.request, stage=self._http.stage, name=f"{id(self):X}"[-5:-1])

    def close_if_idle(self) -> bool:
        """Close the connection if it is idle; return whether it was."""
        is_idle = self._http is None or self._http.stage is Stage.IDLE
        if is_idle and not self.recv_buffer:
            self.close()
            return True
        return False

    def close(self, timeout: float | None = None) -> None:  # noqa: ARG002  # Sanic's own
        """Close once the client has read everything; Sanic's own version allows five seconds."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._callback_check_timeouts is not None:
            self._callback_check_timeouts.cancel()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._see_read(self.held(), self.loop.time())

    def _see_read(self, left: int, since: float) -> None:
        """Abort the connection once its client has stopped reading the last response."""
        if self.conn_info is None or self.conn_info.lost:
            return
        held, now = self.held(), self.loop.time()
        if held < left:
            left, since = held, now
        if now - since >= LAST_READING:
            self.abort()
        else:
            self.loop.call_later(LAST_WORDS, self._see_read, left, since)

    def abort(self) -> None:
        """Close the connection now. Sanic's own version drops the transport while it is needed."""
        if self.transport is not None:
            self.transport.abort()

    def _current_phase(self) -> tuple[int, str, int]:
        """Return the request's number, its phase, and a value that changes with progress."""
        http = self._http
        if http.request_body or (http.stage is Stage.REQUEST and not self.is_paused):
            return http.number, RECEIVING, 0
        if http.stage in {Stage.IDLE, Stage.REQUEST}:
            unread = self.transport.get_write_buffer_size()
            return http.number, READING if unread else IDLE, unread
        return http.number, ANSWERING, 0

    def _end(self, error: Exception) -> None:
        """Answer with the error if possible; close the connection, whatever its client does."""
        self._http.exception = error
        self._task.cancel()
        self._callback_check_timeouts.cancel()
        self._callback_check_timeouts = self.loop.call_later(LAST_WORDS, self.abort)
