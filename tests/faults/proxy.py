"""A TCP proxy in front of a Redis that cuts connections or delays what passes."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable, Container, Set
from enum import Enum, auto
from functools import partial
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024
TURN = 0.005
"""Seconds between two checks whether replies are still held."""

LAG = 0.1
"""Seconds."""


class Wrong(Enum):
    """What a proxy does wrong."""

    NOTHING = auto()
    CUT_COMMANDS = auto()
    """Close the connection when a command comes: it never reaches Redis."""
    CUT_REPLIES = auto()
    """Close the connection when a reply comes: Redis has run its command."""
    HOLD_REPLIES = auto()
    """Keep replies until the fault ends, then pass them on."""
    HOLD_ALL = auto()
    """Keep commands and replies until the fault ends."""
    LAG = auto()
    """Pass replies on after `LAG`."""


class Proxy:
    """Forward connections to the port `target` in its own thread.

    While `wrong` is set it happens to a `share` of what passes, on connections from the addresses
    in `sources` alone if these are set. Use it as a context manager.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.wrong = Wrong.NOTHING
        self.share = 1.0
        self.sources: Container[str] | None = None
        self._chance = random.Random(target)
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            replies, commands = await asyncio.open_connection("127.0.0.1", self.target)
        except (OSError, asyncio.CancelledError):  # the latter at the end, as below
            writer.transport.abort()
            return
        try:
            with contextlib.suppress(
                asyncio.CancelledError
            ):  # at the end, of which streams complain
                await self._forward_both(reader, commands, replies, writer)
        finally:
            writer.transport.abort()
            commands.transport.abort()

    async def _forward_both(
        self,
        reader: asyncio.StreamReader,
        commands: asyncio.StreamWriter,
        replies: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            async with asyncio.TaskGroup() as both_ways:
                source, _ = writer.get_extra_info("peername")
                before_a_command = partial(self._before_a_command, source)
                before_a_reply = partial(self._before_a_reply, source)
                both_ways.create_task(_forward(reader, commands, before_a_command))
                both_ways.create_task(_forward(replies, writer, before_a_reply))
        except* OSError:
            pass  # one end is gone, so the other is to go

    async def _before_a_command(self, source: str) -> None:
        if self._happens(Wrong.CUT_COMMANDS, source):
            raise ConnectionAbortedError
        await self._hold({Wrong.HOLD_ALL}, source)

    async def _before_a_reply(self, source: str) -> None:
        if self._happens(Wrong.CUT_REPLIES, source):
            raise ConnectionAbortedError
        if self._happens(Wrong.LAG, source):
            await asyncio.sleep(LAG)
        await self._hold({Wrong.HOLD_ALL, Wrong.HOLD_REPLIES}, source)

    async def _hold(self, wrongs: Set[Wrong], source: str) -> None:
        if any(self._happens(wrong, source) for wrong in wrongs):
            while self.wrong in wrongs:  # noqa: ASYNC110  # another thread ends it
                await asyncio.sleep(TURN)

    def _happens(self, wrong: Wrong, source: str) -> bool:
        if self.wrong is not wrong or (self.sources is not None and source not in self.sources):
            return False
        return self._chance.random() < self.share


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    before_each: Callable[[], Awaitable[None]],
) -> None:
    while (data := await reader.read(CHUNK)) and not writer.is_closing():
        await before_each()
        writer.write(data)
    raise ConnectionResetError
