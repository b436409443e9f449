"""Replies of the verbs, as the heads of the files in lua/verbs describe them."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from sharq_plug.errors import BrokenQueue
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    ChangeOutcome,
    Clear,
    Cleared,
    Delivery,
    Dequeued,
    Ended,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Extended,
    JobRef,
    JobView,
    LeaseOutcome,
    LettersMoved,
    MinuteCounts,
    NewJob,
    Reschedule,
    Settled,
    Settlement,
    counted_minutes,
    is_name,
)
from sharq_redis.arguments import CLEARING, TOKEN_LENGTH
from sharq_redis.cursors import cursor_text
from sharq_redis.showing import TAILED, enqueued_at, header, job_shown

logger = logging.getLogger(__name__)

MORE = "more"
"""The cursor of a clearing of one queue. The next step needs no position."""
JOB_FIELDS = 7
ENDED_FIELDS = 3
FULL = -1
ENQUEUE_OUTCOMES = {
    1: EnqueueOutcome.QUEUED,
    0: EnqueueOutcome.DUPLICATE,
    FULL: EnqueueOutcome.QUEUE_FULL,
    -2: EnqueueOutcome.BROKEN,
    -3: EnqueueOutcome.NO_INTERVAL,
    -4: EnqueueOutcome.UNKNOWN_LIMIT,
}
CHANGE_OUTCOMES = {
    0: ChangeOutcome.UNKNOWN,
    1: ChangeOutcome.CHANGED,
    2: ChangeOutcome.LIMITS_SET,
    3: ChangeOutcome.UNKNOWN_LIMIT,
    4: ChangeOutcome.IN_USE,
}
AMEND_OUTCOMES = {outcome.value.encode(): outcome for outcome in AmendOutcome}
LEASE_OUTCOMES = {outcome.value.encode(): outcome for outcome in LeaseOutcome}


def enqueue_result(job: NewJob, outcome: int | bytes, waiting: int | bytes) -> EnqueueResult:
    """Return what became of a job."""
    if isinstance(waiting, bytes):
        log_broken(job.queue_id, waiting)
        return EnqueueResult(EnqueueOutcome.BROKEN)
    is_shown = job.max_queued_length is not None or outcome == FULL
    length = waiting if is_shown else None
    if isinstance(outcome, bytes):
        return EnqueueResult(EnqueueOutcome.DUPLICATE, length, outcome.decode())
    return EnqueueResult(ENQUEUE_OUTCOMES[outcome], length)


def dequeued(queue_type: str, now: int, answer: list[Any], fresh: str) -> Dequeued:
    """Return what a take got. `answer` may have an empty text in place of an empty list."""
    next_ready_at, expires_at, repeated, requeued, dead, *fields = answer
    tokens = repeated.decode() or fresh
    jobs = []
    for at in range(0, len(fields), JOB_FIELDS):
        queue_id, job_id, requeues, attempt, behind, payload_at, job = fields[at : at + JOB_FIELDS]
        number = at // JOB_FIELDS
        try:
            common = (
                queue_id.decode(),
                job_id.decode(),
                job[payload_at - 1 :],
                tokens[number * TOKEN_LENGTH : (number + 1) * TOKEN_LENGTH],
                attempt,
                expires_at[number] if repeated else expires_at,
                requeues,
                behind,
                enqueued_at(job),
            )
        except UnicodeDecodeError:
            log_broken(queue_id, b"it, or a job of it, has a name that is not UTF-8")
            continue
        is_plain = job[0] < TAILED
        jobs.append(Delivery(*common) if is_plain else _rare_delivery(common, job, payload_at))
    return Dequeued(
        tuple(jobs),
        now,
        None if next_ready_at < 0 else next_ready_at,
        ended_leases(queue_type, requeued, dead),
        bool(repeated),
    )


def _rare_delivery(common: tuple[Any, ...], job: bytes, payload_at: int) -> Delivery:
    """Return a delivery of a job that has a tail."""
    _, tail = header(job, payload_at)
    plain = Delivery(*common)
    return replace(plain, priority=tail.p, cost=tail.cost, headers=tail.headers, due_at=tail.a)


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


def settled(item: Settlement, reply: bytes | int) -> Settled:
    """Return what became of an item of `settle`."""
    if isinstance(reply, int):
        return Ended(-1 - reply) if reply < 0 else Extended(reply)
    outcome = LEASE_OUTCOMES.get(reply)
    if outcome is None:
        log_broken(item.lease.queue_id, reply)
        return LeaseOutcome.BROKEN
    return outcome


def amend_outcome(change: Amendment, reply: bytes) -> AmendOutcome:
    """Return what became of an item of `amend`."""
    outcome = AMEND_OUTCOMES.get(reply)
    if outcome is None:
        log_broken(_queue_of(change), reply)
        return AmendOutcome.BROKEN
    return outcome


def _queue_of(change: Amendment) -> str:
    if isinstance(change, Cancel | Reschedule):
        return change.job.queue_id
    if isinstance(change.letter, JobRef):
        return change.letter.queue_id
    return change.letter.queue_id or f"of dead letter {change.letter.number}"


def cleared(what: Clear, reply: Sequence[Any]) -> Cleared:
    """Return what a step of a clearing removed. Raises BrokenQueue."""
    waiting, leased, dead, delayed, cursor, broken = reply
    log_all_broken(broken)
    if broken and what.queue_id is not None:
        raise BrokenQueue(what.queue_id)
    text = MORE if what.queue_id is not None else cursor_text(CLEARING, int(cursor or 0))
    return Cleared(waiting, leased, dead, delayed, text if cursor else None)


def letters_moved(reply: Sequence[Any]) -> LettersMoved:
    """Return what a redrive or a discard of a range did."""
    count, duplicates, broken, after, queues = reply
    log_all_broken(queues)
    return LettersMoved(count, duplicates, broken, None if after < 0 else after)


def job_view(job: JobRef, reply: Any, *, payload: bool) -> JobView | Absence:
    """Return what is known of a job."""
    if isinstance(reply, bytes):
        log_broken(job.queue_id, reply)
        return Absence.BROKEN
    if not reply:
        return Absence.UNKNOWN
    return job_shown(reply, payload=payload)


def change_outcome(queue_id: str, reply: int | bytes) -> ChangeOutcome:
    """Return what became of a change."""
    if isinstance(reply, bytes):
        log_broken(queue_id, reply)
        return ChangeOutcome.BROKEN
    return CHANGE_OUTCOMES[reply]


def checked(queue_id: str, reply: Any) -> Any:
    """Return the reply of a verb that looks at one queue. Raises BrokenQueue."""
    if isinstance(reply, bytes):
        log_broken(queue_id, reply)
        raise BrokenQueue(queue_id)
    return reply


def name_of(found: bytes) -> str | None:
    """Return a name, None for what is no name: others may have damaged the keys."""
    text = found.decode("utf-8", "replace")
    return text if is_name(text) else None


def names_of(found: Iterable[bytes]) -> tuple[str, ...]:
    """Return names, without what is no name."""
    return tuple(name for name in map(name_of, found) if name is not None)


def minute_counts(now: int, counts: Iterable[tuple[int, int, int]]) -> MinuteCounts:
    """Return the counts of the minutes that count at `now` (ms)."""
    enqueues = dict.fromkeys(counted_minutes(now), 0)
    dequeues = dict(enqueues)
    for minute, enqueued, dequeued in counts:
        if minute in enqueues:
            enqueues[minute], dequeues[minute] = enqueued, dequeued
    return MinuteCounts(enqueues, dequeues)


def log_all_broken(broken: Sequence[bytes], *, queue_type: str = "") -> None:
    """Log damaged queues, each with the reason; one without a name stands for the type itself."""
    for queue_id, reason in zip(broken[::2], broken[1::2], strict=True):
        if queue_id:
            log_broken(queue_id, reason)
        else:
            log_broken_type(queue_type, reason)


def log_broken(queue_id: str | bytes, reason: bytes) -> None:
    """Log a damaged queue."""
    name = queue_id if isinstance(queue_id, str) else queue_id.decode("utf-8", "backslashreplace")
    logger.error("queue %s is broken: %s", name, reason.decode("utf-8", "backslashreplace"))


def log_broken_type(queue_type: str, reason: bytes) -> None:
    """Log a type whose keys are damaged."""
    logger.error("type %s is broken: %s", queue_type, reason.decode("utf-8", "backslashreplace"))
