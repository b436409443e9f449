"""Watch queue types while callers wait for their jobs, and for some time afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context

from sharq_plug.service.line import Key, Line
from sharq_plug.store import QueueStore

LINGER = 30.0
"""Seconds for which a line stays watched after its last caller has left."""
MAX_WATCHES = 100
"""While more lines are watched, a watch ends as soon as its last caller leaves."""
CLOSE_TIMEOUT = 5.0
"""Seconds that the watches may take to end."""


class Watch:
    """The watch of one line."""

    __slots__ = ("callers", "has_ended", "left_at", "line", "timer")

    def __init__(self, line: Line) -> None:
        self.line = line
        self.callers = 0
        self.left_at = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.has_ended = asyncio.Event()


class Watches:
    """Wake lines while callers wait in them."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._by_key: dict[Key, Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def keep(self, line: Line) -> Iterator[None]:
        """Keep a line's type watched for it while the context is entered.

        If that fails, the callers that wait in the line get the error.
        """
        watch = self._by_key.get(line.key) or self._start(line)
        watch.callers += 1
        try:
            yield
        finally:
            watch.callers -= 1
            if not watch.callers:
                self._linger(watch)

    def stop(self, line: Line) -> None:
        """End the watch of a line, if there is one."""
        if line.key in self._by_key:
            self._end(self._by_key[line.key])

    def end(self) -> None:
        """End all watches."""
        for watch in list(self._by_key.values()):
            self._end(watch)

    async def close(self) -> None:
        """End all watches and wait for it."""
        self.end()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)

    def _start(self, line: Line) -> Watch:
        watch = self._by_key[line.key] = Watch(line)
        task = self._loop.create_task(
            self._run(watch), name=f"watch {line.queue_type}", context=Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return watch

    async def _run(self, watch: Watch) -> None:
        line = watch.line
        try:
            async with self._store.watching(line.queue_type, line.wake):
                if not watch.has_ended.is_set():
                    line.watch()
                await watch.has_ended.wait()
        except Exception as error:  # any error belongs to the callers; after the end none waits
            if not watch.has_ended.is_set():
                self._end(watch)
                line.fail_waiting(error)

    def _end(self, watch: Watch) -> None:
        """End a watch. The next caller starts another."""
        if not watch.has_ended.is_set():
            watch.has_ended.set()
            watch.line.unwatch()
            del self._by_key[watch.line.key]
            if watch.timer is not None:
                watch.timer.cancel()

    def _linger(self, watch: Watch) -> None:
        """End a watch without callers, now or after LINGER."""
        if watch.has_ended.is_set():
            return
        watch.left_at = self._loop.time()
        if len(self._by_key) > MAX_WATCHES:
            self._end(watch)
        elif watch.timer is None:
            watch.timer = self._loop.call_later(LINGER, self._look, watch)

    def _look(self, watch: Watch) -> None:
        watch.timer = None
        if watch.callers:
            return
        left = watch.left_at + LINGER - self._loop.time()
        if left > 0:
            watch.timer = self._loop.call_later(left, self._look, watch)
        else:
            self._end(watch)
