"""Ask sentinels for the primary of a service, at each connect and while connected."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextvars import Context
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoPermissionError, RedisError

from sharq_redis.connecting import connector
from sharq_redis.refusals import unreached
from sharq_redis.target import Endpoint, SentinelTarget

logger = logging.getLogger(__name__)

ASK_WITHIN = 1.0
"""Seconds that a sentinel has for each step. Then the next one is asked."""
LOOK_EVERY = 0.5
"""Seconds between two checks for a new primary."""
FAILURES = (RedisError, OSError, RuntimeError)
"""What a connection raises. TimeoutError is an OSError; uvloop has RuntimeError for a reset one."""


class Sentinels:
    """Connect to the primary that the sentinels name; call `listeners` when they name another.

    The last sentinel that answered is asked first the next time; it is asked last if the primary
    that it named could not be used, since it may be cut off from the others. The checks begin with
    the first connection.
    """

    def __init__(self, target: SentinelTarget) -> None:
        self._target = target
        self._order: list[Endpoint] = [*target.sentinels]
        self._asked: tuple[Endpoint, AbstractConnection] | None = None
        self._asking = asyncio.Lock()
        self._primary: Endpoint | None = None
        self._following: asyncio.Task[None] | None = None
        self._closed = False
        self.listeners: list[Callable[[str], None]] = []

    async def connect(self) -> AbstractConnection:
        """Return a connection to the primary. Raises RedisError or OSError."""
        primary = await self.primary()
        named_by = self._order[0]
        try:
            connection = await self._connect_to(primary)
        except FAILURES:
            self._order.remove(named_by)
            self._order.append(named_by)
            raise
        self._note(primary)
        if self._following is None and not self._closed:
            self._following = asyncio.create_task(
                self._follow(), name="sentinels", context=Context()
            )
        return connection

    async def primary(self) -> Endpoint:
        """Return the primary. Raises LostConnection with what each sentinel said."""
        said = []
        async with self._asking:
            for sentinel in tuple(self._order):
                try:
                    found = await self._ask(sentinel)
                except FAILURES as error:
                    said.append(str(unreached(str(sentinel), error or "no answer in time")))
                else:
                    if found is not None:
                        self._order.remove(sentinel)
                        self._order.insert(0, sentinel)
                        return found
                    said.append(f"{sentinel} does not know {self._target.service}")
        raise LostConnection(f"no sentinel names the primary: {'; '.join(said)}")

    async def close(self) -> None:
        """Stop following the primary."""
        self._closed = True
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
        await self._hang_up()

    async def _connect_to(self, primary: Endpoint) -> AbstractConnection:
        connection = await connector(self._target.login.at(primary))()
        try:
            await _check_role(connection, primary)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _follow(self) -> None:
        # On Python 3.11 asyncio.wait_for, which redis-py calls, may swallow a cancellation.
        while not self._closed:
            await asyncio.sleep(LOOK_EVERY)
            with contextlib.suppress(*FAILURES):
                self._note(await self.primary())

    def _note(self, primary: Endpoint) -> None:
        former, self._primary = self._primary, primary
        if former is not None and former != primary:
            service = self._target.service
            logger.warning("the primary of %s is now %s, no longer %s", service, primary, former)
            for listener in self.listeners:
                listener(f"the primary is now {primary}")

    async def _ask(self, sentinel: Endpoint) -> Endpoint | None:
        """Return the primary that a sentinel names; None if it does not know the service."""
        question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._target.service)
        try:
            async with asyncio.timeout(ASK_WITHIN):
                reply = await _reply(await self._reach(sentinel), *question)
            return None if reply is None else _endpoint(reply)
        except BaseException:  # a late reply must not answer the next question
            await self._hang_up()
            raise

    async def _reach(self, sentinel: Endpoint) -> AbstractConnection:
        if self._asked is None or self._asked[0] != sentinel:
            await self._hang_up()
            made = await connector(self._target.asked.at(sentinel), timeout=ASK_WITHIN)()
            self._asked = (sentinel, made)
        return self._asked[1]

    async def _hang_up(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            await asked[1].disconnect(nowait=True)


def _endpoint(reply: Any) -> Endpoint:
    """Read the address in an answer. Raises LostConnection if there is none."""
    try:
        host, port = reply
        return Endpoint(host.decode(), int(port))
    except (AttributeError, TypeError, ValueError):
        raise LostConnection(f"it answers with no address, but {reply!r}") from None


async def _check_role(connection: AbstractConnection, primary: Endpoint) -> None:
    """Raise LostConnection if this is not a primary. Without the right to ask, assume it is."""
    try:
        reply = await _reply(connection, "ROLE")
    except NoPermissionError:
        return
    role = reply[0] if isinstance(reply, list) and reply else reply
    if role != b"master":
        role = role.decode(errors="replace") if isinstance(role, bytes) else role
        raise LostConnection(f"the sentinels name {primary}, which says that it is a {role}")


async def _reply(connection: AbstractConnection, *command: Any) -> Any:
    await connection.send_command(*command)
    return await connection.read_response()
