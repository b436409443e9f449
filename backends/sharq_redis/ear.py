"""An ear: hear channels of one server, over its own connection."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable
from contextvars import Context
from dataclasses import dataclass, field

import hiredis
from redis.exceptions import ConnectionError as LostConnection

from sharq_plug.errors import StoreUnavailable
from sharq_plug.store import Wake
from sharq_redis.link import Link
from sharq_redis.refusals import in_short, is_not_permitted, refused
from sharq_redis.wire import Connect, Wire

logger = logging.getLogger(__name__)

PING_INTERVAL = 10.0
"""Seconds of silence after which a PING checks that Redis is still there."""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds between two attempts to reconnect."""


@dataclass(slots=True, eq=False)
class Watched:
    """A channel with its watchers.

    `wire` is the connection that is subscribed to it, once Redis has confirmed that. `ear` hears
    it, or tries to. `is_deaf` says that this user may not listen to it.
    """

    channel: str
    wakes: list[Wake] = field(default_factory=list)
    wire: Wire | None = None
    ear: "Ear | None" = None
    is_deaf: bool = False
    is_behind: bool = False
    """Whether announcements may have been missed."""
    turn: int = 0
    """Counts SSUBSCRIBEs and ends of subscriptions; only the reply to the latest one counts."""

    def wake(self, delay: int = 0, queue_ids: Collection[str] | None = None) -> None:
        """Tell every watcher."""
        for wake in tuple(self.wakes):
            wake(delay, queue_ids)


