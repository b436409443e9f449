"""Wake-ups: what scripts announce of new places in line, heard on a connection of its own."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field

import hiredis
from redis.exceptions import ConnectionError as LostConnection

from sharq_plug.errors import StoreUnavailable
from sharq_plug.store import Wake
from sharq_redis.link import Link
from sharq_redis.refusals import is_about_rights, refused
from sharq_redis.wire import Connect, Wire

logger = logging.getLogger(__name__)

PING_INTERVAL = 10.0
"""Seconds of silence after which Redis has to say that it is still there."""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds between two attempts to hear again."""


@dataclass(slots=True, eq=False)
class Watched:
    """A channel with its watchers; `wire` is where it was subscribed to, once that is sure.

    `is_deaf` says that this user may not listen to it.
    """

    channel: str
    wakes: list[Wake] = field(default_factory=list)
    wire: Wire | None = None
    is_deaf: bool = False

    def wake(self, delay: int = 0, queue_ids: Collection[str] | None = None) -> None:
        """Tell every watcher."""
        for wake in tuple(self.wakes):
            wake(delay, queue_ids)


class Wakeups:
    """Hear channels for as long as somebody watches them, on one connection for all.

    While nobody watches any, there is soon no connection either. A channel that this user may not
    hear stays silent, and is tried again now and then. `address` is for messages.
    """

    def __init__(self, connect: Connect, *, address: str) -> None:
        self._connect = connect
        self._address = address
        self._link = Link(connect, self._heard, address=address)
        self._is_refused = False
        self._wire: Wire | None = None
        self._watched: dict[str, Watched] = {}
        self._tending: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def watching(self, channel: str, wake: Wake) -> AsyncIterator[None]:
        """Call `wake` with the delay (ms) of each announcement on a channel.

        Raises StoreUnavailable.
        """
        watched = self._watched.setdefault(channel, Watched(channel))
        watched.wakes.append(wake)
        try:
            async with self._link.failures():
                wire = await self._reach()
                if self._tending is None:
                    self._tending = asyncio.create_task(
                        self._tend(wire), name="wake-ups", context=Context()
                    )
                await self._subscribe([watched], wire)
            yield
        finally:
            watched.wakes.remove(wake)
            if not watched.wakes:
                del self._watched[channel]
                self._unsubscribe(channel)

    async def refusal(self, channel: str) -> str | None:
        """Return why this user may not hear a channel, None if it may. Raises StoreUnavailable."""
        link = Link(self._connect, self._heard, address=self._address)
        try:
            [reply] = await link.ask([("SSUBSCRIBE", channel)])
        finally:
            await link.close()
        is_refused = isinstance(reply, hiredis.ReplyError) and is_about_rights(str(reply))
        return str(reply) if is_refused else None

    def hang_up(self, why: str) -> None:
        """Hear everything on a new connection: the Redis of this one is no primary any more."""
        self._link.hang_up(why)

    async def close(self) -> None:
        """Hear nothing any more."""
        self._closing.set()
        await self._link.close()
        if self._tending is not None:
            await asyncio.wait({self._tending})

    def _heard(self, channel: bytes, message: bytes) -> None:
        watched = self._watched.get(channel.decode())
        if watched is not None:
            watched.wake(*_read(message))

    async def _reach(self) -> Wire:
        self._wire = await self._link.reach()
        return self._wire

    async def _subscribe(self, every: Iterable[Watched], wire: Wire) -> None:
        new = [watched for watched in every if watched.wire is not wire]
        if not new:
            return
        replies = await wire.ask([("SSUBSCRIBE", watched.channel) for watched in new])
        for watched, reply in zip(new, replies, strict=True):
            if isinstance(reply, hiredis.ReplyError) and is_about_rights(str(reply)):
                watched.is_deaf = True
                self._note_refusal(str(reply))
                continue
            self._link.checked(reply)
            again, watched.wire = watched.is_deaf or watched.wire is not None, wire
            watched.is_deaf = False
            self._is_refused = False
            if again:
                watched.wake()  # for what was announced meanwhile

    def _note_refusal(self, reply: str) -> None:
        if not self._is_refused:
            error = refused(self._address, reply)
            logger.warning("workers that wait get jobs late, wake-ups are refused: %s", error)
        self._is_refused = True

    def _unsubscribe(self, channel: str) -> None:
        """Leave a channel, also if its SSUBSCRIBE has not been answered yet."""
        if self._wire is not None and not self._wire.lost.is_set():
            with contextlib.suppress(LostConnection):
                self._wire.ask([("SUNSUBSCRIBE", channel)]).cancel()

    async def _tend(self, wire: Wire | None) -> None:
        """See to it that all that is watched is heard, whatever becomes of the connection."""
        while wire is not None:
            await self._lost_or_idle(wire)
            for watched in list(self._watched.values()):
                watched.wake()
            wire = await self._hear_again()
        self._link.hang_up("nobody watches")
        self._tending = None

    async def _lost_or_idle(self, wire: Wire) -> None:
        with contextlib.suppress(StoreUnavailable):
            while await _silent(wire.lost, PING_INTERVAL) and self._watched:
                async with self._link.failures():
                    await wire.ask([("PING",)])
                    await self._subscribe([w for w in self._watched.values() if w.is_deaf], wire)

    async def _hear_again(self) -> Wire | None:
        pause = FIRST_PAUSE
        while self._watched and not self._closing.is_set():
            await _silent(self._closing, pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            with contextlib.suppress(StoreUnavailable):
                async with self._link.failures():
                    wire = await self._reach()
                    await self._subscribe(self._watched.values(), wire)
                    return wire
        return None


def _read(message: bytes) -> tuple[int, Collection[str] | None]:
    """Return what an announcement says (lua/lib/wakeups.lua)."""
    delay, *queue_ids = message.decode("utf-8", "replace").split("/")
    return int(delay) if delay.isdecimal() else 0, queue_ids or None


async def _silent(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event; return whether it has not come within so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return not event.is_set()
