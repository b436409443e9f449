"""What dequeues have asked for and what has not arrived yet, bounded in bytes."""

import asyncio
from collections import OrderedDict, deque

from sharq_plug.model import MAX_DEQUEUE_BYTES, Dequeued

MAX_BYTES = 2 * MAX_DEQUEUE_BYTES
"""Bytes that large dequeues may have asked for at a time, and small ones as many. That is two of
the largest: one comes in while the store works on the other."""
SMALL = 256 * 1024
"""Bytes up to which a dequeue is small."""
UNKNOWN = 64 * 1024
"""Bytes that a job is taken to have of whose type none has arrived yet; if others have had more
lately, up to SMALL."""
OVERHEAD = 256
"""Bytes of a job beside its payload."""
FADING = 8
"""Of the largest job of a type, an eighth is forgotten with each answer that has smaller ones."""
MAX_TYPES = 10_000
"""Types of which it is known how large their jobs are."""


class Arrivals:
    """Let dequeues have their turn when what they may bring back has room.

    How much that is goes by what jobs of the type had lately, and is at most what a store gives at
    a time. Small dequeues do not wait for large ones. Within a queue type they go in the order in
    which they came, and the types take turns.
    """

    def __init__(self) -> None:
        self._small, self._large = _Room(MAX_BYTES), _Room(MAX_BYTES)
        self._fresh, self._repeated = _Sizes(), _Sizes()

    def turn(self, queue_type: str, count: int, *, is_repeatable: bool = False) -> "Turn":
        """Return the turn of a dequeue of up to `count` jobs; end it in any case.

        One that is repeatable may bring back what it brought before, however little it asks for.
        """
        sizes = self._repeated if is_repeatable else self._fresh
        size = sizes.expected(queue_type, count)
        return Turn(self._small if size <= SMALL else self._large, queue_type, size)

    def arrived(
        self, queue_type: str, count: int, dequeued: Dequeued, *, is_repeatable: bool = False
    ) -> None:
        """Learn from what a dequeue of up to `count` jobs has brought back."""
        if dequeued.jobs:
            sizes = self._repeated if is_repeatable else self._fresh
            sizes.learn(queue_type, count, dequeued)


class Turn:
    """A dequeue's time, from when there is the room that it needs: wait for it, then end it."""

    __slots__ = ("_queue_type", "_room", "_size", "has_come")

    def __init__(self, room: "_Room", queue_type: str, size: int) -> None:
        self._room = room
        self._queue_type = queue_type
        self._size = size
        self.has_come = room.take(size)

    async def wait(self) -> None:
        """Wait until it has come."""
        await self._room.wait(self._queue_type, self._size)
        self.has_come = True

    def end(self) -> None:
        """Give the room to others, if it had come."""
        if self.has_come:
            self.has_come = False
            self._room.give(self._size)


class _Room:
    """So many bytes, and those who wait for some. One that needs more than all may have all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    def take(self, size: int) -> bool:
        """Take some if it is free and nobody waits for it."""
        if self._waiting or (self._taken and self._taken + size > self._limit):
            return False
        self._taken += size
        return True

    async def wait(self, queue_type: str, size: int) -> None:
        """Take some when it is this one's turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(queue_type, deque()).append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Give back what was taken."""
        self._taken -= size
        if self._waiting:
            self._let_others_in()

    def _let_others_in(self) -> None:
        while self._waiting:
            queue_type, line = next(iter(self._waiting.items()))
            needed, turn = line[0]
            if not turn.done():
                if self._taken and self._taken + needed > self._limit:
                    return
                self._taken += needed
                turn.set_result(None)
            line.popleft()
            if line:
                self._waiting.move_to_end(queue_type)
            else:
                del self._waiting[queue_type]


class _Sizes:
    """How large a job of each type may be, from what has arrived lately."""

    def __init__(self) -> None:
        self._by_type: dict[str, int] = {}
        self._unknown = UNKNOWN

    def expected(self, queue_type: str, count: int) -> int:
        """Return how many bytes up to `count` jobs may have."""
        each = self._by_type.get(queue_type, self._unknown)
        if count == 1:
            return each
        return min(count * each, max(each, MAX_DEQUEUE_BYTES))

    def learn(self, queue_type: str, count: int, dequeued: Dequeued) -> None:
        """Note the largest job; if there are more than were asked for now, all of them as one."""
        jobs = dequeued.jobs
        if len(jobs) == 1:
            largest = len(jobs[0].payload) + OVERHEAD
        else:
            largest = max([len(job.payload) for job in jobs]) + OVERHEAD
        if len(jobs) > count:
            largest = max(largest, sum([len(job.payload) + OVERHEAD for job in jobs]) // count)
        before = self._by_type.get(queue_type, 0)
        if largest == before and self._unknown == UNKNOWN:
            return
        self._by_type[queue_type] = max(largest, before - before // FADING)
        unknown = max(UNKNOWN, largest, self._unknown - self._unknown // FADING)
        self._unknown = min(unknown, SMALL)
        if len(self._by_type) > MAX_TYPES:
            del self._by_type[next(iter(self._by_type))]
