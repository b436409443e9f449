"""Bound the bytes that dequeues have asked for and that have not arrived yet."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence

from sharq_plug.model import MAX_DEQUEUE_BYTES, Delivery, Dequeued, Take

MAX_BYTES = 2 * MAX_DEQUEUE_BYTES
"""Bytes that large dequeues may ask for at a time. Small dequeues have as many of their own.
Two of the largest dequeues fit: one arrives while the store works on the other."""
MAX_SHARED_BYTES = 1024 * 1024
"""Bytes that several callers may share in one call, if the size of their jobs is known."""
SMALL = 256 * 1024
"""Bytes up to which a dequeue is small."""
UNKNOWN = 64 * 1024
"""Bytes that a job of a new type is assumed to have. If jobs of other types were larger lately, the
assumed size follows theirs, up to SMALL."""
OVERHEAD = 256
"""Bytes of a job beside its payload."""
FADING = 8
"""The expected size of a type shrinks by an eighth with each answer of smaller jobs."""
MAX_TYPES = 10_000
"""Types whose job size is remembered."""
SAMPLE = 8
"""Jobs of an answer whose size is looked at. Of the largest jobs an answer holds no more."""


class Arrivals:
    """Give dequeues room for the jobs that they may bring back.

    The size of a dequeue is estimated from recent jobs of its type, and is at most what one store
    call returns. Small dequeues do not wait for large ones. Dequeues of one type go in order, and
    types take turns.
    """

    def __init__(self) -> None:
        self._small, self._large = Room(MAX_BYTES), Room(MAX_BYTES)
        self._fresh, self._repeated = _Sizes(), _Sizes()

    def room_for(self, queue_type: str, takes: Sequence[Take]) -> tuple["Room", int]:
        """Return the room of a dequeue, and how much of it the dequeue needs.

        An attempt may bring back the jobs that it brought before, even if it asks for fewer now.
        """
        fresh = repeated = 0
        for take in takes:
            if take.attempt_id is None:
                fresh += take.count
            else:
                repeated += take.count
        size = self._fresh.expect(queue_type, fresh) if fresh else 0
        if repeated:
            expected = self._repeated.expect(queue_type, repeated)
            most = max(size, expected, MAX_DEQUEUE_BYTES) if size else expected
            size = min(size + expected, most)
        return self._small if size <= SMALL else self._large, size

    def max_shared(self, queue_type: str) -> int:
        """Return how many jobs several callers may ask for in one call.

        The larger the jobs, the fewer: callers should not all wait for one large reply.
        """
        return max(1, MAX_SHARED_BYTES // (self._fresh.known(queue_type) or 1))

    def is_known(self, queue_type: str) -> bool:
        """Return whether jobs of a type have arrived lately, so that their size is known."""
        return self._fresh.known(queue_type) > 0

    def expect_repeat(self, queue_type: str, count: int) -> int:
        """Return how many bytes an attempt of up to `count` jobs may bring back."""
        return self._repeated.expect(queue_type, count)

    def learn(self, queue_type: str, takes: Sequence[Take], answers: Sequence[Dequeued]) -> None:
        """Learn the size of jobs from the answers of a dequeue."""
        fresh = 0
        for number, answer in enumerate(answers):  # a strict zip is slow on Python 3.11
            if not (jobs := answer.jobs):
                continue
            largest = OVERHEAD + (len(jobs[0].payload) if len(jobs) == 1 else _largest(jobs))
            if largest > fresh and not answer.is_repeated:
                fresh = largest
            take = takes[number]
            if take.attempt_id is not None:
                if len(jobs) > take.count:  # count them as the jobs that were asked for
                    total = sum([len(job.payload) + OVERHEAD for job in jobs])
                    largest = max(largest, total // take.count)
                self._repeated.learn(queue_type, largest)
        if fresh:
            self._fresh.learn(queue_type, fresh)


class Room:
    """A number of bytes that dequeues share. A dequeue that needs more than all may take all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    def take(self, size: int) -> bool:
        """Take bytes if they are free and no dequeue waits. Return whether they were taken."""
        if self._waiting or (self._taken and self._taken + size > self._limit):
            return False
        self._taken += size
        return True

    async def wait(self, queue_type: str, size: int) -> None:
        """Wait until it is the turn of this dequeue, and take its bytes."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(queue_type, deque()).append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the bytes were taken for it
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Give bytes back, and let the next dequeues take theirs."""
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


def _largest(jobs: Sequence[Delivery]) -> int:
    """Return the bytes of the largest payload, judged by a sample if there are many."""
    step = 1 + (len(jobs) - 1) // SAMPLE
    return max([len(job.payload) for job in jobs[::step]])


class _Sizes:
    """The size that jobs of each type may have, judged by the jobs that arrived lately."""

    def __init__(self) -> None:
        self._by_type: dict[str, int] = {}
        self._unknown = UNKNOWN

    def expect(self, queue_type: str, count: int) -> int:
        """Return how many bytes up to `count` jobs may have."""
        each = self._by_type.get(queue_type, self._unknown)
        if count == 1:
            return each
        return min(count * each, max(each, MAX_DEQUEUE_BYTES))

    def known(self, queue_type: str) -> int:
        """Return how large a job of a type may be; 0 if that is not known."""
        return self._by_type.get(queue_type, 0)

    def learn(self, queue_type: str, largest: int) -> None:
        """Note the size of the largest job of an answer."""
        before = self._by_type.get(queue_type, 0)
        if largest == before and self._unknown == UNKNOWN:
            return
        self._by_type[queue_type] = max(largest, before - before // FADING)
        unknown = max(UNKNOWN, largest, self._unknown - self._unknown // FADING)
        self._unknown = min(unknown, SMALL)
        if len(self._by_type) > MAX_TYPES:
            del self._by_type[next(iter(self._by_type))]
