"""How many queues may be dequeued of a type that has shared limits.

The line has the queues that use no shared limit, and an entry for each shared limit that may let
one go (lua/lib/shared.lua). The others stand in rows, one for each set of shared limits that they
use (lua/lib/rows.lua), and are counted where all of these are open. No queue is looked at.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sharq_redis.buckets import Bucket
from sharq_redis.limiters import Damaged, SharedLimit
from sharq_redis.rounds import Reading
from sharq_redis.wire import Command

ROWS_AT_ONCE = 100
PLACES_AT_ONCE = 100
MARK = b"/"
"""What stands in an entry where a queue id begins, behind the number of the place."""
NUMBER_LENGTH = 6


class Ready(NamedTuple):
    """How many queues may be dequeued, and since when (ms) the first; None if there is none."""

    queues: int
    since: int | None


@dataclass(slots=True)
class _Found:
    """What was read so far. A shared limit that is damaged is None, and so are its rows."""

    limits: dict[str, SharedLimit | None] = field(default_factory=dict)
    queues: int = 0
    since: list[int] = field(default_factory=list)
    entries: int = 0


def ready_in(bucket: Bucket, name: str, in_line: int, now: int) -> Reading[Ready]:
    """Return what may be dequeued of a type, with how many places of its line are ready.

    Raises Damaged.
    """
    found, behind = _Found(), ""
    while True:
        asked = ("ZRANGE", bucket.key("rows", name), f"({behind}", "+", "BYLEX")
        [names] = yield [(*asked, "LIMIT", 0, ROWS_AT_ONCE)]
        rows = [row.decode() for row in checked(names)]
        yield from _read_rows(bucket, name, [row.split(" ") for row in rows], found, now)
        if len(rows) < ROWS_AT_ONCE:
            break
        behind = rows[-1]
    if in_line > found.entries:
        first = yield from _first_in_line(bucket.line_of(name), found.entries, now)
        found.queues += in_line - found.entries
        found.since += first
    return Ready(found.queues, min(found.since, default=None))


def checked(reply: Any) -> Any:
    """Return a reply that is no error. Raises Damaged."""
    if isinstance(reply, Exception):
        raise Damaged(str(reply))
    return reply


def _read_rows(
    bucket: Bucket, name: str, rows: Sequence[Sequence[str]], found: _Found, now: int
) -> Reading[None]:
    """Count the ready queues of rows, and the ready entries of their shared limits."""
    new = list(dict.fromkeys(limit for row in rows for limit in row if limit not in found.limits))
    if new:
        [raws] = yield [("HMGET", bucket.key("limits", name), *new)]
        found.limits |= _limits(new, raws, now)
    open_rows = [row for row in rows if _are_open(row, found.limits)]
    line, commands = bucket.line_of(name), list[Command]()
    for row in open_rows:
        key = bucket.key("row", name, "/".join(row))
        commands += (("ZRANGE", key, 0, 0, "WITHSCORES"), ("ZCOUNT", key, "-inf", now))
    limits = [limit for each in new if (limit := found.limits[each]) and not limit.is_closed]
    entries: list[Command] = [
        ("ZSCORE", line, limit.entry) for limit in limits if limit.entry and not limit.is_alone
    ]
    replies = (yield [*commands, *entries]) if commands or entries else []
    for at, row in enumerate(open_rows):
        first, count = replies[2 * at : 2 * at + 2]
        if isinstance(first, list) and isinstance(count, int) and first and count:
            found.queues += count
            found.since.append(int(float(first[1])))
            found.entries += len(row) == 1 and _is_alone(found.limits[row[0]])
    scores = [checked(score) for score in replies[len(commands) :]]
    found.entries += sum(score is not None and float(score) <= now for score in scores)


def _is_alone(limit: SharedLimit | None) -> bool:
    """Return whether the entry of a shared limit is ready if the row of its name is."""
    return limit is not None and limit.is_alone and limit.entry is not None


def _limits(
    names: Sequence[str], raws: Sequence[bytes | None] | Exception, now: int
) -> dict[str, SharedLimit | None]:
    limits: dict[str, SharedLimit | None] = dict.fromkeys(names)
    if not isinstance(raws, Exception):
        for name, raw in zip(names, raws, strict=True):
            with suppress(Damaged):
                limits[name] = SharedLimit.read(name, raw, now)
    return limits


def _are_open(row: Sequence[str], limits: Mapping[str, SharedLimit | None]) -> bool:
    return all((limit := limits[name]) is not None and not limit.is_closed for name in row)


def _first_in_line(line: str, entries: int, now: int) -> Reading[list[int]]:
    """Return since when the first queue is ready that stands in the line behind some entries."""
    first, count = 0, min(entries + 1, PLACES_AT_ONCE)
    while True:
        [places] = yield [("ZRANGE", line, first, first + count - 1, "WITHSCORES")]
        for place, score in zip(checked(places)[::2], places[1::2], strict=True):
            if float(score) > now:
                return []
            if place[NUMBER_LENGTH : NUMBER_LENGTH + 1] != MARK:
                return [int(float(score))]
        if len(places) < 2 * count:
            return []
        first, count = first + count, PLACES_AT_ONCE
