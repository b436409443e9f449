"""Reclaim passes: what brings expired leases back, on every type, for as long as a server runs."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from sharq_plug.errors import SharqError
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

RECLAIM_LIMIT = 200
"""Leases that one store call reclaims: about 2 ms of Redis's time."""
RECLAIM_ROUNDS = 20
"""Calls on one type within a pass, before the types are listed anew."""
TYPES_AT_ONCE = 16
STOP_TIMEOUT = 5.0
"""Seconds that a store call may take to its end when the passes are to stop."""
MAX_RETRY_DELAY = 1000
"""ms after which a pass that failed is tried again, at the latest."""


class ReclaimPasses:
    """Go over every type of a store, and begin again every `interval` ms."""

    def __init__(self, store: QueueStore, interval: int) -> None:
        self._store = store
        self._interval = interval
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run passes until `stop`."""
        self._running = asyncio.create_task(self._run(), name="reclaim passes")

    async def stop(self) -> None:
        """Let the store call that is under way end, and make no other."""
        self._stopping.set()
        if self._running is not None:
            # Not by cancelling: on Python 3.11 asyncio.wait_for, which drivers use, may swallow it.
            await asyncio.wait({self._running}, timeout=STOP_TIMEOUT)
            self._running.cancel()

    async def once(self) -> bool:
        """Reclaim what has expired, on every type; True if there is more to do at once.

        A type that fails stops no other. Raises the first failure, when all is done.
        """
        more, failures = await self._pass()
        if failures:
            raise failures[0]
        return more

    async def _pass(self) -> tuple[bool, list[BaseException]]:
        """Do what `once` does; return what failed beside whether there is more to do."""
        more = False
        failures: list[BaseException] = []
        try:
            await self._store.maintain()
        except Exception as error:  # whatever it is, leases must come back
            failures.append(error)
        cursor: str | None = None
        while True:
            page = await self._store.known_types(cursor=cursor, limit=TYPES_AT_ONCE)
            for result in await asyncio.gather(
                *map(self._reclaim_type, page.names), return_exceptions=True
            ):
                if isinstance(result, BaseException):
                    failures.append(result)
                else:
                    more = more or result
            cursor = page.cursor
            if cursor is None or self._stopping.is_set():
                return more, failures

    async def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                more, failures = await self._pass()
            except Exception as error:  # whatever it is, the next pass must come
                more, failures = False, [error]
            _log_change(failures, failing=failing)
            failing = bool(failures)
            delay = min(self._interval, MAX_RETRY_DELAY) if failing else self._interval
            if more:  # of the types that did not fail
                delay = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay / 1000):
                    await self._stopping.wait()

    async def _reclaim_type(self, queue_type: str) -> bool:
        for _ in range(RECLAIM_ROUNDS):
            reclaimed = await self._store.reclaim(queue_type, limit=RECLAIM_LIMIT)
            if not reclaimed.more or self._stopping.is_set():
                return False
            await asyncio.sleep(0)  # a store may answer without waiting for anything
        return True


def _log_change(failures: Sequence[BaseException], *, failing: bool) -> None:
    """Say when passes begin to fail, and when they work again."""
    if failures and not failing:
        unexpected = None if isinstance(failures[0], SharqError) else failures[0]
        logger.warning("a reclaim pass failed: %s", failures[0], exc_info=unexpected)
    elif failing and not failures:
        logger.warning("reclaim passes work again")
