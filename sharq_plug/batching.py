"""Calls that are there together go to the store together.

While one batch is under way, the calls that come gather, and go next. A call that comes alone goes
at once. So light traffic waits for nothing, and heavy traffic shares its round trips.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sharq_plug.arrivals import Turn
from sharq_plug.errors import StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


MAX_GIVEN_UP = 32
"""Items without a caller that may wait with the others while a batch lasts."""


class Again:
    """Stands for a result: the item goes ahead of the others into the next batch."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many items go into a batch, and how much of them; one goes however much it is."""

    items: int = 128
    weight: int = 1024 * 1024


class Batcher(Generic[Item, Result]):
    """Make batch calls of single ones, one batch at a time, in the order in which they came.

    `run(items)` returns a result for each item, in order; if it returns any result, others may be
    `Again`. What it raises is raised to every caller of the batch; StoreUnavailable also to those
    who gathered meanwhile. `abandoned(result)` is told of each result whose caller is gone.
    A batch of up to `n` items is put together when `turn(n)` has come, which ends with it.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Result | Again]]],
        *,
        bounds: Bounds = Bounds(),  # it is frozen
        weigh: Callable[[Item], int] | None = None,
        abandoned: Callable[[Result], None] | None = None,
        turn: Callable[[int], Turn] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._run = run
        self._bounds = bounds
        self._weigh = weigh
        self._abandoned = abandoned
        self._turn = turn
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._given_up = 0
        # To ask for the loop is a system call on Python 3.11.
        self._loop = loop or asyncio.get_running_loop()

    @property
    def running(self) -> asyncio.Task[None] | None:
        """The task that runs batches; None if nothing is under way."""
        return self._running

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Return what will be the result of one item; a caller that goes away says `abandon`."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = self._loop.create_task(self._run_batches())
        return future

    def abandon(self, future: asyncio.Future[Result]) -> None:
        """Give a result up: take its item out, or if that has gone to the store, its result.

        Also for a result that is there already, and that its cancelled caller did not get; and
        for one that has failed meanwhile.
        """
        if future.done() and not future.cancelled() and future.exception() is None:
            self._tell_abandoned(future.result())
        future.cancel()
        self._given_up += 1
        if self._given_up > MAX_GIVEN_UP:
            self._waiting = deque(entry for entry in self._waiting if not entry[1].done())
            self._given_up = 0

    def _tell_abandoned(self, result: Result) -> None:
        if self._abandoned is not None:
            self._abandoned(result)

    async def _run_batches(self) -> None:
        try:
            while self._waiting:
                most = min(len(self._waiting), self._bounds.items)
                turn = None if self._turn is None else self._turn(most)
                try:
                    if turn is not None and not turn.has_come:
                        await turn.wait()
                    if batch := self._next_batch(most):
                        await self._run_batch(batch)
                finally:
                    if turn is not None:
                        turn.end()
        finally:
            self._running = None

    def _next_batch(self, most: int) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        weight = 0
        while self._waiting and len(batch) < most:
            item, future = self._waiting[0]
            if not future.done():
                weight += self._weigh(item) if self._weigh else 0
                if batch and weight > self._bounds.weight:
                    break
                batch.append((item, future))
            self._waiting.popleft()
        return batch

    async def _run_batch(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._run([item for item, _ in batch])
            answered = list(zip(batch, results, strict=True))
        except Exception as error:  # whatever it is, it is the callers'
            if isinstance(error, StoreUnavailable):  # who waited for this batch has waited enough
                batch = [*batch, *self._waiting]
                self._waiting.clear()
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        again = []
        for entry, result in answered:
            future = entry[1]
            if isinstance(result, Again):
                again.append(entry)
            elif not future.done():
                future.set_result(result)
            else:
                self._tell_abandoned(result)
        self._waiting.extendleft(reversed(again))
