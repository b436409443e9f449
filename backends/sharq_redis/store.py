"""The store: each verb is one script run on the keys of one queue type."""

import base64
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

from sharq_plug.clock import Clock
from sharq_plug.errors import BrokenQueue
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    MAX_RECEIPTS,
    MINUTE,
    Cleared,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Page,
    QueueMetrics,
    Reclaimed,
    check_name,
    counted_minutes,
)
from sharq_plug.store import QueueStore
from sharq_redis.checks import Checks
from sharq_redis.durability import check_version
from sharq_redis.index import TypeIndex, next_cursor, valid_names
from sharq_redis.link import Link
from sharq_redis.owed import OwedCounts
from sharq_redis.scripts import Script, Scripts
from sharq_redis.target import Target
from sharq_redis.wakeups import Wakeups
from sharq_redis.wire import Connect

logger = logging.getLogger(__name__)

TOKEN_BYTES = 12
RECEIPT_SHARDS = 16
REQUEUES_EXHAUSTED = "requeues_exhausted"
ENQUEUE_OUTCOMES = {
    1: EnqueueOutcome.QUEUED,
    0: EnqueueOutcome.DUPLICATE,
    -1: EnqueueOutcome.QUEUE_FULL,
    -2: EnqueueOutcome.BROKEN,
}
LEASE_OUTCOMES = {outcome.value.encode(): outcome for outcome in LeaseOutcome}
JOB_FIELDS = 7


