"""The minute counts of everything, which no type's script may write."""

import asyncio
from collections import Counter

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import COUNTED_MINUTES, MINUTE
from sharq_redis.link import Command, Link

LIFETIME = (COUNTED_MINUTES + 2) * MINUTE
MAX_OWED_MINUTES = 2 * COUNTED_MINUTES


class OwedCounts:
    """Counts on their way to Redis: sent at once, many together while a round trip lasts.

    What is not sent when the process dies is lost; what could not be sent is tried again.
    """

    def __init__(self, link: Link, key_prefix: str) -> None:
        self._link = link
        self._key_prefix = key_prefix
        self._owed: dict[int, Counter[str]] = {}
        self._sender: asyncio.Task[None] | None = None

    def key(self, minute: int) -> str:
        """Return where the counts of the minute with this epoch (ms) are kept."""
        return f"{self._key_prefix}:minutes:{minute // MINUTE}"

    def add(self, now: int, field: str, amount: int) -> None:
        """Count `amount` at `now` (ms) under `field`, e or d."""
        if amount:
            self._owe(now - now % MINUTE, Counter({field: amount}))
            if self._sender is None or self._sender.done():
                self._sender = asyncio.create_task(self._try_to_send())

    async def settle(self) -> None:
        """Send what is owed and wait until it is written. Raises StoreUnavailable."""
        if self._sender is not None:
            await self._sender
        await self._send()

    def _owe(self, minute: int, counts: Counter[str]) -> None:
        self._owed.setdefault(minute, Counter()).update(counts)
        if len(self._owed) > MAX_OWED_MINUTES:
            del self._owed[min(self._owed)]

    async def _try_to_send(self) -> None:
        try:
            await self._send()
        except StoreUnavailable:
            return  # they stay owed

    async def _send(self) -> None:
        while self._owed:
            owed, self._owed = self._owed, {}
            commands: list[Command] = []
            for minute, counts in owed.items():
                key = self.key(minute)
                commands += [("HINCRBY", key, field, n) for field, n in counts.items()]
                commands.append(("PEXPIRE", key, LIFETIME))
            try:
                await self._link.call_all(commands)
            except StoreUnavailable:
                for minute, counts in owed.items():
                    self._owe(minute, counts)
                raise
