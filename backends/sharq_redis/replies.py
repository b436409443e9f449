"""Arguments and replies of the verbs, as the heads of the files in lua/verbs describe them."""

import base64
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

import msgspec

from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Finish,
    LeaseOutcome,
    MinuteCounts,
    NewJob,
    Release,
    SetInterval,
    Setting,
    Settlement,
    counted_minutes,
    is_name,
)

logger = logging.getLogger(__name__)

TOKEN_LENGTH = 17
"""A letter, and 96 random bits in base64."""
RECEIPT_SHARDS = 16
TOKENS_A_SHARD = 64
SHARD_LETTERS = b"".join(bytes([letter]) * TOKENS_A_SHARD for letter in b"ABCDEFGHIJKLMNOP") * 2
"""The letters that name a shard of receipts (lua/lib/receipts.lua), in turn."""
JOB_FIELDS = 7
ENDED_FIELDS = 3
ENQUEUE_OUTCOMES = {
    1: EnqueueOutcome.QUEUED,
    0: EnqueueOutcome.DUPLICATE,
    -1: EnqueueOutcome.QUEUE_FULL,
    -2: EnqueueOutcome.BROKEN,
}
LEASE_OUTCOMES = {outcome.value.encode(): outcome for outcome in LeaseOutcome}

SHORT_ARRAY = 16
"""Values from which on msgpack begins an array with three bytes; below it does with one."""

_pack = msgspec.msgpack.Encoder().encode


def packed(values: Sequence[str | int]) -> bytes:
    """Return values in msgpack, one after the other: an array without its header."""
    return _pack(values)[1 if len(values) < SHORT_ARRAY else 3 :]


def packed_all(items: Iterable[Iterable[str | int]]) -> bytes:
    """Return the values of all items in msgpack, one after the other."""
    values: list[str | int] = []
    for item in items:
        values += item
    return packed(values)


def new_job(job: NewJob) -> tuple[str | int, ...]:
    """Return a job as the verb reads it, but for what is stored of it as it comes."""
    limit = -1 if job.max_queued_length is None else job.max_queued_length
    return job.queue_id, job.job_id, job.interval, limit


def enqueue_result(job: NewJob, outcome: int, waiting: int | bytes) -> EnqueueResult:
    """Return what became of a job."""
    if isinstance(waiting, bytes):
        log_broken(job.queue_id, waiting)
        return EnqueueResult(EnqueueOutcome.BROKEN)
    length = None if job.max_queued_length is None else waiting
    return EnqueueResult(ENQUEUE_OUTCOMES[outcome], length)


def fresh_tokens(count: int) -> str:
    """Return so many new tokens in a row.

    Up to 64 in a row begin with the same letter: receipts of leases that came together share a
    shard. The others come in turn, so that large takes fill the shards evenly.
    """
    length = TOKEN_LENGTH * count
    random = os.urandom(length * 3 // 4 + 2)
    tokens = bytearray(base64.urlsafe_b64encode(random[:-1]))[:length]
    first = random[-1] % RECEIPT_SHARDS * TOKENS_A_SHARD
    tokens[::TOKEN_LENGTH] = SHARD_LETTERS[first : first + count]
    return tokens.decode()


def dequeued(queue_type: str, now: int, answer: list[Any], fresh: str) -> Dequeued:
    """Return what a take got."""
    next_ready_at, expires_at, repeated, requeued, dead, *fields = answer
    tokens = repeated.decode() or fresh
    jobs = []
    for at in range(0, len(fields), JOB_FIELDS):
        queue_id, job_id, requeues, attempt, behind, payload_at, job = fields[at : at + JOB_FIELDS]
        token_at = at // JOB_FIELDS * TOKEN_LENGTH
        try:
            queue_name, job_name = queue_id.decode(), job_id.decode()
        except UnicodeDecodeError:
            log_broken(queue_id, b"it, or a job of it, has a name that is not UTF-8")
            continue
        jobs.append(
            Delivery(
                queue_name,
                job_name,
                job[payload_at - 1 :],
                tokens[token_at : token_at + TOKEN_LENGTH],
                attempt,
                expires_at,
                requeues,
                behind,
            )
        )
    return Dequeued(
        tuple(jobs),
        now,
        None if next_ready_at < 0 else next_ready_at,
        ended_leases(queue_type, requeued, dead),
        bool(repeated),
    )


def ended_leases(
    queue_type: str, requeued: list[bytes], dead: list[bytes]
) -> tuple[EndedLease, ...]:
    """Return the leases that went back, then those whose jobs died."""
    return tuple(
        EndedLease(queue_type, *_texts(ended[at : at + ENDED_FIELDS]), is_dead)
        for ended, is_dead in ((requeued, False), (dead, True))
        for at in range(0, len(ended), ENDED_FIELDS)
    )


def _texts(values: Sequence[bytes]) -> tuple[str, str, str]:
    queue_id, job_id, token = (value.decode("utf-8", "backslashreplace") for value in values)
    return queue_id, job_id, token


def settlement(item: Settlement) -> tuple[str | int, ...]:
    """Return an item of `settle` as the verb reads it."""
    lease = item.lease
    claim = (lease.queue_id, lease.job_id, lease.token or "")
    match item:
        case Finish():
            return (*claim, "finish", item.receipt_time)
        case Release():
            return (*claim, "release", 0)
        case _:
            assert_never(item)


def lease_outcome(item: Settlement, reply: bytes) -> LeaseOutcome:
    """Return what became of an item of `settle`."""
    outcome = LEASE_OUTCOMES.get(reply)
    if outcome is None:
        log_broken(item.lease.queue_id, reply)
        return LeaseOutcome.BROKEN
    return outcome


def packed_change(change: Setting) -> bytes:
    """Return a change of a setting as the verb reads it."""
    match change:
        case SetInterval():
            return packed((change.queue_id, "interval", change.interval))
        case _:
            assert_never(change)


def change_outcome(change: Setting, reply: int | bytes) -> ChangeOutcome:
    """Return what became of a change."""
    if isinstance(reply, bytes):
        log_broken(change.queue_id, reply)
        return ChangeOutcome.BROKEN
    return ChangeOutcome.CHANGED if reply else ChangeOutcome.UNKNOWN


def names_of(found: Iterable[bytes]) -> tuple[str, ...]:
    """Return names, without what is no name: others may have damaged the keys."""
    texts = (name.decode("utf-8", "replace") for name in found)
    return tuple(text for text in texts if is_name(text))


def minute_counts(now: int, counts: Iterable[tuple[int, int, int]]) -> MinuteCounts:
    """Return the counts of the minutes that count at `now` (ms)."""
    enqueues = dict.fromkeys(counted_minutes(now), 0)
    dequeues = dict(enqueues)
    for minute, enqueued, dequeued in counts:
        if minute in enqueues:
            enqueues[minute], dequeues[minute] = enqueued, dequeued
    return MinuteCounts(enqueues, dequeues)


def log_all_broken(broken: Sequence[bytes]) -> None:
    """Log damaged queues, each with the reason."""
    for queue_id, reason in zip(broken[::2], broken[1::2], strict=True):
        log_broken(queue_id, reason)


def log_broken(queue_id: str | bytes, reason: bytes) -> None:
    """Log a damaged queue."""
    name = queue_id if isinstance(queue_id, str) else queue_id.decode("utf-8", "backslashreplace")
    logger.error("queue %s is broken: %s", name, reason.decode("utf-8", "backslashreplace"))
