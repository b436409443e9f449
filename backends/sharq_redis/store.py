"""The store: each verb is one function call on the keys of one queue type."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

from sharq_plug.clock import Clock
from sharq_plug.errors import BrokenQueue
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    MAX_RECEIPTS,
    MINUTE,
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Cleared,
    Dequeued,
    EnqueueResult,
    JobRef,
    JobView,
    MinuteCounts,
    NewJob,
    Page,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
    View,
)
from sharq_plug.store import QueueStore, Wake
from sharq_redis.arguments import (
    RECEIPT_SHARDS,
    amendment,
    fresh_tokens,
    new_job,
    packed,
    packed_all,
    packed_extras,
    packed_take,
    setting,
    settlement,
)
from sharq_redis.buckets import BUCKETS, Buckets
from sharq_redis.checks import Checks
from sharq_redis.counts import counts_of_everything, counts_of_type
from sharq_redis.durability import check_version
from sharq_redis.library import Library
from sharq_redis.link import Link
from sharq_redis.replies import (
    amend_outcome,
    change_outcome,
    dequeued,
    enqueue_result,
    job_view,
    log_all_broken,
    log_broken,
    minute_counts,
    names_of,
    settled,
)
from sharq_redis.target import Target
from sharq_redis.tending import Tender
from sharq_redis.wakeups import Wakeups
from sharq_redis.wire import Connect

CLOCK_TOLERANCE = 1000
"""ms that Redis's clock may step back without a walk over all places."""
FROM_THE_START = "0"
BUCKETS_A_STEP = 64


class RedisStore(QueueStore):
    """Keep everything in Redis (7 or later) or Valkey, for any number of processes.

    `connect` opens a connection to `target`. `ignored` are the options that do not count. `library`
    are the verbs, those that came with this package unless others are given.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        target: Target,
        key_prefix: str,
        clock: Clock | None = None,
        ignored: Sequence[str] = (),
        library: Library | None = None,
    ) -> None:
        self._wakeups = Wakeups(connect, address=str(target))
        self._link = Link(
            connect,
            address=str(target),
            library=library or Library.load(),
            on_demotion=self._wakeups.hang_up,
        )
        self._buckets = Buckets(key_prefix, target.db)
        self._is_new_enough = False
        self._now: Callable[[], int | str] = clock.now if clock else str  # '': Redis's own time
        tolerance = 0 if clock else CLOCK_TOLERANCE
        self._tender = Tender(self._link, self._buckets, self._run, tolerance=tolerance)
        self._checks = Checks(self._link, self._wakeups, self._buckets, ignored)

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
        await self._wakeups.close()
        await self._link.close()

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
        fresh = [fresh_tokens(take.count) for take in takes]
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
        reply = await self._run("configure", queue_type, packed_all(map(setting, changes)))
        return [change_outcome(*pair) for pair in zip(changes, reply, strict=True)]

    async def tend(self, *, limit: int) -> Tended:
        """Do what is due."""
        return await self._tender.tend(self._now(), limit)

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs."""
        return Cleared(*await self._run("clear", queue_type, queue_id, "purge" if purge else ""))

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Look at a queue, at a type, or at everything."""
        if queue_type is None or queue_id is None:
            return View(await self._counts(queue_type))
        reply = await self._run("look", queue_type, queue_id)
        if isinstance(reply, bytes):
            log_broken(queue_id, reply)
            raise BrokenQueue(queue_id)
        now, waiting, leased, dead, delayed, *counted = reply
        minutes = (minute * MINUTE for minute in counted[::3])
        counts = zip(minutes, counted[1::3], counted[2::3], strict=True)
        return View(minute_counts(now, counts), waiting, leased, dead, delayed)

    async def page(
        self, queue_type: str | None = None, *, cursor: str | None = None, limit: int
    ) -> Page:
        """List types, or the queues of a type."""
        if queue_type is None:
            return await self._page_of_types(cursor, limit)
        queues = self._buckets.queues(queue_type)
        after, found = await self._link.call("HSCAN", queues, cursor or "0", "COUNT", limit)
        return Page(names_of(found[::2]), None if after == b"0" else after.decode())

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Send Redis all that a dequeue and a finish do, on keys that no queue has.

        Until it has passed once, make sure that this Redis is new enough.
        """
        if not self._is_new_enough:
            await check_version(self._link)
            self._is_new_enough = True
        await self._checks.ping()
        return await self._checks.weaknesses() if thorough else ()

    async def _counts(self, queue_type: str | None) -> MinuteCounts:
        now = await self._time()
        if queue_type is None:
            return await counts_of_everything(self._link, self._buckets, now)
        return await counts_of_type(self._link, self._buckets.of(queue_type), queue_type, now)

    async def _page_of_types(self, cursor: str | None, limit: int) -> Page:
        number, after = _place(cursor)
        first = self._buckets.all[number]
        if after == FROM_THE_START:  # most buckets are small: ask some at once
            asked = self._buckets.all[number : number + BUCKETS_A_STEP]
        else:
            asked = (first,)
        scans = [("SSCAN", bucket.types, after, "COUNT", limit) for bucket in asked]
        names: list[str] = []
        for bucket_number, (after_, found) in enumerate(await self._link.call_all(scans), number):
            names += names_of(found)
            if after_ != b"0":
                return Page(tuple(names), f"{bucket_number}:{after_.decode()}")
        following = number + len(asked)
        return Page(tuple(names), f"{following}:0" if following < BUCKETS else None)

    async def _run(self, verb: str, queue_type: str, *arguments: Any) -> Any:
        keys = self._buckets.keys(queue_type)
        return await self._link.run(verb, keys, self._now(), *arguments)

    async def _time(self) -> int:
        now = self._now()
        if isinstance(now, int):
            return now
        seconds, microseconds = await self._link.call("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000


def _place(cursor: str | None) -> tuple[int, str]:
    """Return the bucket and the scan's cursor in it where a listing goes on."""
    number, _, after = (cursor or "0:0").partition(":")
    return int(number), after
