"""Tend the store while the server runs."""

import asyncio
import logging

from sharq_plug.errors import SharqError, told
from sharq_plug.model import Retention
from sharq_plug.service.background import Background
from sharq_plug.store import DEFAULT_RETENTION, QueueStore

logger = logging.getLogger(__name__)

TEND_LIMIT = 200
"""Expired leases of a type that one store call ends. That takes Redis about 2 ms."""
ROUNDS = 20
"""Store calls in one pass."""
MAX_RETRY_DELAY = 1000
"""The longest time (ms) before a failed pass is repeated."""


class Passes:
    """Tend a store every `interval` ms."""

    def __init__(
        self, store: QueueStore, interval: int, *, retention: Retention = DEFAULT_RETENTION
    ) -> None:
        self._store = store
        self._interval = interval
        self._retention = retention
        self._background = Background("upkeep")

    def start(self) -> None:
        """Run passes until `stop`."""
        self._background.start(self._run())

    async def stop(self) -> None:
        """Wait for the store call under way. Start no other."""
        await self._background.stop()

    async def once(self) -> bool:
        """Do what is due. Return whether more work is due already."""
        for _ in range(ROUNDS):
            tended = await self._store.tend(limit=TEND_LIMIT, retention=self._retention)
            if not tended.more or self._background.is_stopping:
                return False
            await asyncio.sleep(0)  # a store may answer without waiting for anything
        return True

    async def _run(self) -> None:
        is_failing = False
        while not self._background.is_stopping:
            delay = self._interval
            try:
                if await self.once():
                    delay = 0
                if is_failing:
                    logger.warning("upkeep works again")
                is_failing = False
            except Exception as error:  # after any error, the next pass must come
                if not is_failing:
                    unexpected = None if isinstance(error, SharqError) else error
                    logger.warning("upkeep failed: %s", told(error), exc_info=unexpected)
                is_failing = True
                delay = min(self._interval, MAX_RETRY_DELAY)
            await self._background.pause(delay / 1000)
