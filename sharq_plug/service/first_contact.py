"""Wait for the first answer of a store. The server starts before it comes."""

import logging
from collections.abc import Callable

from sharq_plug.errors import ConfigError, SharqError, told
from sharq_plug.service.background import Background
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds between two attempts."""


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
        self._background = Background("first contact")

    def start(self) -> None:
        """Ask until the store answers, or until `stop`."""
        self._background.start(self._run())

    async def stop(self) -> None:
        """Wait for the store call under way. Start no other."""
        await self._background.stop()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while not await self._answers():
            await self._background.pause(pause)
            if self._background.is_stopping:
                return
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._said:
            logger.info("the store answers: requests are served")
        if not self._background.is_stopping:
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
            told(error),
            exc_info=unexpected,
        )

    async def _say_weaknesses(self) -> None:
        try:
            weaknesses = await self._store.health(thorough=True)
        except Exception as error:  # it has answered before, so the server works
            unexpected = None if isinstance(error, SharqError) else error
            logger.warning(
                "the store does not say how it is weak: %s", told(error), exc_info=unexpected
            )
            return
        for sentence in weaknesses:
            logger.warning("%s", sentence)
