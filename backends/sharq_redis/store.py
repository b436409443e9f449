"""The store: each verb is one function call on the keys of one queue type."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

from sharq_plug.clock import Clock
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    MAX_RECEIPTS,
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    EnqueueResult,
    JobRef,
    JobView,
    LetterRange,
    LettersMoved,
    Listing,
    NewJob,
    Page,
    Retention,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
    View,
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore, Wake
from sharq_redis.access import Access
from sharq_redis.arguments import (
    RECEIPT_SHARDS,
    amendment,
    clearing,
    fresh_tokens,
    new_job,
    packed,
    packed_all,
    packed_extras,
    packed_take,
    settlement,
)
from sharq_redis.buckets import Buckets
from sharq_redis.checks import Checks
from sharq_redis.configuring import Configuring
from sharq_redis.listing import Listings
from sharq_redis.looking import Looks
from sharq_redis.replies import (
    amend_outcome,
    cleared,
    dequeued,
    enqueue_result,
    job_view,
    letters_moved,
    log_all_broken,
    settled,
)
from sharq_redis.tending import Tender
from sharq_redis.wakeups import Wakeups

CLOCK_TOLERANCE = 1000
"""ms that Redis's clock may step back without a walk over all places."""
LETTERS_A_STEP = 250
"""Dead letters that one script run moves. That takes Redis a few ms."""


class RedisStore(QueueStore):
    """Keep everything in Redis (7 or later) or Valkey, for any number of processes.

    `access` is the way there. `ignored` says which options do not count.
    """

    def __init__(
        self,
        access: Access,
        *,
        key_prefix: str,
        clock: Clock | None = None,
        ignored: Sequence[str] = (),
    ) -> None:
        self._access = access
        self._buckets = Buckets(key_prefix, access.db)
        self._is_of_the_kind = False
        self._now: Callable[[], int | str] = clock.now if clock else str  # '': Redis's own time
        tolerance = 0 if clock else CLOCK_TOLERANCE
        route = self._route = access.route
        self._wakeups = Wakeups(access.hearing)
        self._tender = Tender(route, self._buckets, self._run, tolerance=tolerance)
        self._configuring = Configuring(self._run)
        self._looks = Looks(route, self._buckets, self._run)
        self._listings = Listings(route, self._buckets, self._run, self._time)
        self._checks = Checks(
            route, self._wakeups, self._buckets, ignored, is_cluster=access.is_cluster
        )

    async def __aenter__(self) -> Self:
        """Open the store; the first call connects."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self._tender.close()
        await self._wakeups.close()
        await self._access.close()

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        headers = packed_all(map(new_job, jobs))
        rests = [packed((job.requeue_limit, 0)) + job.payload for job in jobs]
        extras = packed_extras(jobs)
        now, *results = await self._run("enqueue", queue_type, headers, *rests, *extras)
        self._tender.note(now)
        pairs = zip(results[::2], results[1::2], strict=True)
        return [enqueue_result(job, *pair) for job, pair in zip(jobs, pairs, strict=True)]

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs."""
        fresh = fresh_tokens(takes)
        asked = [packed_take(*pair) for pair in zip(takes, fresh, strict=True)]
        now, broken, *answers = await self._run("dequeue", queue_type, MAX_DEQUEUE_BYTES, *asked)
        log_all_broken(broken)
        self._tender.note(now)
        pairs = zip(answers, fresh, strict=True)
        return [dequeued(queue_type, now, *pair) for pair in pairs]

    def watching(self, queue_type: str, wake: Wake) -> AbstractAsyncContextManager[None]:
        """Have `wake` called for what Redis announces of a type."""
        return self._wakeups.watching(self._buckets.channel(queue_type), wake)

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        """Do what workers say of their leases."""
        asked = packed_all(map(settlement, items))
        kept = MAX_RECEIPTS // RECEIPT_SHARDS
        reply = await self._run("settle", queue_type, kept, asked)
        return [settled(*pair) for pair in zip(items, reply, strict=True)]

    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        """Change jobs by their ids."""
        reply = await self._run("amend", queue_type, packed_all(map(amendment, changes)))
        return [amend_outcome(*pair) for pair in zip(changes, reply, strict=True)]

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Redrive dead letters of a range."""
        return await self._move("redrive", queue_type, letters, limit)

    async def discard(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Discard dead letters of a range."""
        return await self._move("discard", queue_type, letters, limit)

    async def _move(
        self, move: str, queue_type: str, letters: LetterRange, limit: int
    ) -> LettersMoved:
        asked = (letters.queue_id or "", letters.after, min(limit, LETTERS_A_STEP))
        return letters_moved(await self._run("redrive", queue_type, move, *asked))

    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | Absence]:
        """Look at jobs by their ids."""
        asked = packed_all((job.queue_id, job.job_id) for job in jobs)
        reply = await self._run("find", queue_type, "payload" if payloads else "", asked)
        found = zip(jobs, reply, strict=True)
        return [job_view(job, view, payload=payloads) for job, view in found]

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change settings of queues."""
        return await self._configuring.configure(queue_type, changes)

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        """Do what is due."""
        return await self._tender.tend(self._now(), limit, retention)

    async def clear(
        self, queue_type: str, what: Clear, *, cursor: str | None = None, limit: int
    ) -> Cleared:
        """Remove jobs of a queue, or of a type."""
        reply = await self._run("clear", queue_type, *clearing(what, cursor, limit))
        return cleared(what, reply)

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Look at a queue, at a type, or at everything."""
        if queue_type is None:
            return await self._looks.at_everything(await self._time())
        if queue_id is None:
            return await self._looks.at_type(queue_type)
        return await self._looks.at_queue(queue_type, queue_id)

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """Return a page of a listing."""
        return await self._listings.page(queue_type, listing, cursor, limit)

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Send Redis all that a dequeue and a finish do, on keys that no queue has.

        Until it has passed once, make sure that this is a Redis, and new enough.
        """
        if not self._is_of_the_kind:
            await self._checks.kind()
            self._is_of_the_kind = True
        await self._checks.ping()
        return await self._checks.weaknesses() if thorough else ()

    async def _run(self, verb: str, queue_type: str, *arguments: Any) -> Any:
        keys = self._buckets.keys(queue_type)
        return await self._route.run(verb, keys, self._now(), *arguments)

    async def _time(self) -> int:
        now = self._now()
        if isinstance(now, int):
            return now
        seconds, microseconds = await self._route.anywhere("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000
