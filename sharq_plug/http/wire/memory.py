"""A limit on the bytes that all connections hold together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from sharq_plug.errors import Overloaded

PACE = 64 * 1024
"""Bytes that must arrive or leave..."""
STALL = 1.0
"""...within this many seconds, or a holder counts as stalled."""
PATIENCE = 3.0
"""Seconds that others wait for room before the slowest holder is dropped, even if it progresses."""
LOOK = 0.02
"""Seconds between two checks for room, while somebody waits for it."""


class Holder(Protocol):
    """Hold bytes on behalf of a client."""

    def held(self) -> int:
        """Return how many bytes are held now."""

    def give_way(self) -> None:
        """Release what is held, and drop the client."""


@dataclass(slots=True)
class _Hold:
    """What a holder had when it last made progress (seconds of the loop's clock)."""

    size: int
    since: float


class Memory:
    """Limit the bytes that all holders have together.

    Past the limit, holders that wait for their clients are dropped. The one that has made no
    progress for longest goes first; one that sends or reads at a fair pace goes last. No large
    response is begun while half of the limit is used.
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
        """Note that `holder` keeps what it has, and no longer waits for its client."""
        self._waiting.pop(holder, None)

    def release(self, holder: Holder) -> None:
        """Note that `holder` has nothing any more."""
        self._total -= self._held.pop(holder, 0)
        self._waiting.pop(holder, None)

    @property
    def _has_room(self) -> bool:
        """Whether half of the limit is free, counting responses that wait to be built."""
        return self._total + self._building <= self._half

    async def room(self) -> None:
        """Wait until there is room; drop holders that stall and, after a while, the slowest."""
        if not self._has_room:
            async with self._line:
                await self._until(lambda: self._has_room)

    @asynccontextmanager
    async def building(self, size: int) -> AsyncIterator[None]:
        """Wait for the turn to build a response of `size` bytes, which are held already.

        Raises Overloaded when too many bytes wait for their turn.
        """
        if self._building and self._building + size > self._limit:
            raise Overloaded
        self._building += size
        try:
            async with self._turn:
                await asyncio.sleep(0)  # let other requests run between two of them
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
        """Count the bytes that have left, and drop holders that stall."""
        for holder in list(self._waiting):
            if not self._progresses(holder) and now - self._waiting[holder].since >= STALL:
                self._drop(holder)

    def _shed(self, newest: Holder) -> None:
        """Drop the holders without progress for longest until the limit is kept; `newest` last."""
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
        """Count what a holder has now; return whether it has made progress since last noted."""
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
