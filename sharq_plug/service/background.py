"""A task beside the requests: it runs until it is asked to stop."""

import asyncio
import contextlib
from collections.abc import Coroutine

STOP_TIMEOUT = 5.0
"""Seconds that `stop` waits for the store call under way."""


class Background:
    """Run one task. It looks at `is_stopping` after each of its store calls, and then ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether the task is to make no other store call."""
        return self._stopping.is_set()

    def start(self, run: Coroutine[None, None, None]) -> None:
        """Run the task until its end, or until `stop`."""
        self._running = asyncio.create_task(run, name=self._name)

    async def pause(self, seconds: float) -> None:
        """Let the task rest for some seconds, or until `stop`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def stop(self) -> None:
        """Wait for the store call under way. The task starts no other."""
        self._stopping.set()
        if self._running is not None:
            # Not by cancelling: on Python 3.11 asyncio.wait_for, which drivers use, may swallow it.
            await asyncio.wait({self._running}, timeout=STOP_TIMEOUT)
            self._running.cancel()
