"""The minute counts of everything, which no type's script may write."""

import asyncio
import contextlib
import logging
from collections import Counter

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import COUNTED_MINUTES, MINUTE
from sharq_redis.link import Link
from sharq_redis.wire import Command

logger = logging.getLogger(__name__)

LIFETIME = (COUNTED_MINUTES + 2) * MINUTE
GATHERING = 0.05
"""Seconds that counts wait for others: a trip for each call would cost as much as the call."""


class OwedCounts:
    """Counts on their way to Redis, many together.

    What is on its way when Redis or this process fails is lost, and never counted twice.
    """

    def __init__(self, link: Link, key_prefix: str, *, expire: bool = True) -> None:
        self._link = link
        self._expire = expire  # by Redis's own time, which must then be that of the counts
        self._key_prefix = key_prefix
        self._owed: dict[int, Counter[str]] = {}
        self._sender: asyncio.Task[None] | None = None
        self._settling = asyncio.Event()
        self._losing = False

    def key(self, minute: int) -> str:
        """Return where the counts of the minute with this epoch (ms) are kept."""
        return f"{self._key_prefix}:minutes:{minute // MINUTE}"

    def add(self, now: int, field: str, amount: int) -> None:
        """Count `amount` at `now` (ms) under `field`, e or d."""
        if amount:
            self._owed.setdefault(now - now % MINUTE, Counter())[field] += amount
            if self._sender is None or self._sender.done():
                self._sender = asyncio.create_task(self._send())

    async def settle(self) -> None:
        """Wait until what was added is written, or lost."""
        if self._sender is not None and not self._sender.done():
            self._settling.set()
            await asyncio.wait({self._sender})

    async def _send(self) -> None:
        while self._owed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHERING):
                    await self._settling.wait()
            owed, self._owed = self._owed, {}
            commands: list[Command] = []
            for minute, counts in owed.items():
                key = self.key(minute)
                commands += [("HINCRBY", key, field, n) for field, n in counts.items()]
                if self._expire:
                    commands.append(("PEXPIRE", key, LIFETIME))
            try:
                await self._link.call_all(commands)
                self._losing = False
            except StoreUnavailable as error:
                if not self._losing:
                    logger.warning("minute counts of everything get lost: %s", error)
                self._losing = True
        self._settling.clear()
