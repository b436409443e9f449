"""What is remembered of calls that may be repeated: finishes and dequeues."""

from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf

from sortedcontainers import SortedList

from sharq_plug.model import MAX_RECEIPTS, LeaseRef


class Receipts:
    """The tokens of finished leases, and when each receipt ends: not in the order they came."""

    __slots__ = ("_by_token", "_ending", "_ends")

    def __init__(self) -> None:
        self._by_token: dict[str, tuple[int, str, str]] = {}
        self._ending: dict[int, list[str]] = {}  # the tokens of the receipts that end together
        self._ends: list[int] = []  # a heap of when they do (ms)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_token)

    def keep(self, ref: LeaseRef, until: int) -> None:
        """Keep the receipt of a finish until then (ms), if it showed a token."""
        token = ref.token
        if token is None:
            return
        self._by_token[token] = (until, ref.queue_id, ref.job_id)
        if until in self._ending:
            self._ending[until].append(token)
        else:
            self._ending[until] = [token]
            heappush(self._ends, until)
        if len(self._by_token) > MAX_RECEIPTS:
            self._drop_first()

    def items(self) -> Iterator[tuple[LeaseRef, int]]:
        """Iterate over the finished leases, each with the end of its receipt (ms)."""
        for token, (until, queue_id, job_id) in self._by_token.items():
            yield LeaseRef(queue_id, job_id, token), until

    def has(self, ref: LeaseRef, now: int) -> bool:
        """Return whether a finish of this lease, with this token, is on record at `now` (ms)."""
        until, *finished = self._by_token.get(ref.token or "", (0, "", ""))
        return until >= now and finished == [ref.queue_id, ref.job_id]

    def due(self) -> float:
        """Return the instant (ms) from which on the first to end is too old."""
        return self._ends[0] + 1 if self._ends else inf

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` that are too old at `now` (ms)."""
        for _ in range(limit):
            if self.due() > now:
                break
            self._drop_first()

    def _drop_first(self) -> None:
        tokens = self._ending[self._ends[0]]
        del self._by_token[tokens.pop()]
        if not tokens:
            del self._ending[heappop(self._ends)]


class Attempts:
    """What dequeues got that may be repeated, and when each of them can no longer be."""

    __slots__ = ("_by_id", "_ends")

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[int, tuple[LeaseRef, ...]]] = {}
        self._ends = SortedList()  # (until, attempt id)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_id)

    def keep(self, attempt_id: str, refs: tuple[LeaseRef, ...], until: int) -> None:
        """Keep what a dequeue got, if anything, until its leases expire (ms)."""
        before = self._by_id.pop(attempt_id, None)
        if before is not None:
            self._ends.remove((before[0], attempt_id))
        if refs:
            self._by_id[attempt_id] = (until, refs)
            self._ends.add((until, attempt_id))

    def items(self) -> Iterator[tuple[str, int, tuple[LeaseRef, ...]]]:
        """Iterate over the attempt ids, each with its end (ms) and its leases."""
        for attempt_id, (until, refs) in self._by_id.items():
            yield attempt_id, until, refs

    def of(self, attempt_id: str, now: int) -> tuple[LeaseRef, ...]:
        """Return what an earlier dequeue got, if that may be repeated at `now` (ms)."""
        until, refs = self._by_id.get(attempt_id, (0, ()))
        return refs if until > now else ()

    def due(self) -> float:
        """Return the instant (ms) at which the leases of the first to end expire."""
        return self._ends[0][0] if self._ends else inf

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` whose leases have expired at `now` (ms)."""
        for _ in range(limit):
            if self.due() > now:
                break
            _, attempt_id = self._ends.pop(0)
            del self._by_id[attempt_id]
