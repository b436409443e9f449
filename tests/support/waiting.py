"""Waiting for what another process does: it sends no event, so these look again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT = 20.0
"""Seconds for a process to start, to end or to act, on a busy machine."""
LOOK_EVERY = 0.02


def until(holds: Callable[[], T], *, within: float = TIMEOUT) -> T:
    """Wait until a condition holds, and return what it returned.

    Raises TimeoutError if it does not hold within some seconds.
    """
    deadline = time.monotonic() + within
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{holds} did not hold within {within} s")
        time.sleep(LOOK_EVERY)
    return found


async def comes_true(
    holds: Callable[[], object] | Callable[[], Awaitable[object]], *, within: float = TIMEOUT
) -> None:
    """Wait as `until` does, and let the event loop run meanwhile."""
    async with asyncio.timeout(within):
        while not await _value(holds()):  # noqa: ASYNC110  # another process sends no event
            await asyncio.sleep(LOOK_EVERY)


async def _value(found: object) -> object:
    return await found if isinstance(found, Awaitable) else found
