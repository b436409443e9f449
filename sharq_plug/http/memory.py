"""The bytes that connections hold, bounded in all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from sharq_plug.errors import Overloaded

PACE = 64 * 1024
"""Bytes that have to come or go..."""
STALL = 1.0
"""...within so many seconds, else a holder counts as stalled."""
PATIENCE = 3.0
"""Seconds after which the slowest gives way to those who wait for room, even at a fair pace."""
LOOK = 0.02
"""Seconds between two looks at what has gone meanwhile, while somebody waits for room."""


class Holder(Protocol):
    """Hold bytes on behalf of a client."""

    def held(self) -> int:
        """Return how many bytes are held now."""

    def give_way(self) -> None:
        """Let go of what is held, and of the client."""


@dataclass(slots=True)
class _Hold:
    """What a holder had when it was last seen to make progress (s of the loop's clock)."""

    size: int
    since: float


class Memory:
    """Bound the bytes that all holders have together.

    Past the bound, those that wait for their clients give way, the one that has waited longest
    without bytes coming or going first: who sends or reads at a fair pace is the last to go.
    Large answers are not even begun while half of the bound is taken.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._half = limit // 2
        self._held: dict[Holder, int] = {}
        self._waiting: dict[Holder, _Hold] = {}  # in the order of their progress
        self._total = 0
        self._building = 0
        self._line = asyncio.Lock()
        self._turn = asyncio.Lock()

    def wait(self, holder: Holder, size: int) -> None:
        """Note that `holder` has `size` bytes, some of them new, and waits for its client."""
        self.release(holder)
        self._note(holder, size)
        self._shed(holder)

    def work(self, holder: Holder) -> None:
        """Note that `holder` keeps what it has, and waits for its client no more."""
        self._waiting.pop(holder, None)

    def release(self, holder: Holder) -> None:
        """Note that `holder` has nothing."""
        self._total -= self._held.pop(holder, 0)
        self._waiting.pop(holder, None)

    @property
    def has_room(self) -> bool:
        """Whether half of the bound is free, answers that are about to be built included."""
        return self._total + self._building <= self._half

    async def room(self) -> None:
        """Wait until there is room; who stalls, and after a while the slowest, gives way."""
        async with self._line:
            await self._until(lambda: self.has_room)

    @asynccontextmanager
    async def building(self, size: int) -> AsyncIterator[None]:
        """Have the turn to build an answer of `size` bytes, which are held already.

        Raises Overloaded when too many bytes wait for their turn.
        """
        if self._building and self._building + size > self._limit:
            raise Overloaded
        self._building += size
        try:
            async with self._turn:
                await asyncio.sleep(0)  # others go on between two of them
                await self._until(lambda: self._total <= self._half)
                yield
        finally:
            self._building -= size

    async def _until(self, is_there: Callable[[], bool]) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + PATIENCE
        while not is_there():
            self._drop_stalled(clock())
            if clock() >= deadline and not is_there() and self._waiting:
                self._drop(next(iter(self._waiting)))
            await asyncio.sleep(LOOK)

    def _note(self, holder: Holder, size: int) -> None:
        self._held[holder] = size
        self._waiting[holder] = _Hold(size, asyncio.get_running_loop().time())
        self._total += size

    def _drop_stalled(self, now: float) -> None:
        """Count what has gone, and drop those who stall."""
        for holder in list(self._waiting):
            if not self._progresses(holder) and now - self._waiting[holder].since >= STALL:
                self._drop(holder)

    def _shed(self, newest: Holder) -> None:
        """Have those give way that have waited longest without progress, `newest` last."""
        seen: set[Holder] = set()
        while self._total > self._limit and self._waiting:
            holders = iter(self._waiting)
            holder = next(holders)
            if holder is newest:
                holder = next(holders, newest)
            goes_on = holder not in seen and self._progresses(holder)
            seen.add(holder)
            if not goes_on and self._total > self._limit:
                self._drop(holder)

    def _progresses(self, holder: Holder) -> bool:
        """Count what a holder has now; say whether enough has gone since it was last noted."""
        hold, size = self._waiting[holder], holder.held()
        if hold.size - size >= PACE:
            self.release(holder)
            self._note(holder, size)
            return True
        self._total += size - self._held[holder]
        self._held[holder] = size
        return False

    def _drop(self, holder: Holder) -> None:
        self.release(holder)
        holder.give_way()
