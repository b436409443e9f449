"""A connection to Redis that many callers share: commands go out at once, replies come in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostConnection

Command: TypeAlias = tuple[Any, ...]
Connect: TypeAlias = Callable[[], Awaitable[AbstractConnection]]
"""Returns an open connection. Raises RedisError or OSError."""
OnMessage: TypeAlias = Callable[[bytes, bytes | None], None]
"""Gets a channel and a message; None instead if the server has ended the subscription."""

NOTHING_YET = object()


@dataclass(slots=True)
class Exchange:
    """Commands that went out together, and their replies."""

    expected: int
    answered: asyncio.Future[list[Any]]
    replies: list[Any] = field(default_factory=list)
    leaves: bytes | None = None
    """The channel, if the command is a SUNSUBSCRIBE."""


class Wire(asyncio.Protocol):
    """One connection, opened by redis-py, which knows TLS, sockets and passwords.

    From then on it does without redis-py, whose pool and streams cost five times what this does,
    and whose calls may swallow a cancellation on Python 3.11. `lost` is set when it is over.
    `heard_at` is when something arrived last, by the event loop's clock.
    """

    def __init__(self, connection: AbstractConnection, on_message: OnMessage | None) -> None:
        self._connection = connection
        self._on_message = on_message
        self._replies = hiredis.Reader(notEnoughData=NOTHING_YET)
        self._exchanges: deque[Exchange] = deque()
        self._loop = asyncio.get_running_loop()
        self.lost = asyncio.Event()
        self.heard_at = self._loop.time()
        streams = cast(Any, connection)._writer  # noqa: SLF001  # redis-py shows it nowhere else
        self._transport: asyncio.Transport = streams.transport
        self._transport.set_protocol(self)
        # If the connection ended before this protocol was set, nobody reports it.
        if self._transport.is_closing() or cast(Any, connection)._reader.at_eof():  # noqa: SLF001
            self.drop("closed by Redis")

    @classmethod
    async def open(cls, connect: Connect, on_message: OnMessage | None = None) -> Self:
        """Return a wire that is up. `on_message` makes it one for subscriptions.

        Raises RedisError or OSError.
        """
        return cls(await connect(), on_message)

    def ask(
        self, commands: Sequence[Command], *, leaves: bytes | None = None
    ) -> asyncio.Future[list[Any]]:
        """Send commands; return what will be their replies, errors among them.

        The future, or this call, raises LostConnection. Whoever cancels the future takes nothing
        from the others. `leaves` is the channel if the only command is its SUNSUBSCRIBE.
        """
        if self.lost.is_set():
            raise LostConnection("connection lost")
        try:
            self._transport.write(b"".join([hiredis.pack_command(command) for command in commands]))
        except RuntimeError as error:  # uvloop, of a connection that has just died
            self.drop(str(error))
            raise LostConnection(str(error)) from error
        exchange = Exchange(len(commands), self._loop.create_future(), leaves=leaves)
        self._exchanges.append(exchange)
        return exchange.answered

    def drop(self, why: str) -> None:
        """Close the connection at once; whoever waits for a reply hears `why`."""
        if self.lost.is_set():
            return
        self.lost.set()
        self._transport.abort()
        cast(Any, self._connection)._close()  # noqa: SLF001  # else it complains of a leak
        for exchange in self._exchanges:
            if not exchange.answered.done():
                exchange.answered.set_exception(LostConnection(why))
        self._exchanges.clear()

    def data_received(self, data: bytes) -> None:
        """Hand replies to those who wait for them, and messages on."""
        self.heard_at = self._loop.time()
        self._replies.feed(data)
        try:
            while (reply := self._replies.gets()) is not NOTHING_YET:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self.drop(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait."""
        self.drop(str(exc or "closed by Redis"))

    def _take(self, reply: Any) -> None:
        if self._on_message is not None and isinstance(reply, list) and self._is_push(reply):
            self._on_message(reply[1], reply[2] if reply[0] == b"smessage" else None)
        elif not self._exchanges:  # Redis has more clients than it may
            self.drop(str(reply))
        else:
            exchange = self._exchanges[0]
            exchange.replies.append(reply)
            if len(exchange.replies) == exchange.expected:
                self._exchanges.popleft()
                if not exchange.answered.done():
                    exchange.answered.set_result(exchange.replies)

    def _is_push(self, reply: list[Any]) -> bool:
        """Return whether this answers no command: a message, or the end of a subscription.

        A server ends a subscription when the slot of its channel moves. It sends the same words as
        in reply to SUNSUBSCRIBE.
        """
        if reply[0] == b"smessage":
            return True
        if reply[0] != b"sunsubscribe":
            return False
        return not self._exchanges or self._exchanges[0].leaves != reply[1]
