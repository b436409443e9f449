"""One round trip to Redis: deadlines, scripts that are not loaded, errors by our own names."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError

from sharq_plug.errors import StoreUnavailable
from sharq_redis.scripts import Script

DEADLINE = 4.5
"""Seconds that a call may take in all."""

Command = tuple[Any, ...]


class Link:
    """Send commands and scripts over a pool's connections, and return replies as they came.

    Nothing is sent twice, but a script of which Redis says that it does not know it.
    """

    def __init__(self, pool: BlockingConnectionPool) -> None:
        self._redis: Any = Redis(connection_pool=pool)  # its command methods carry no types
        self._redis.response_callbacks.clear()

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def call(self, *command: Any) -> Any:
        """Return the reply to one command. Raises StoreUnavailable."""
        async with self._failures():
            return await self._redis.execute_command(*command)

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands that go in one round trip. Raises StoreUnavailable."""
        async with self._failures():
            return await self._pipelined(commands)

    async def run(
        self, script: Script, keys: Sequence[str], *arguments: Any, first: Command | None = None
    ) -> Any:
        """Return the reply to a script, with the command `first` ahead of it in the same trip.

        Raises StoreUnavailable.
        """
        rest = (len(keys), *keys, *arguments)
        async with self._failures():
            try:
                if first is None:
                    return await self._redis.execute_command("EVALSHA", script.sha, *rest)
                return (await self._pipelined([first, ("EVALSHA", script.sha, *rest)]))[1]
            except NoScriptError:
                return await self._redis.execute_command("EVAL", script.text, *rest)

    async def _pipelined(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    @asynccontextmanager
    async def _failures(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(DEADLINE):
                yield
        except ReadOnlyError as error:  # a primary that became a replica: look for it anew
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise StoreUnavailable(f"Redis: {error}") from error
        except (RedisError, OSError, RuntimeError) as error:
            # uvloop says RuntimeError when it is to write to a connection that has just died.
            raise StoreUnavailable(f"Redis: {error or 'no answer in time'}") from error
