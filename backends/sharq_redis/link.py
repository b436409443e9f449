"""What the store says to Redis: deadlines, scripts that are not loaded, errors by our own names."""

import asyncio
import logging
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any, Self

import hiredis
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError

from sharq_redis.library import Library, Verb
from sharq_redis.refusals import NO_SUCH_COMMAND, in_short, refused, unreached
from sharq_redis.wire import Command, Connect, OnMessage, Wire

DEADLINE = 4.5
"""Seconds that a call waits for while nothing at all arrives."""
LIMIT = 30.0
"""Seconds that a call may take in all, however much arrives meanwhile."""
LAST_MOMENT = 0.05
"""Seconds beyond these in which replies are still read that are there."""
NO_ANSWER = "no answer in time"
CLOSED = "the store is closed"
WITHOUT_FUNCTIONS = "Redis at %s refuses functions; scripts run instead: %s"
_refuses_functions = re.compile(f"{NO_SUCH_COMMAND.format('fcall')}|NOPERM .*'fcall'").match
UNKNOWN_FUNCTION = "ERR Function not found"
UNKNOWN_SCRIPT = "NOSCRIPT"
REFUSED_FOR_NOW = ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "LOADING", "BUSY", "MASTERDOWN")
"""How refusals of FUNCTION LOAD begin that say nothing of the next time."""

logger = logging.getLogger(__name__)


