"""Wait for the first answer of a store. The server starts before it comes."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from sharq_plug.errors import ConfigError, SharqError
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds between two attempts."""
STOP_TIMEOUT = 5.0
"""Seconds that `stop` waits for the store call under way."""


class FirstContact:
    """Ask a store until it answers for the first time, then call `then`.

    With `says`, log each of these once: the store does not answer, it cannot be used, it answers
    after a failure. Then log its weaknesses.
    """

    def __init__(self, store: QueueStore, *, says: bool, then: Callable[[], None]) -> None:
        self._store = store
        self._says = says
        self._then = then
        self._said: set[bool] = set()
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Ask until the store answers, or until `stop`."""
        self._running = asyncio.create_task(self._run(), name="first contact")

    async def stop(self) -> None:
        """Wait for the store call under way. Start no other."""
        self._stopping.set()
        if self._running is not None:
            # Not by cancelling: on Python 3.11 asyncio.wait_for, which drivers use, may swallow it.
            await asyncio.wait({self._running}, timeout=STOP_TIMEOUT)
            self._running.cancel()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while not await self._answers():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            if self._stopping.is_set():
                return
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._said:
            logger.info("the store answers: requests are served")
        if not self._stopping.is_set():
            self._then()
            if self._says:
                await self._say_weaknesses()

    async def _answers(self) -> bool:
        try:
            await self._store.health()
        except Exception as error:  # after any error, try again
            self._say(error)
            return False
        return True

    def _say(self, error: Exception) -> None:
        """Log only the first failure of each kind."""
        is_unfit = isinstance(error, ConfigError)
        if not self._says or is_unfit in self._said:
            return
        self._said.add(is_unfit)
        unexpected = None if isinstance(error, SharqError) else error
        what = "cannot be used" if is_unfit else "does not answer"
        logger.log(
            logging.ERROR if is_unfit else logging.WARNING,
            "the store %s, requests are answered with 503 until it %s: %s",
            what,
            "can" if is_unfit else "does",
            error,
            exc_info=unexpected,
        )

    async def _say_weaknesses(self) -> None:
        try:
            weaknesses = await self._store.health(thorough=True)
        except Exception as error:  # it has answered before, so the server works
            unexpected = None if isinstance(error, SharqError) else error
            logger.warning("the store does not say how it is weak: %s", error, exc_info=unexpected)
            return
        for sentence in weaknesses:
            logger.warning("%s", sentence)
