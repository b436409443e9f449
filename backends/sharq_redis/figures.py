"""What a monitor reads of types: plain commands only.

A script costs Redis several times as much. So what verbs find out of gates and shared limits is
worked out here, from what is stored of them.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Totals, TypeFigures
from sharq_redis.buckets import Bucket, Buckets
from sharq_redis.limiters import Damaged, Gate
from sharq_redis.ready_rows import Ready, checked, ready_in
from sharq_redis.replies import log_broken_type
from sharq_redis.rounds import Reading, read_together
from sharq_redis.routing.route import Route
from sharq_redis.wire import Command

TYPES_AT_ONCE = 20
"""Types that one round trip reads, so that others get their turn, in Redis and in this process."""
SHOWN = Totals.__struct_fields__
HIDDEN = ("lost", "revoked", "delayed", "tombstones", "ends_at")
"""Totals that no look shows (lua/lib/totals.lua)."""
NONE_READY = Ready(0, None)


class FigureReader:
    """Read the figures of types."""

    def __init__(self, route: Route, buckets: Buckets) -> None:
        self._route = route
        self._buckets = buckets

    async def of(self, names: Sequence[str], now: int) -> list[TypeFigures]:
        """Return the figures of types, in their order, without those whose keys are damaged.

        Types whose server does not answer are left out too, but not if that leaves nothing.
        """
        found: list[TypeFigures] = []
        missing: list[StoreUnavailable] = []
        for first in range(0, len(names), TYPES_AT_ONCE):
            part = dict.fromkeys(names[first : first + TYPES_AT_ONCE])
            readings = {name: _read(self._buckets.of(name), name, now) for name in part}
            read = await read_together(self._route, readings)
            for name in part:
                figures = read[name]
                if isinstance(figures, StoreUnavailable):
                    missing.append(figures)
                elif figures is not None:
                    found.append(figures)
        if missing and not found:
            raise missing[0]
        return found


def _read(bucket: Bucket, name: str, now: int) -> Reading[TypeFigures | None]:
    """Return the figures of a type, None if its keys are damaged."""
    try:
        replies = [checked(reply) for reply in (yield _commands(bucket, name, now))]
        settings, *counted, ready, first = replies
        figures = _counted(name, counted, now)
        gate = Gate.read(settings)
        [debts] = (yield [("GET", bucket.key("gate", name))]) if gate.rules.limits else [None]
        if gate.is_closed(checked(debts), figures.leased, now):
            found = NONE_READY
        elif gate.has_shared:
            found = yield from ready_in(bucket, name, ready, now)
        else:
            found = _in_line(ready, first, now)
    except Damaged as damage:
        log_broken_type(name, str(damage).encode())
        return None
    since = now if found.since is None else found.since
    return replace(figures, ready_queues=found.queues, overdue=now - since)


def _commands(bucket: Bucket, name: str, now: int) -> list[Command]:
    line = bucket.line_of(name)
    return [
        ("GET", bucket.settings_of(name)),
        ("HMGET", bucket.totals_of(name), *SHOWN, *HIDDEN),
        ("HLEN", bucket.queues_of(name)),
        ("ZCARD", bucket.letters_of(name)),
        ("ZCOUNT", line, "-inf", now),
        ("ZRANGE", line, 0, 0, "WITHSCORES"),
    ]


def _in_line(ready: int, first: Sequence[bytes], now: int) -> Ready:
    """Return what may be dequeued of a type where nothing but the line counts."""
    since = float(first[1]) if first else now + 1
    return Ready(ready, int(since) if since <= now else None)


def _counted(name: str, replies: Sequence[Any], now: int) -> TypeFigures:
    """Return the figures that do not depend on what may be dequeued.

    lua/lib/totals.lua says how lengths follow from totals.
    """
    counted, names, dead = replies
    values = list(map(_total, counted))
    lost, revoked, delayed, tombstones, ends_at = values[len(SHOWN) :]
    queues = max(0, names - tombstones)
    if not names and ends_at <= now:
        values = [0] * len(values)
    totals = Totals(*values[: len(SHOWN)])
    leased = totals.dequeued - totals.finished - totals.failed - totals.released
    leased = max(0, leased - totals.expired_leases - revoked) if queues else 0
    living = totals.enqueued + totals.redriven - totals.finished - totals.dead - totals.removed
    delayed = max(0, delayed) if queues else 0
    return TypeFigures(
        queue_type=name,
        waiting=max(0, living - lost - leased - delayed) if queues else 0,
        leased=leased,
        dead=dead,
        delayed=delayed,
        queues=queues,
        totals=totals,
    )


def _total(value: bytes | None) -> int:
    """Return a total, 0 for what is none: others may have damaged the keys."""
    try:
        return int(value or 0)
    except ValueError:
        return 0