class Ear:
    """Hear channels while somebody watches them, over one connection for all.

    The connection closes soon after the last watcher has left. A channel that this user may not
    hear stays silent, and is tried again now and then. `address` is for messages. `on_stray` gets
    each channel that this server does not have, or no longer has, and the text of its error ("" if
    the server ended the subscription). `on_trouble` is called when the connection is lost, and each
    time it cannot be opened.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        address: str,
        on_stray: Callable[[Watched, str], None] | None = None,
        on_trouble: Callable[[], None] | None = None,
    ) -> None:
        self._connect = connect
        self._address = address
        self._link = Link(connect, self._heard, address=address)
        self._on_stray = on_stray
        self._on_trouble = on_trouble
        self._is_refused = False
        self._wire: Wire | None = None
        self._channels: dict[str, Watched] = {}
        self._tending: asyncio.Task[None] | None = None
        self._adopting: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    async def hear(self, watched: Watched) -> None:
        """Hear a channel. Raises StoreUnavailable; the ear then keeps trying, unless it is left."""
        self._take(watched)
        async with self._link.failures():
            wire = await self._reach()
            self._start_to_tend(wire)
            await self._subscribe([watched], wire)

    def adopt(self, watched: Watched) -> None:
        """Hear a channel as soon as possible, and wake its watchers then."""
        self._take(watched)
        watched.is_behind = True
        task = asyncio.create_task(self._hear_soon(watched), name="wake-ups", context=Context())
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)

    def leave(self, watched: Watched) -> None:
        """Leave a channel, even if its SSUBSCRIBE has not been answered yet."""
        if self._channels.get(watched.channel) is not watched:
            return
        del self._channels[watched.channel]
        watched.wire = watched.ear = None
        watched.turn += 1
        if self._wire is not None and not self._wire.lost.is_set():
            with contextlib.suppress(LostConnection):
                command = ("SUNSUBSCRIBE", watched.channel)
                self._wire.ask([command], leaves=watched.channel.encode()).cancel()

    async def refusal(self, channel: str) -> str | None:
        """Return why this user may not hear a channel; None if it may. Raises StoreUnavailable."""
        link = Link(self._connect, self._heard, address=self._address)
        try:
            [reply] = await link.ask([("SSUBSCRIBE", channel)])
        finally:
            await link.close()
        is_refused = isinstance(reply, hiredis.ReplyError) and is_not_permitted(str(reply))
        return in_short(str(reply)) if is_refused else None

    def hang_up(self, why: str) -> None:
        """Reconnect: the Redis at the other end is no longer the primary."""
        self._link.hang_up(why)

    async def close(self) -> None:
        """Stop hearing everything."""
        self._closing.set()
        await self._link.close()
        tasks = {*self._adopting, *([self._tending] if self._tending else [])}
        if tasks:
            await asyncio.wait(tasks)

    def _take(self, watched: Watched) -> None:
        watched.ear = self
        self._channels[watched.channel] = watched

    async def _hear_soon(self, watched: Watched) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self.hear(watched)
            return
        if not self._closing.is_set():
            self._start_to_tend(None)

    def _heard(self, channel: bytes, message: bytes | None) -> None:
        watched = self._channels.get(channel.decode())
        if watched is None:
            return
        if message is not None:
            watched.wake(*_read(message))
        else:
            self._is_stray(watched, "")

    def _is_stray(self, watched: Watched, said: str) -> None:
        watched.wire, watched.is_behind = None, True
        watched.turn += 1
        if self._on_stray is not None:
            self._on_stray(watched, said)

    async def _reach(self) -> Wire:
        self._wire = await self._link.reach()
        return self._wire

    async def _subscribe(self, every: Iterable[Watched], wire: Wire) -> None:
        new = [one for one in every if one.ear is self and one.wire is not wire]
        if not new:
            return
        for watched in new:
            watched.turn += 1
        turns = [watched.turn for watched in new]
        replies = await wire.ask([("SSUBSCRIBE", watched.channel) for watched in new])
        for watched, turn, reply in zip(new, turns, replies, strict=True):
            if watched.turn == turn:
                self._subscribed(watched, wire, reply)

    def _subscribed(self, watched: Watched, wire: Wire, reply: object) -> None:
        if isinstance(reply, hiredis.ReplyError):
            if is_not_permitted(str(reply)):
                watched.is_deaf = True
                self._note_refusal(str(reply))
                return
            if self._on_stray is not None:
                self._is_stray(watched, str(reply))
                return
            self._link.checked(reply)
        again = watched.is_deaf or watched.is_behind or watched.wire is not None
        watched.wire, watched.is_deaf, watched.is_behind = wire, False, False
        self._is_refused = False
        if again:
            watched.wake()  # for announcements missed meanwhile

    def _note_refusal(self, reply: str) -> None:
        if not self._is_refused:
            error = refused(self._address, reply)
            logger.warning("workers that wait get jobs late, wake-ups are refused: %s", error)
        self._is_refused = True

    def _start_to_tend(self, wire: Wire | None) -> None:
        if self._tending is None:
            self._tending = asyncio.create_task(
                self._tend(wire), name="wake-ups", context=Context()
            )

    async def _tend(self, wire: Wire | None) -> None:
        """Keep every watched channel heard: reconnect whenever the connection is lost."""
        if wire is None:
            wire = await self._hear_again()
        while wire is not None:
            await self._lost_or_idle(wire)
            self._tell_of_trouble()
            for watched in list(self._channels.values()):
                watched.wake()
            wire = await self._hear_again()
        self._link.hang_up("nobody watches")
        self._tending = None

    async def _lost_or_idle(self, wire: Wire) -> None:
        with contextlib.suppress(StoreUnavailable):
            while await _silent(wire.lost, PING_INTERVAL) and self._channels:
                async with self._link.failures():
                    await wire.ask([("PING",)])
                    await self._subscribe(list(self._channels.values()), wire)

    async def _hear_again(self) -> Wire | None:
        pause = FIRST_PAUSE
        while self._channels and not self._closing.is_set():
            await _silent(self._closing, pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            with contextlib.suppress(StoreUnavailable):
                async with self._link.failures():
                    wire = await self._reach()
                    await self._subscribe(list(self._channels.values()), wire)
                    return wire
            self._tell_of_trouble()
        return None

    def _tell_of_trouble(self) -> None:
        if self._on_trouble is not None and self._channels:
            self._on_trouble()


def _read(message: bytes) -> tuple[int, Collection[str] | None]:
    """Return the delay and the queue ids in an announcement (lua/lib/wakeups.lua)."""
    delay, *queue_ids = message.decode("utf-8", "replace").split("/")
    return int(delay) if delay.isdecimal() else 0, queue_ids or None


async def _silent(event: asyncio.Event, seconds: float) -> bool:
    """Wait up to `seconds` for an event; return whether it did not come."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return not event.is_set()
