"""Arguments of the verbs, as the heads of the files in lua/verbs describe them."""

import base64
import os
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import assert_never

import msgspec

from sharq_plug.model import (
    Amendment,
    Cancel,
    Clear,
    Discard,
    Extend,
    Extras,
    Fail,
    Finish,
    JobRef,
    JobState,
    LetterRef,
    NewJob,
    Redrive,
    Release,
    Reschedule,
    Settings,
    Settlement,
    Take,
    Use,
)
from sharq_redis.cursors import Cursor
from sharq_redis.settings import text_of

TOKEN_LENGTH = 17
"""A letter, and 96 random bits in base64."""
RECEIPT_SHARDS = 16
TOKENS_A_SHARD = 64
SHARD_LETTERS = b"".join(bytes([letter]) * TOKENS_A_SHARD for letter in b"ABCDEFGHIJKLMNOP")
"""The letters that name a shard of receipts (lua/lib/receipts.lua), in turn."""
CLEARING = "c"
"""The letter of the cursors of clearings."""
STATE_LETTERS = {
    JobState.WAITING: "w",
    JobState.LEASED: "l",
    JobState.DELAYED: "d",
    JobState.DEAD: "x",
}
"""The letters of states: in arguments, and first in the cursors of jobs."""
SHORT_ARRAY = 16
"""Values from which on msgpack begins an array with three bytes; below it does with one."""

_pack = msgspec.msgpack.Encoder().encode


def packed(values: Sequence[object]) -> bytes:
    """Return values in msgpack, one after the other: an array without its header."""
    return _pack(values)[1 if len(values) < SHORT_ARRAY else 3 :]


def packed_all(items: Iterable[Iterable[object]]) -> bytes:
    """Return the values of all items in msgpack, one after the other."""
    values: list[object] = []
    for item in items:
        values += item
    return packed(values)


def packed_take(take: Take, tokens: str) -> bytes:
    """Return a take as the verb reads it."""
    asked: tuple[object, ...] = (take.count, take.lease_time, take.attempt_id or "", tokens)
    if take.queues is not None or take.together:
        asked = (*asked, take.queues or False, take.together)
    return packed(asked)


def new_job(job: NewJob) -> tuple[str | int, ...]:
    """Return a job as the verb reads it, but for what is stored of it as it comes."""
    limit = -1 if job.max_queued_length is None else job.max_queued_length
    interval = -1 if job.interval is None else job.interval
    return job.queue_id, job.job_id, interval, limit


def packed_extras(jobs: Sequence[NewJob]) -> list[bytes]:
    """Return the extras of jobs by their positions, if any job has some, as the verb reads them."""
    found = {at: _extras(job.extras) for at, job in enumerate(jobs, 1) if job.extras is not None}
    return [_pack(found)] if found else []


def _extras(extras: Extras) -> dict[str, object]:
    delay, key = extras.requeue_delay, extras.deduplicate
    return _given(
        at=extras.at,
        delay=extras.delay,
        ttl=extras.ttl,
        p=extras.priority or None,
        d=None if delay is None else (delay.first, delay.factor, delay.most),
        k=None if key is None else key.key,
        keep_for=None if key is None else key.keep_for,
        c=extras.cost,
        h=extras.headers,
        u=None if extras.uses is None else [part for use in extras.uses for part in _use(use)],
    )


def _use(use: Use) -> tuple[str, str]:
    """Return the name of a shared limit, and the text of the settings with which it begins."""
    if use.limits is None:
        return use.name, ""
    return use.name, text_of(Settings(limits=use.limits))


def fresh_tokens(takes: Sequence[Take]) -> list[str]:
    """Return new tokens for the jobs of each take, in a row.

    Up to 64 of a call begin with the same letter: receipts of leases that came together share a
    shard. The others come in turn, so that large calls fill the shards evenly.
    """
    ends = [0, *accumulate(TOKEN_LENGTH * take.count for take in takes)]
    tokens = _fresh_tokens(ends[-1] // TOKEN_LENGTH)
    return [tokens[first:end] for first, end in pairwise(ends)]


def _fresh_tokens(count: int) -> str:
    length = TOKEN_LENGTH * count
    random = os.urandom(length * 3 // 4 + 2)
    tokens = bytearray(base64.urlsafe_b64encode(random[:-1]))[:length]
    first = random[-1] % RECEIPT_SHARDS * TOKENS_A_SHARD
    letters = SHARD_LETTERS * (1 + (first + count) // len(SHARD_LETTERS))
    tokens[::TOKEN_LENGTH] = letters[first : first + count]
    return tokens.decode()


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def settlement(item: Settlement) -> tuple[object, ...]:
    """Return an item of `settle` as the verb reads it."""
    lease = item.lease
    claim = (lease.queue_id, lease.job_id, lease.token or "")
    match item:
        case Finish():
            if item.actual is None:
                return (*claim, "finish", item.receipt_time)
            return (*claim, "correct", (item.receipt_time, item.actual))
        case Release():
            if not item.freeze and item.freeze_limit is None:
                return (*claim, "release", item.delay)
            return (*claim, "release", (item.delay, item.freeze, *(_freeze(item) or ())))
        case Fail():
            dead, freeze = item.dead or None, item.freeze or None
            how = _given(
                error=item.error, delay=item.delay, dead=dead, freeze=freeze, limit=_freeze(item)
            )
            return (*claim, "fail", how)
        case Extend():
            return (*claim, "extend", item.lease_time)
        case _:
            assert_never(item)


def _freeze(item: Release | Fail) -> tuple[str, int] | None:
    """Return which shared limit is frozen, and for how long."""
    that = item.freeze_limit
    return None if that is None else (that.name, that.duration)


def amendment(change: Amendment) -> tuple[object, ...]:
    """Return an item of `amend` as the verb reads it."""
    match change:
        case Cancel(job):
            return (job.queue_id, job.job_id, "cancel", _given(leased=change.leased or None))
        case Reschedule(job):
            how = _given(p=change.priority, at=change.at, delay=change.delay)
            return (job.queue_id, job.job_id, "reschedule", how)
        case Redrive(letter):
            return (*_letter(letter), "redrive", {})
        case Discard(letter):
            return (*_letter(letter), "discard", {})
        case _:
            assert_never(change)


def _letter(letter: LetterRef | JobRef) -> tuple[str, int | str]:
    """Return a dead letter by its number, or by its job's id."""
    if isinstance(letter, JobRef):
        return letter.queue_id, letter.job_id
    return letter.queue_id or "", letter.number


def clearing(what: Clear, cursor: str | None, limit: int) -> tuple[str | int, ...]:
    """Return the arguments of a `clear`. Raises InvalidRequest for a cursor of anything else."""
    states = "".join(STATE_LETTERS[state] for state in what.states)
    scan = 0
    if cursor is not None and what.queue_id is None:
        scan = Cursor.read(cursor, CLEARING).scan()
    return (what.queue_id or "", states, "counts" if what.counts else "", limit, scan)
