"""What is remembered of calls that may be repeated: finishes and dequeues."""

from collections import OrderedDict

from sharq_plug.model import MAX_RECEIPTS, LeasedJob, LeaseRef


class Receipts:
    """The tokens of finished leases, the oldest first."""

    __slots__ = ("_by_token",)

    def __init__(self) -> None:
        self._by_token: OrderedDict[str, tuple[int, str, str]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_token)

    def keep(self, ref: LeaseRef, until: int) -> None:
        """Keep the receipt of a finish until then (ms), if it showed a token."""
        if ref.token is not None:
            self._by_token[ref.token] = (until, ref.queue_id, ref.job_id)
            if len(self._by_token) > MAX_RECEIPTS:
                self._by_token.popitem(last=False)

    def has(self, ref: LeaseRef, now: int) -> bool:
        """Return whether a finish of this lease, with this token, is on record at `now` (ms)."""
        until, *finished = self._by_token.get(ref.token or "", (0, "", ""))
        return until >= now and finished == [ref.queue_id, ref.job_id]

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` that are too old at `now` (ms)."""
        for _ in range(limit):
            if not self._by_token or next(iter(self._by_token.values()))[0] >= now:
                break
            self._by_token.popitem(last=False)


class Attempts:
    """What dequeues got that may be repeated, the oldest first."""

    __slots__ = ("_by_id",)

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, tuple[int, tuple[LeaseRef, ...]]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_id)

    def keep(self, attempt_id: str, jobs: tuple[LeasedJob, ...], until: int) -> None:
        """Keep what a dequeue got, if anything, until its leases expire (ms)."""
        self._by_id.pop(attempt_id, None)
        if jobs:
            refs = tuple(LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs)
            self._by_id[attempt_id] = (until, refs)

    def of(self, attempt_id: str, now: int) -> tuple[LeaseRef, ...]:
        """Return what an earlier dequeue got, if that may be repeated at `now` (ms)."""
        until, refs = self._by_id.get(attempt_id, (0, ()))
        return refs if until > now else ()

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` whose leases have expired at `now` (ms)."""
        for _ in range(limit):
            if not self._by_id or next(iter(self._by_id.values()))[0] > now:
                break
            self._by_id.popitem(last=False)
