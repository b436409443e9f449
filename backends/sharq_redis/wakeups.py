"""Wake-ups: hear what scripts announce of new places in line, and wake those who wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from sharq_plug.store import Wake
from sharq_redis.ear import Watched


class Hearing(Protocol):
    """What hears channels: an ear, or several."""

    async def hear(self, watched: Watched) -> None:
        """Hear a channel. Raises StoreUnavailable; callers must leave it even then."""

    def leave(self, watched: Watched) -> None:
        """Stop hearing a channel."""

    async def refusal(self, channel: str) -> str | None:
        """Return why this user may not hear a channel; None if it may. Raises StoreUnavailable."""

    async def close(self) -> None:
        """Stop hearing everything."""


class Wakeups:
    """Keep the watchers of each channel, and have it heard while there are any."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._watched: dict[str, Watched] = {}

    @asynccontextmanager
    async def watching(self, channel: str, wake: Wake) -> AsyncIterator[None]:
        """Call `wake` with the delay (ms) of each announcement on a channel.

        Raises StoreUnavailable.
        """
        watched = self._watched.setdefault(channel, Watched(channel))
        watched.wakes.append(wake)
        try:
            await self._hearing.hear(watched)
            yield
        finally:
            watched.wakes.remove(wake)
            if not watched.wakes:
                del self._watched[channel]
                self._hearing.leave(watched)

    async def refusal(self, channel: str) -> str | None:
        """Return why this user may not hear a channel; None if it may. Raises StoreUnavailable."""
        return await self._hearing.refusal(channel)

    async def close(self) -> None:
        """Stop hearing everything."""
        await self._hearing.close()
