"""Combine concurrent calls of one kind into shared store calls.

A call that comes alone goes at once. While batches are under way, further calls gather and go next.
So light traffic never waits, and heavy traffic shares its round trips.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from sharq_plug.errors import StoreUnavailable
from sharq_plug.service.overlap import Overlap

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_ITEMS = 128
"""Items in a batch."""
MAX_WEIGHT = 1024 * 1024
"""The largest weight of a batch. A single item may weigh more."""
MAX_GIVEN_UP = 32
"""Items whose callers have left that may stay in line."""


class Batcher(Generic[Item, Result]):
    """Send single items in batches, up to two at a time, in the order in which they came.

    `run(items)` returns a result for each item, in order. If it raises, every caller of the batch
    gets the error. Callers that gathered meanwhile get it too if it is StoreUnavailable: they have
    waited long enough. `weigh(item)` returns the weight of an item, which MAX_WEIGHT limits.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Coroutine[None, None, Sequence[Result]]],
        *,
        weigh: Callable[[Item], int] | None = None,
    ) -> None:
        self._run = run
        self._weigh = weigh
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._given_up = 0
        self._overlap = Overlap()
        self._loop = asyncio.get_running_loop()  # on Python 3.11 this is a system call
        self.running: set[asyncio.Task[None]] = set()
        """The tasks that run batches."""

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Return the future result of an item. A caller that stops waiting calls `abandon`."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append((item, future))
        self._overlap.note_caller()
        self._go_on()
        return future

    def abandon(self, future: asyncio.Future[Result]) -> None:
        """Drop an item whose caller has left. If it was sent to the store, it stays there."""
        future.cancel()
        self._given_up += 1
        if self._given_up > MAX_GIVEN_UP:
            self._waiting = deque(entry for entry in self._waiting if not entry[1].done())
            self._given_up = 0

    def _go_on(self) -> None:
        """Run batches in one more task, unless there are enough."""
        if self._overlap.may_begin(len(self.running)):
            # Its items are of many requests, so its log lines must name none of them.
            self.running.add(self._loop.create_task(self._run_batches(), context=Context()))

    async def _run_batches(self) -> None:
        try:
            while self._waiting:
                if batch := self._next_batch():
                    self._overlap.under_way += len(batch)
                    if self._waiting:
                        self._go_on()
                    await self._run_batch(batch)
                    self._overlap.under_way -= len(batch)
        finally:
            task = asyncio.current_task(self._loop)
            if task is not None:
                self.running.discard(task)

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        weight, most = 0, min(MAX_ITEMS, self._overlap.share(len(self._waiting)))
        while self._waiting and len(batch) < most:
            item, future = self._waiting[0]
            if not future.done():
                if self._weigh is not None:
                    weight += self._weigh(item)
                    if batch and weight > MAX_WEIGHT:
                        break
                batch.append((item, future))
            self._waiting.popleft()
        return batch

    async def _run_batch(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._run([item for item, _ in batch])
            answered = list(zip(batch, results, strict=True))
        except Exception as error:  # any error belongs to the callers
            if isinstance(error, StoreUnavailable):
                batch = [*batch, *self._waiting]
                self._waiting.clear()
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in answered:
            if not future.done():
                future.set_result(result)
