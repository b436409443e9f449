"""The vocabulary as values: frozen, checked at construction, the same for every backend.

All times are integer milliseconds since the epoch, all durations integer milliseconds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from sharq_plug.errors import InvalidRequest

MAX_INTERVAL = 10**12
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader, and a Redis script, holds exactly."""
MAX_BATCH = 1000
"""Jobs or leases in one call."""
MAX_TOKEN_LENGTH = 200
MAX_DEQUEUE_BYTES = 8 * 1024 * 1024
"""A dequeue batch holds at most so many bytes of payload, but always one job."""
MAX_ENDED = 100
"""Expired leases that a dequeue ends, at most."""
MINUTE = 60_000
COUNTED_MINUTES = 10
"""Minute counts reach so many minutes back, the present one included."""
MIN_RECEIPT_TIME = 60_000
MAX_RECEIPTS = 262_144
"""A queue type keeps at most about so many receipts; the oldest go first."""

_is_name = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.:@+~-]{1,100}").fullmatch
_NAMES = frozenset({"queue_type", "queue_id", "job_id", "attempt_id"})
_WHAT_A_NAME_IS = "A name is 1 to 100 of A-Z a-z 0-9 _ - . : @ + ~ and not dots alone."


def invalid(field: str) -> InvalidRequest:
    """Return the error for a value of `field` that is not acceptable."""
    message = f"`{field}` has an invalid value."
    return InvalidRequest(f"{message} {_WHAT_A_NAME_IS}" if field in _NAMES else message)


def is_name(value: str) -> bool:
    """Return whether `value` can name a queue type, a queue or a job."""
    return _is_name(value) is not None


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


def check_interval(value: int) -> int:
    """Return `value` (ms) if it can be a queue's interval; raise InvalidRequest if not."""
    return check_integer("interval", value, 0, MAX_INTERVAL)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be put into a queue.

    `payload` is opaque. `interval` (ms, 0 = no limit) becomes the queue's. `requeue_limit` is
    how often the job may go back after a lease expired, -1 = for ever. With
    `max_queued_length` the job is refused where that many wait already.
    """

    queue_id: str
    job_id: str
    payload: bytes
    interval: int
    requeue_limit: int = -1
    max_queued_length: int | None = None

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_name("job_id", self.job_id)
        check_interval(self.interval)
        check_integer("requeue_limit", self.requeue_limit, -1)
        if self.max_queued_length is not None:
            check_integer("max_queued_length", self.max_queued_length, 0)


class EnqueueOutcome(Enum):
    """What became of a new job."""

    QUEUED = "queued"
    DUPLICATE = "duplicate"
    QUEUE_FULL = "queue_full"
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


@dataclass(frozen=True, slots=True)
class EnqueueResult:
    """The outcome for one new job.

    `queue_length` counts the jobs that waited before it; None unless the job named a
    `max_queued_length`.
    """

    outcome: EnqueueOutcome
    queue_length: int | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """One caller's part of a dequeue: up to `count` (1 to 1000) jobs, each for `lease_time` ms.

    With an `attempt_id`, a name, it may be repeated (see `QueueStore.dequeue`).
    """

    count: int
    lease_time: int
    attempt_id: str | None = None

    def __post_init__(self) -> None:
        check_integer("count", self.count, 1, MAX_BATCH)
        if self.attempt_id is not None:
            check_name("attempt_id", self.attempt_id)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A dequeued, unfinished job with its lease.

    `attempt` counts the job's leases, this one included. `expires_at` is ms since the epoch.
    `queue_length` counts the jobs that wait in its queue after this one left.
    """

    queue_id: str
    job_id: str
    payload: bytes
    token: str
    attempt: int
    expires_at: int
    requeues_remaining: int
    queue_length: int


@dataclass(frozen=True, slots=True)
class EndedLease:
    """A lease that expired and was ended: its job waits again, or `is_dead`."""

    queue_type: str
    queue_id: str
    job_id: str
    token: str
    is_dead: bool


@dataclass(frozen=True, slots=True)
class Dequeued:
    """What one take got: deliveries in the order in which they were served.

    `now` is the instant of the answer (ms since the epoch, by the store's clock). `next_ready_at`
    says when to come back: None if as many jobs came as were asked for, if they had come before,
    or if nothing is foreseen (see `QueueStore.dequeue`). `ended` are the leases that this take
    found expired. With `is_repeated` the jobs are those of an earlier take with its attempt id.
    """

    jobs: tuple[Delivery, ...]
    next_ready_at: int | None = None
    now: int = field(kw_only=True, compare=False)
    ended: tuple[EndedLease, ...] = field(kw_only=True, default=())
    is_repeated: bool = field(kw_only=True, default=False)


@dataclass(frozen=True, slots=True)
class LeaseRef:
    """A caller's claim to a lease: its job, and the token it was given (None: the current)."""

    queue_id: str
    job_id: str
    token: str | None = None

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_name("job_id", self.job_id)
        if self.token is not None and not _can_be_token(self.token):
            raise invalid("lease")


def _can_be_token(text: str) -> bool:
    return 0 < len(text) <= MAX_TOKEN_LENGTH and text.isascii()


@dataclass(frozen=True, slots=True)
class Finish:
    """End a lease, its job done; with a token, keep a receipt of it for `receipt_time` ms."""

    lease: LeaseRef
    receipt_time: int


@dataclass(frozen=True, slots=True)
class Release:
    """Hand a leased job back: it waits again, and no requeue is spent."""

    lease: LeaseRef


Settlement: TypeAlias = Finish | Release
"""What a worker says of a lease."""


class ChangeOutcome(Enum):
    """What became of a change of settings."""

    CHANGED = "changed"
    UNKNOWN = "unknown"
    """There is no such queue; nothing was changed."""
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


@dataclass(frozen=True, slots=True)
class SetInterval:
    """Change the interval (ms) of a queue that exists."""

    queue_id: str
    interval: int

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_interval(self.interval)


class LeaseOutcome(Enum):
    """What became of a claim to a lease."""

    ENDED = "ended"
    """The lease was the caller's and is over (or was, by a finish that is on record)."""
    STALE = "stale"
    """The job waits, is dead, or is under another lease; nothing was changed."""
    UNKNOWN = "unknown"
    """There is no such job; without a token: no such lease."""
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Tended:
    """What one `tend` did: the expired leases that it ended, and whether there is more to do."""

    ended: tuple[EndedLease, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many jobs and dead letters a clearing removed."""

    waiting: int
    leased: int
    dead: int


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """Enqueues and dequeues of the last ten minutes: a minute's epoch (ms) to its count.

    Always ten entries each, the present minute included.
    """

    enqueues: Mapping[int, int]
    dequeues: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class View:
    """What there is in a queue, or what was counted of a type or of everything.

    The lengths are those of a queue, 0 for all else and for a queue that nobody knows.
    """

    counts: MinuteCounts
    waiting: int = 0
    leased: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One bounded step of a listing; `cursor` leads to the next one, None ends it.

    A name may turn up twice over a listing; one that is there from its first step to its
    last turns up at least once.
    """

    names: tuple[str, ...]
    cursor: str | None


def counted_minutes(now: int) -> range:
    """Return the epochs (ms) of the minutes that count at `now`, the oldest first."""
    present = now - now % MINUTE
    return range(present - (COUNTED_MINUTES - 1) * MINUTE, present + 1, MINUTE)


def receipt_time(lease: int) -> int:
    """Return for how long (ms) a receipt is kept when leases last `lease` ms."""
    return max(lease, MIN_RECEIPT_TIME)
