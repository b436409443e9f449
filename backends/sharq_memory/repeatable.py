"""What is remembered of calls that may be repeated: finishes and dequeues."""

from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf

from sharq_memory.remembered import Remembered
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


class Attempts(Remembered[str, tuple[LeaseRef, ...]]):
    """What dequeues got that may be repeated, each until its leases expire."""

    __slots__ = ()

    def keep(self, attempt_id: str, refs: tuple[LeaseRef, ...], until: int) -> None:
        """Keep what a dequeue got, if anything, until its leases expire (ms)."""
        if refs:
            self.put(attempt_id, until, refs)
        else:
            self.drop(attempt_id)
