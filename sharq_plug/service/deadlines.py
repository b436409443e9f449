"""Answer every caller in time, whatever the store does."""

import asyncio
from functools import partial
from typing import Any, TypeVar

from sharq_plug.errors import StoreUnavailable

T = TypeVar("T")

DEADLINE = 4.75
"""Seconds that a caller waits for the store, its turn included. The API promises 5."""
LAST_MOMENT = 0.05
"""Seconds to receive answers after the deadline, in case this process itself was blocked."""
NO_ANSWER = "The store did not answer in time."


class Deadlines:
    """Fail futures that are not done within DEADLINE.

    Every future gets the same time, so the dict is ordered by deadline and one timer is enough.
    A timer for each future would make a small call a tenth slower.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = 0.0

    def watch(self, future: asyncio.Future[Any]) -> None:
        """Raise StoreUnavailable in a future that is not done in time, until `forget` is called.

        Watch a future only once, so that the order stays that of the deadlines.
        """
        end = self._ends[future] = self._loop.time() + DEADLINE
        if self._timer is None:
            self._set_timer(end)

    def forget(self, future: asyncio.Future[Any]) -> None:
        """Stop watching a future."""
        self._ends.pop(future, None)

    async def result_of(self, task: asyncio.Task[T]) -> T:
        """Return the result of a task within DEADLINE. The task continues if its caller leaves."""
        answer: asyncio.Future[T] = self._loop.create_future()
        task.add_done_callback(partial(_tell, answer))
        self.watch(answer)
        try:
            return await answer
        finally:
            self.forget(answer)

    def close(self) -> None:
        """Stop watching."""
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._look_at > LAST_MOMENT:
            self._set_timer(now + LAST_MOMENT)
            return
        self._timer = None
        while self._ends:
            future, end = next(iter(self._ends.items()))
            if end > now:
                self._set_timer(end)
                return
            del self._ends[future]
            if not future.done():
                future.set_exception(StoreUnavailable(NO_ANSWER))

    def _set_timer(self, at: float) -> None:
        self._look_at = at
        self._timer = self._loop.call_at(at, self._look)


def _tell(answer: asyncio.Future[T], task: asyncio.Task[T]) -> None:
    if answer.done():
        return
    if task.cancelled():
        answer.cancel()
    elif (error := task.exception()) is not None:
        answer.set_exception(error)
    else:
        answer.set_result(task.result())
