"""Leases: how a worker takes jobs, what it gets, and what it says of them."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from sharq_plug.model.names import (
    MAX_BATCH,
    MAX_DURATION,
    MAX_TOKEN_LENGTH,
    check_duration,
    check_integer,
    check_name,
    invalid,
    is_name,
)
from sharq_plug.model.units import check_cost

__all__ = [
    "MAX_ERROR_LENGTH",
    "MAX_NAMED_QUEUES",
    "Delivery",
    "Dequeued",
    "Ended",
    "EndedLease",
    "Extend",
    "Extended",
    "Fail",
    "Finish",
    "FreezeLimit",
    "LeaseOutcome",
    "LeaseRef",
    "Release",
    "Settled",
    "Settlement",
    "Take",
    "Tended",
]


MAX_NAMED_QUEUES = 100
"""Queues that a take may name."""
MAX_ERROR_LENGTH = 2000
"""Characters of the text with which a worker says why it failed."""


class Take(Struct, frozen=True, gc=False):
    """One caller's part of a dequeue: up to `count` (1 to 1000) jobs, each for `lease_time` ms.

    With an `attempt_id`, a name, it may be repeated (see `QueueStore.dequeue`). With `queues` (up
    to 100) only jobs of those are taken; with `together` only jobs of one queue.
    """

    count: int
    lease_time: int
    attempt_id: str | None = None
    queues: tuple[str, ...] | None = None
    together: bool = False

    def __post_init__(self) -> None:
        check_integer("count", self.count, 1, MAX_BATCH)
        if self.queues is not None:
            check_integer("queues", len(self.queues), 1, MAX_NAMED_QUEUES)
            if not all(map(is_name, self.queues)):
                raise invalid("queues")
        if self.attempt_id is not None:
            check_name("attempt_id", self.attempt_id)


class Delivery(Struct, frozen=True, gc=False):
    """A dequeued, unfinished job with its lease.

    `attempt` counts the job's leases, this one included. `expires_at` is ms since the epoch.
    `queue_length` counts the jobs that wait in its queue after this one left. `enqueued_at` is ms
    since the epoch. `cost` and `headers` are as they were enqueued, None if they were not given.
    `due_at` (ms since the epoch) is when the latest delay of the job was to end, None if it had
    none. A Reschedule that gives a time counts as a delay that ends then, or at once, a redrive as
    one that ends at once.
    """

    queue_id: str
    job_id: str
    payload: bytes
    token: str
    attempt: int
    expires_at: int
    requeues_remaining: int
    queue_length: int
    enqueued_at: int
    priority: int = 0
    cost: Mapping[str, int] | None = None
    headers: Mapping[str, str] | None = None
    due_at: int | None = None


class EndedLease(Struct, frozen=True, gc=False):
    """A lease that expired and was ended: its job waits again, or `is_dead`."""

    queue_type: str
    queue_id: str
    job_id: str
    token: str
    is_dead: bool


class Dequeued(Struct, frozen=True, gc=False):
    """What one take got: deliveries in the order in which they were served.

    `now` is the instant of the answer (ms since the epoch, by the store's clock). `next_ready_at`
    says when to come back: None if as many jobs came as were asked for, if they had come before,
    or if nothing is foreseen (see `QueueStore.dequeue`). `ended` are the leases that this take
    found expired. With `is_repeated` the jobs are those of an earlier take with its attempt id.
    """

    jobs: tuple[Delivery, ...]
    now: int
    next_ready_at: int | None = None
    ended: tuple[EndedLease, ...] = ()
    is_repeated: bool = False


class LeaseRef(Struct, frozen=True, gc=False):
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


class FreezeLimit(Struct, frozen=True, gc=False):
    """Freeze a shared limit that a lease was charged to, for at least so many ms from now."""

    name: str
    duration: int

    def __post_init__(self) -> None:
        check_name("freeze", self.name)
        check_duration("freeze", self.duration)


class Finish(Struct, frozen=True, gc=False, tag=True):
    """End a lease, its job done; with a token, keep a receipt of it for `receipt_time` ms.

    `actual` says what the job took, where that is not its cost; what it paid is corrected.
    """

    lease: LeaseRef
    receipt_time: int
    actual: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        if self.actual is not None:
            check_cost("actual", self.actual)


class Release(Struct, frozen=True, gc=False, tag=True):
    """Hand a leased job back: it waits again, or is delayed for `delay` ms. No requeue is spent.

    `freeze` freezes its queue for at least so many ms from now, `freeze_limit` a shared limit.
    """

    lease: LeaseRef
    delay: int = 0
    freeze: int = 0
    freeze_limit: FreezeLimit | None = None

    def __post_init__(self) -> None:
        check_duration("delay", self.delay)
        check_duration("freeze", self.freeze)


class Fail(Struct, frozen=True, gc=False, tag=True):
    """Give up this attempt: one requeue is spent.

    With `dead`, or without a requeue left, the job becomes a dead letter. Else it waits again, or
    is delayed: for `delay` ms, or as its own `requeue_delay` says. `error` tells what went wrong.
    `freeze` freezes its queue for at least so many ms from now, `freeze_limit` a shared limit.
    """

    lease: LeaseRef
    error: str | None = None
    delay: int | None = None
    dead: bool = False
    freeze: int = 0
    freeze_limit: FreezeLimit | None = None

    def __post_init__(self) -> None:
        if self.error is not None and len(self.error) > MAX_ERROR_LENGTH:
            raise invalid("error")
        if self.delay is not None:
            check_duration("delay", self.delay)
        check_duration("freeze", self.freeze)


class Extend(Struct, frozen=True, gc=False, tag=True):
    """Let a lease end `lease_time` ms from now, also if it has expired and still stands."""

    lease: LeaseRef
    lease_time: int

    def __post_init__(self) -> None:
        check_integer("for", self.lease_time, 1, MAX_DURATION)


Settlement: TypeAlias = Finish | Release | Fail | Extend
"""What a worker says of a lease."""


class Extended(Struct, frozen=True, gc=False):
    """A lease that was the caller's ends at `expires_at` (ms since the epoch) from now on."""

    expires_at: int


class Ended(Struct, frozen=True, gc=False):
    """A lease that was the caller's is over. It was held for `held` ms.

    That is 0 where the clock has stepped back behind the delivery.
    """

    held: int


class LeaseOutcome(Enum):
    """What became of a claim to a lease."""

    ENDED = "ended"
    """The lease was the caller's, and an earlier finish that is on record has ended it."""
    STALE = "stale"
    """The job waits, is dead, or is under another lease; nothing was changed."""
    UNKNOWN = "unknown"
    """There is no such job; without a token: no such lease."""
    NOT_CHARGED = "not_charged"
    """The lease was not charged to the limit that was to be frozen; nothing was changed."""
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


Settled: TypeAlias = LeaseOutcome | Ended | Extended
"""What became of a settlement: Extended or Ended where the lease stood, else a LeaseOutcome."""


class Tended(Struct, frozen=True, gc=False):
    """What one `tend` did: the expired leases that it ended, and whether there is more to do."""

    ended: tuple[EndedLease, ...]
    more: bool