class Link:
    """Send commands and verbs over one wire, opened when it is needed; return raw replies.

    Nothing is resent except a verb that Redis reports as unknown. Replies come in order, so each
    byte that arrives is progress for every call: a large reply fails nobody. `address` is for
    messages. `on_demotion` is told when this Redis says that it is no primary any more.
    """

    def __init__(
        self,
        connect: Connect,
        on_message: OnMessage | None = None,
        *,
        address: str,
        library: Library | None = None,
        on_demotion: Callable[[str], None] | None = None,
    ) -> None:
        self._connect = connect
        self._verbs: Mapping[str, Verb] = library.verbs if library else {}
        self._library_text = library.text if library else ""
        self._has_functions = True
        self._on_message = on_message
        self.address = address
        self._on_demotion = on_demotion
        self._wire: Wire | None = None
        self._opening: asyncio.Task[Wire] | None = None
        self._closed = False

    async def close(self) -> None:
        """Close the connection; calls that are under way fail."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        self.hang_up(CLOSED)

    def hang_up(self, why: str) -> None:
        """Close the connection until it is needed again; those who wait for a reply hear `why`."""
        if self._wire is not None:
            self._wire.drop(why)
            self._wire = None

    async def call(self, *command: Any) -> Any:
        """Return the reply to one command. Raises StoreUnavailable."""
        return (await self.call_all([command]))[0]

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands that go in one round trip. Raises StoreUnavailable."""
        return [self.checked(reply) for reply in await self.ask(commands)]

    async def ask(self, commands: Sequence[Command], *, since: float | None = None) -> list[Any]:
        """Return the replies to commands, errors among them. Raises StoreUnavailable."""
        async with self.failures(since):
            wire = await self.reach()
            return await wire.ask(commands)

    async def anywhere(self, *command: Any) -> Any:
        """Return the reply to a command without a key. Raises StoreUnavailable."""
        return await self.call(*command)

    async def parts(self, keys: Sequence[str]) -> list[list[int]]:
        """Group the indices of keys by the server that has them: here one has them all."""
        return [[*range(len(keys))]]

    async def primaries(self) -> Sequence[Self]:
        """Return a link to each server: this one."""
        return [self]

    async def run(self, verb: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Return the reply to a verb. Raises StoreUnavailable."""
        return self.checked(await self.attempt(verb, keys, *arguments))

    async def attempt(
        self, verb: str, keys: Sequence[str], *arguments: Any, since: float | None = None
    ) -> Any:
        """Return the reply to a verb, even if it is an error. Raises StoreUnavailable.

        `since` is when the caller began, on the event loop's clock, if this is not its first try.
        """
        called = self._verbs[verb]
        rest = (len(keys), *keys, *arguments)
        async with self.failures(since):
            wire = await self.reach()
            if self._has_functions:
                [reply] = await wire.ask([("FCALL", called.function, *rest)])
                if _begins(reply, UNKNOWN_FUNCTION) and await self._load_library(wire):
                    [reply] = await wire.ask([("FCALL", called.function, *rest)])
                if not _begins(reply, UNKNOWN_FUNCTION) and not self._are_refused(reply):
                    return reply
            [reply] = await wire.ask([("EVALSHA", called.sha, *rest)])
            if _begins(reply, UNKNOWN_SCRIPT):
                [reply] = await wire.ask([("EVAL", called.script, *rest)])
            return reply

    async def _load_library(self, wire: Wire) -> bool:
        """Give Redis the function library; return whether it took it.

        One that is full may take it later. A refusal for good lasts as long as this link.
        """
        [reply] = await wire.ask([("FUNCTION", "LOAD", self._library_text)])
        if not isinstance(reply, hiredis.ReplyError) or "already exists" in str(reply):
            return True
        if not str(reply).startswith(REFUSED_FOR_NOW):
            self._do_without_functions(reply)
        return False

    def _are_refused(self, reply: Any) -> bool:
        """Return whether a reply to FCALL says that this user or this Redis has no functions."""
        if not isinstance(reply, hiredis.ReplyError) or not _refuses_functions(str(reply)):
            return False
        self._do_without_functions(reply)
        return True

    def _do_without_functions(self, reply: Any) -> None:
        if self._has_functions:
            self._has_functions = False
            logger.warning(WITHOUT_FUNCTIONS, self.address, in_short(str(reply)))

    @asynccontextmanager
    async def failures(self, since: float | None = None) -> AsyncIterator[None]:
        """Raise StoreUnavailable for whatever fails within, or waits longer than it may."""
        try:
            async with asyncio.timeout(None) as timeout:
                patience = _Patience(timeout, self._heard_at, since)
                try:
                    yield
                finally:
                    patience.end()
        except TimeoutError as error:
            if since is None or patience.was_all_spent_here:
                self.hang_up(NO_ANSWER)  # it answers nobody, or this is no end
            raise unreached(self.address, NO_ANSWER) from error
        except (RedisError, OSError, RuntimeError) as error:
            raise unreached(self.address, error) from error

    async def reach(self) -> Wire:
        """Return a wire that is up. To be used within `failures`."""
        if self._wire is not None and not self._wire.lost.is_set():
            return self._wire
        if self._closed:
            raise LostConnection(CLOSED)
        if self._opening is None:
            self._opening = asyncio.create_task(self._open(), context=Context())
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait({opening})
        if opening.cancelled():
            raise LostConnection(CLOSED)
        return opening.result()

    def checked(self, reply: Any) -> Any:
        """Return a reply that is no error. Raises StoreUnavailable."""
        if isinstance(reply, hiredis.ReplyError):
            if str(reply).startswith("READONLY"):  # a primary became a replica: look for it anew
                self.hang_up(str(reply))
                if self._on_demotion is not None:
                    self._on_demotion(str(reply))
            raise refused(self.address, str(reply)) from reply
        return reply

    @property
    def heard_at(self) -> float:
        """When the last data arrived, on the event loop's clock."""
        return self._heard_at()

    def _heard_at(self) -> float:
        return self._wire.heard_at if self._wire is not None else -math.inf

    async def _open(self) -> Wire:
        self._wire = await Wire.open(self._connect, self._on_message)
        if self._closed:
            self.hang_up(CLOSED)
            raise LostConnection(CLOSED)
        return self._wire

    def _opened(self, opening: asyncio.Task[Wire]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # if its callers are gone, nobody else looks at it


def _begins(reply: Any, error: str) -> bool:
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(error)


class _Patience:
    """End a call after DEADLINE seconds of silence, or LIMIT in all."""

    __slots__ = ("_began", "_heard_at", "_loop", "_passed", "_started", "_timeout", "_timer")

    def __init__(
        self, timeout: asyncio.Timeout, heard_at: Callable[[], float], since: float | None
    ) -> None:
        self._timeout = timeout
        self._heard_at = heard_at
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._started = self._began if since is None else since
        self._passed: float | None = None
        self._timer = self._loop.call_at(self._started + DEADLINE, self._look)

    @property
    def was_all_spent_here(self) -> bool:
        """Whether this wire alone was silent for so long, not earlier ones too."""
        return self._loop.time() - max(self._began, self._heard_at()) >= DEADLINE

    def end(self) -> None:
        """Let the call be."""
        self._timer.cancel()

    def _look(self) -> None:
        """End the call a moment after its time: it may be this process that was held up."""
        silent_since = max(self._started, self._heard_at())
        due = min(silent_since + DEADLINE, self._started + LIMIT)
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._look)
        elif due != self._passed:
            self._passed = due
            self._timer = self._loop.call_later(LAST_MOMENT, self._look)
        else:
            self._timeout.reschedule(self._loop.time())