class RedisStore(QueueStore):
    """Keep everything in Redis (7 or later) or Valkey, for any number of processes.

    `connect` opens a connection to `target`; `ignored` are the options that do not count.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        target: Target,
        key_prefix: str,
        clock: Clock | None = None,
        ignored: Sequence[str] = (),
    ) -> None:
        self._wakeups = Wakeups(connect, address=str(target))
        self._link = Link(connect, address=str(target), on_demotion=self._wakeups.hang_up)
        self._scripts = Scripts.load()
        self._key_prefix = key_prefix
        self._is_new_enough = False
        self._db = target.db
        self._now: Callable[[], int | str] = clock.now if clock else str  # '': Redis's own time
        self._index = TypeIndex(self._link, key_prefix, self._keys)
        self._owed = OwedCounts(self._link, key_prefix, expire=clock is None)
        *keys, channel = self._fixed_keys("{" + key_prefix + ":}")
        self._checks = Checks(
            self._link, self._wakeups, self._scripts, key_prefix, (*keys, channel), channel, ignored
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
        """Write the counts that are owed and close every connection."""
        await self._wakeups.close()
        await self._owed.settle()
        await self._link.close()

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        arguments: list[Any] = [len(jobs)]
        for job in jobs:
            limit = "" if job.max_queued_length is None else job.max_queued_length
            arguments += (job.queue_id, job.job_id, job.interval, job.requeue_limit, limit)
            arguments.append(job.payload)
        adding = self._index.adding(queue_type)
        reply = await self._run(self._scripts.enqueue, queue_type, *arguments, first=adding)
        born, now, queued, *results = reply
        if born:
            await self._link.call(*adding)
        self._owed.add(now, "e", queued)
        pairs = zip(results[::2], results[1::2], strict=True)
        return [_enqueue_result(job, *pair) for job, pair in zip(jobs, pairs, strict=True)]

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` ready jobs."""
        attempt = "" if attempt_id is None else check_name("attempt_id", attempt_id)
        fresh = base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES * count))
        reply = await self._run(
            self._scripts.dequeue, queue_type, count, lease, fresh, MAX_DEQUEUE_BYTES, attempt
        )
        now, next_ready_at, broken, expires_at, repeated, *fields = reply
        _log_all_broken(broken)
        jobs = _leased_jobs(fields, (repeated or fresh).decode(), expires_at)
        if not repeated:
            self._owed.add(now, "d", len(jobs))
        return Dequeued(jobs, None if next_ready_at < 0 else next_ready_at, now=now)

    def watching(
        self, queue_type: str, wake: Callable[[int], None]
    ) -> AbstractAsyncContextManager[None]:
        """Have `wake` called for what scripts announce of a type."""
        return self._wakeups.watching(self._keys(queue_type)[-1], wake)

    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        """End leases, their jobs done."""
        arguments = (receipt_time, MAX_RECEIPTS // RECEIPT_SHARDS, *_claims(leases))
        reply = await self._run(self._scripts.finish, queue_type, *arguments)
        return [_lease_outcome(*pair) for pair in zip(leases, reply, strict=True)]

    async def release(self, queue_type: str, leases: Sequence[LeaseRef]) -> list[LeaseOutcome]:
        """Hand leased jobs back."""
        reply = await self._run(self._scripts.release, queue_type, *_claims(leases))
        return [_lease_outcome(*pair) for pair in zip(leases, reply, strict=True)]

    async def reclaim(self, queue_type: str, *, limit: int) -> Reclaimed:
        """End expired leases, and forget rates that are paid off."""
        script = self._scripts.reclaim
        reply = await self._run(script, queue_type, limit, REQUEUES_EXHAUSTED)
        requeued, dead, more, done, broken = reply
        _log_all_broken(broken)
        if done:
            await self._index.remove_if_done(queue_type)
        return Reclaimed(requeued, dead, bool(more))

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change the interval of a queue that exists."""
        script = self._scripts.set_interval
        reply = await self._run(script, queue_type, queue_id, interval)
        return bool(_unless_broken(queue_id, reply))

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs."""
        how = "purge" if purge else ""
        return Cleared(*await self._run(self._scripts.clear, queue_type, queue_id, how))

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return what there is in one queue."""
        reply = await self._run(self._scripts.queue_metrics, queue_type, queue_id)
        now, waiting, leased, dead, *counted = _unless_broken(queue_id, reply)
        minutes = (minute * MINUTE for minute in counted[::3])
        counts = zip(minutes, counted[1::3], counted[2::3], strict=True)
        return QueueMetrics(waiting, leased, dead, _minute_counts(now, counts))

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type, or of everything."""
        if queue_type is None:
            await self._owed.settle()
            key = self._owed.key
        else:
            tag = self._tag(queue_type)

            def key(minute: int) -> str:
                return f"{tag}:minutes:{minute // MINUTE}"

        now = await self._time()
        minutes = counted_minutes(now)
        found = await self._link.call_all([("HMGET", key(minute), "e", "d") for minute in minutes])
        counts = ((m, int(e or 0), int(d or 0)) for m, (e, d) in zip(minutes, found, strict=True))
        return _minute_counts(now, counts)

    async def queue_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types that have a queue."""
        page = await self._index.page(cursor, limit)
        return Page(await self._index.with_queues(page.names), page.cursor)

    async def queue_ids(self, queue_type: str, *, cursor: str | None = None, limit: int) -> Page:
        """List the queues of a type that exist."""
        queues = self._keys(queue_type)[0]
        after, found = await self._link.call("HSCAN", queues, cursor or "0", "COUNT", limit)
        return Page(valid_names(found[::2]), next_cursor(after))

    async def known_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types in the index."""
        return await self._index.page(cursor, limit)

    async def ping(self) -> None:
        """Send Redis all that a dequeue and a finish do, on keys that no queue has.

        Until it has passed once, make sure that this Redis is new enough.
        """
        if not self._is_new_enough:
            await check_version(self._link)
            self._is_new_enough = True
        await self._checks.ping()

    async def weaknesses(self) -> Sequence[str]:
        """Say what this Redis may lose, what it refuses, and what it does not say."""
        return await self._checks.weaknesses()

    async def maintain(self) -> None:
        """Look for types that are missing from the index."""
        await self._index.repair()

    async def _run(self, script: Script, queue_type: str, *arguments: Any, **how: Any) -> Any:
        return await self._link.run(script, self._keys(queue_type), self._now(), *arguments, **how)

    async def _time(self) -> int:
        now = self._now()
        if isinstance(now, int):
            return now
        seconds, microseconds = await self._link.call("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    def _tag(self, queue_type: str) -> str:
        """Return what all keys of a type begin with; Redis Cluster keeps them in one slot."""
        return "{" + f"{self._key_prefix}:{check_name('queue_type', queue_type)}" + "}"

    def _keys(self, queue_type: str) -> tuple[str, ...]:
        """Return the fixed keys of a type and its channel, as lua/prelude.lua describes them."""
        return self._fixed_keys(self._tag(queue_type))

    def _fixed_keys(self, tag: str) -> tuple[str, ...]:
        kinds = ("queues", "line", "expiring", "idle", "number", f"wake:{self._db}")
        return tuple([f"{tag}:{kind}" for kind in kinds])


def _enqueue_result(job: NewJob, outcome: int, waiting: int | bytes) -> EnqueueResult:
    if isinstance(waiting, bytes):
        _log_broken(job.queue_id, waiting)
        return EnqueueResult(EnqueueOutcome.BROKEN)
    length = None if job.max_queued_length is None else waiting
    return EnqueueResult(ENQUEUE_OUTCOMES[outcome], length)


def _leased_jobs(fields: list[Any], tokens: str, expires_at: int) -> tuple[LeasedJob, ...]:
    jobs = []
    for at in range(0, len(fields), JOB_FIELDS):
        queue_id, job_id, requeues, attempt, behind, payload_at, job = fields[at : at + JOB_FIELDS]
        token_at = at // JOB_FIELDS * 16
        try:
            queue_name, job_name = queue_id.decode(), job_id.decode()
        except UnicodeDecodeError:
            _log_broken(queue_id, b"it, or a job of it, has a name that is not UTF-8")
            continue
        jobs.append(
            LeasedJob(
                queue_id=queue_name,
                job_id=job_name,
                payload=job[payload_at - 1 :],
                token=tokens[token_at : token_at + 16],
                attempt=attempt,
                expires_at=expires_at,
                requeues_remaining=requeues,
                queue_length=behind,
            )
        )
    return tuple(jobs)


def _claims(leases: Iterable[LeaseRef]) -> list[str]:
    return [part for ref in leases for part in (ref.queue_id, ref.job_id, ref.token or "")]


def _lease_outcome(ref: LeaseRef, reply: bytes) -> LeaseOutcome:
    outcome = LEASE_OUTCOMES.get(reply)
    if outcome is None:
        _log_broken(ref.queue_id, reply)
        return LeaseOutcome.BROKEN
    return outcome


def _minute_counts(now: int, counts: Iterable[tuple[int, int, int]]) -> MinuteCounts:
    enqueues = dict.fromkeys(counted_minutes(now), 0)
    dequeues = dict(enqueues)
    for minute, enqueued, dequeued in counts:
        if minute in enqueues:
            enqueues[minute], dequeues[minute] = enqueued, dequeued
    return MinuteCounts(enqueues, dequeues)


def _unless_broken(queue_id: str, reply: Any) -> Any:
    """Return the reply of a script on one queue. Raises BrokenQueue."""
    if isinstance(reply, bytes):
        _log_broken(queue_id, reply)
        raise BrokenQueue(queue_id)
    return reply


def _log_all_broken(broken: Sequence[bytes]) -> None:
    for queue_id, reason in zip(broken[::2], broken[1::2], strict=True):
        _log_broken(queue_id, reason)


def _log_broken(queue_id: str | bytes, reason: bytes) -> None:
    name = queue_id if isinstance(queue_id, str) else queue_id.decode("utf-8", "backslashreplace")
    logger.error("queue %s is broken: %s", name, reason.decode("utf-8", "backslashreplace"))
