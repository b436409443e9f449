"""What is remembered of calls that may be repeated: finishes and dequeues."""

from heapq import heappop, heappush

from sortedcontainers import SortedList

from sharq_plug.model import MAX_RECEIPTS, LeasedJob, LeaseRef


class Receipts:
    """The tokens of finished leases, and when each receipt ends: not in the order they came."""

    __slots__ = ("_by_token", "_ends")

    def __init__(self) -> None:
        self._by_token: dict[str, tuple[int, str, str]] = {}
        self._ends: list[tuple[int, str]] = []  # a heap of (until, token), one for each token

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_token)

    def keep(self, ref: LeaseRef, until: int) -> None:
        """Keep the receipt of a finish until then (ms), if it showed a token."""
        if ref.token is not None:
            self._by_token[ref.token] = (until, ref.queue_id, ref.job_id)
            heappush(self._ends, (until, ref.token))
            if len(self._by_token) > MAX_RECEIPTS:
                self._drop_first()

    def has(self, ref: LeaseRef, now: int) -> bool:
        """Return whether a finish of this lease, with this token, is on record at `now` (ms)."""
        until, *finished = self._by_token.get(ref.token or "", (0, "", ""))
        return until >= now and finished == [ref.queue_id, ref.job_id]

    def is_due(self, now: int) -> bool:
        """Return whether there is one that is too old at `now` (ms)."""
        return bool(self._ends) and self._ends[0][0] < now

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` that are too old at `now` (ms)."""
        for _ in range(limit):
            if not self.is_due(now):
                break
            self._drop_first()

    def _drop_first(self) -> None:
        _, token = heappop(self._ends)
        self._by_token.pop(token, None)


class Attempts:
    """What dequeues got that may be repeated, and when each of them can no longer be."""

    __slots__ = ("_by_id", "_ends")

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[int, tuple[LeaseRef, ...]]] = {}
        self._ends = SortedList()  # (until, attempt id)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_id)

    def keep(self, attempt_id: str, jobs: tuple[LeasedJob, ...], until: int) -> None:
        """Keep what a dequeue got, if anything, until its leases expire (ms)."""
        before = self._by_id.pop(attempt_id, None)
        if before is not None:
            self._ends.remove((before[0], attempt_id))
        if jobs:
            refs = tuple(LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs)
            self._by_id[attempt_id] = (until, refs)
            self._ends.add((until, attempt_id))

    def of(self, attempt_id: str, now: int) -> tuple[LeaseRef, ...]:
        """Return what an earlier dequeue got, if that may be repeated at `now` (ms)."""
        until, refs = self._by_id.get(attempt_id, (0, ()))
        return refs if until > now else ()

    def is_due(self, now: int) -> bool:
        """Return whether there is one whose leases have expired at `now` (ms)."""
        return bool(self._ends) and self._ends[0][0] <= now

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` whose leases have expired at `now` (ms)."""
        for _ in range(limit):
            if not self.is_due(now):
                break
            _, attempt_id = self._ends.pop(0)
            del self._by_id[attempt_id]
