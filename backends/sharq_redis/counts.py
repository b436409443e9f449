"""Minute counts of everything: lua/lib/counts.lua says where they stand."""

from collections import Counter
from dataclasses import dataclass

from sharq_plug.model import MINUTE, MinuteCounts, counted_minutes
from sharq_redis.buckets import Buckets
from sharq_redis.replies import minute_counts
from sharq_redis.routing.route import Route

FIELDS_A_STEP = 1000
"""Fields that each scan returns in a step, about."""
SCANS_AT_ONCE = 256
"""Scans that go on in one round trip, so that others get their turn."""


async def counts_of_everything(route: Route, buckets: Buckets, now: int) -> MinuteCounts:
    """Add up the counts of all types at `now` (ms), a bounded number of them in each step."""
    minutes = counted_minutes(now)
    found: dict[tuple[int, int, bytes], int] = {}  # a scan may return a field twice
    left = [
        _Scan(number, minute, bucket.minutes(minute // MINUTE))
        for number, bucket in enumerate(buckets.all)
        for minute in minutes
    ]
    while left:
        present, later = left[:SCANS_AT_ONCE], left[SCANS_AT_ONCE:]
        steps = [("HSCAN", scan.key, scan.cursor, "COUNT", FIELDS_A_STEP) for scan in present]
        for scan, (cursor, fields) in zip(present, await route.call_all(steps), strict=True):
            scan.cursor = cursor
            for field, count in zip(fields[::2], fields[1::2], strict=True):
                found[scan.minute, scan.bucket, field] = _count(count)
        left = later + [scan for scan in present if scan.cursor != b"0"]
    enqueues, dequeues = Counter[int](), Counter[int]()
    for (minute, _, field), count in found.items():
        (enqueues if field.startswith(b"e/") else dequeues)[minute] += count
    return minute_counts(now, ((minute, enqueues[minute], dequeues[minute]) for minute in minutes))


def _count(value: bytes | None) -> int:
    """Return a count, 0 for what is none: others may have damaged the keys."""
    return int(value) if value and value.isdigit() else 0


@dataclass(slots=True)
class _Scan:
    """How far the scan of a bucket's counts of a minute has come."""

    bucket: int
    minute: int
    key: str
    cursor: bytes = b"0"
