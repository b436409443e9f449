"""Watchers that keep what they hear."""

import asyncio
from collections.abc import Collection

WITHIN = 10.0
"""Seconds in which what must come has come."""


class Ear:
    """A watcher that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.queues: list[Collection[str] | None] = []
        self._more = asyncio.Event()

    def wake(self, delay: int, queue_ids: Collection[str] | None) -> None:
        self.heard.append(delay)
        self.queues.append(queue_ids)
        self._more.set()

    async def next(self, *, within: float = WITHIN) -> int:
        """Return the next delay, when it has come."""
        async with asyncio.timeout(within):
            while not self.heard:
                self._more.clear()
                await self._more.wait()
        return self.heard.pop(0)
