"""Names and numbers: what they may be, and the limits that every backend has in common."""

import re

from sharq_plug.errors import InvalidRequest
from sharq_plug.model.allowed import NAMES, OF_SHARQ, OUR_OWN, WHAT_A_NAME_IS

__all__ = [
    "COUNTED_MINUTES",
    "MAX_BATCH",
    "MAX_DEQUEUE_BYTES",
    "MAX_DROPS",
    "MAX_DURATION",
    "MAX_ENDED",
    "MAX_INSTANT",
    "MAX_INTEGER",
    "MAX_INTERVAL",
    "MAX_JOINS",
    "MAX_NAME_LENGTH",
    "MAX_RECEIPTS",
    "MAX_TOKEN_LENGTH",
    "MINUTE",
    "MIN_RECEIPT_TIME",
    "can_begin_name",
    "check_duration",
    "check_integer",
    "check_interval",
    "check_name",
    "counted_minutes",
    "invalid",
    "is_name",
    "receipt_time",
]

MAX_INTERVAL = 10**12
MAX_DURATION = 10**12
"""The longest delay, lease and other span (ms)."""
MAX_INSTANT = 10**15
"""The latest instant (ms since the epoch) that a caller may name."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader, and a Redis script, holds exactly."""
MAX_BATCH = 1000
"""Jobs or leases in one call."""
MAX_TOKEN_LENGTH = 200
MAX_DEQUEUE_BYTES = 8 * 1024 * 1024
"""A dequeue batch holds at most so many bytes of payload, but always one job."""
MAX_ENDED = 100
"""Expired leases that a dequeue ends, at most."""
MAX_JOINS = 1000
"""Due jobs that join those that wait in one dequeue, at most."""
MINUTE = 60_000
COUNTED_MINUTES = 10
"""Minute counts reach so many minutes back, the present one included."""
MIN_RECEIPT_TIME = 60_000
MAX_DROPS = 5
"""Dead letters of a type that one call of `tend` drops, at most."""
MAX_RECEIPTS = 262_144
"""A queue type keeps at most about so many receipts; the oldest go first."""

MAX_NAME_LENGTH = 100

_is_name = re.compile(rf"(?!\.+\Z)[A-Za-z0-9_.:@+~-]{{1,{MAX_NAME_LENGTH}}}").fullmatch


def invalid(field: str) -> InvalidRequest:
    """Return the error for a value of `field` that is not acceptable. It says what would be."""
    if field in OUR_OWN:
        return InvalidRequest(f"`{field}` must be {OUR_OWN[field]}.")
    message = f"`{field}` has an invalid value."
    if field in NAMES:
        message += f" {WHAT_A_NAME_IS}"
    elif field in OF_SHARQ:
        message += f" It must be {OF_SHARQ[field]}."
    return InvalidRequest(message)


def is_name(value: str) -> bool:
    """Return whether `value` can name a queue type, a queue or a job."""
    return _is_name(value) is not None


def can_begin_name(text: str) -> bool:
    """Return whether a name can begin with `text`, which is not empty."""
    return is_name(text) or (set(text) == {"."} and len(text) < MAX_NAME_LENGTH)


def check_name(field: str, value: str) -> str:
    """Return `value` if it can name a queue type, a queue, a job or an attempt.

    Raises InvalidRequest that names `field`, unless it is 1 to 100 of `A-Z a-z 0-9 _ - . : @ + ~`
    and not dots alone.
    """
    if _is_name(value) is None:
        raise invalid(field)
    return value


def check_integer(field: str, value: int, minimum: int, maximum: int = MAX_INTEGER) -> int:
    """Return `value` if it is an integer, no bool, from `minimum` to `maximum`.

    Raises InvalidRequest that names `field`.
    """
    if type(value) is not int or not minimum <= value <= maximum:
        raise invalid(field)
    return value


def check_duration(field: str, value: int, minimum: int = 0) -> int:
    """Return `value` (ms) if it can be a span of time; raise InvalidRequest that names `field`."""
    return check_integer(field, value, minimum, MAX_DURATION)


def check_interval(value: int) -> int:
    """Return `value` (ms) if it can be a queue's interval; raise InvalidRequest if not."""
    return check_integer("interval", value, 0, MAX_INTERVAL)


def counted_minutes(now: int) -> range:
    """Return the epochs (ms) of the minutes that count at `now`, the oldest first."""
    present = now - now % MINUTE
    return range(present - (COUNTED_MINUTES - 1) * MINUTE, present + 1, MINUTE)


def receipt_time(lease: int) -> int:
    """Return for how long (ms) a receipt is kept when leases last `lease` ms."""
    return max(lease, MIN_RECEIPT_TIME)
