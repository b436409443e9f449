"""Jobs: what an enqueue brings, and what can be seen of a job."""

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from sharq_plug.errors import InvalidRequest
from sharq_plug.model.limits import Hold, Limit, check_limits, check_uses
from sharq_plug.model.names import (
    MAX_DURATION,
    MAX_INSTANT,
    check_duration,
    check_integer,
    check_interval,
    check_name,
    invalid,
)
from sharq_plug.model.units import check_cost

__all__ = [
    "MAX_FACTOR",
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "MAX_KEY_TIME",
    "MAX_PRIORITY",
    "Absence",
    "DeathReason",
    "Deduplicate",
    "EnqueueOutcome",
    "EnqueueResult",
    "Extras",
    "JobRef",
    "JobState",
    "JobView",
    "NewJob",
    "RequeueDelay",
    "Use",
    "can_carry",
    "check_time",
]


MAX_PRIORITY = 9
MAX_KEY_TIME = 7 * 24 * 3600 * 1000
"""The longest time (ms) for which a deduplication key is remembered."""
MAX_FACTOR = 10
MAX_HEADERS = 32
MAX_HEADER_BYTES = 4096


class RequeueDelay(Struct, frozen=True, gc=False):
    """How long (ms) a job waits after a penalty: an expired lease, or a fail without a delay.

    `first` after the first one, then each time `factor` times as long, `most` at most.
    """

    first: int
    factor: int = 1
    most: int = MAX_DURATION

    def __post_init__(self) -> None:
        check_duration("requeue_delay", self.first)
        check_integer("requeue_delay", self.factor, 1, MAX_FACTOR)
        check_duration("requeue_delay", self.most)

    def after(self, penalties: int) -> int:
        """Return for how long (ms) the job waits after so many penalties, the last one included."""
        growth = min(penalties - 1, MAX_DURATION.bit_length())  # by then, any factor is past `most`
        return min(self.most, self.first * int(self.factor**growth))


class Deduplicate(Struct, frozen=True, gc=False):
    """A key under which a job is remembered for `keep_for` ms from its enqueue."""

    key: str
    keep_for: int

    def __post_init__(self) -> None:
        check_name("deduplicate", self.key)
        check_integer("deduplicate", self.keep_for, 1, MAX_KEY_TIME)


class Use(Struct, frozen=True, gc=False):
    """A shared limit that an enqueue names. With `limits`, it is created if it is missing."""

    name: str
    limits: tuple[Limit, ...] | None = None

    def __post_init__(self) -> None:
        check_name("uses", self.name)
        if self.limits is not None:
            check_limits(self.limits)


class Extras(Struct, frozen=True, gc=False):
    """What few jobs bring.

    The job is delayed until `at` (ms since the epoch), or for `delay` ms from its enqueue. The
    higher its `priority` (0 to 9), the earlier it goes within its queue. Its `ttl` (ms) begins with
    its enqueue, or with the `at` that it was enqueued with; once it has passed, the job is not
    delivered any more. `cost` says how many of each unit it takes; `headers` go to the worker as
    they came. `uses` is brought to the queue: the shared limits that it pays to as well, in the
    order of their names.
    """

    delay: int | None = None
    at: int | None = None
    priority: int = 0
    ttl: int | None = None
    requeue_delay: RequeueDelay | None = None
    deduplicate: Deduplicate | None = None
    cost: Mapping[str, int] | None = None
    headers: Mapping[str, str] | None = None
    uses: tuple[Use, ...] | None = None

    def __post_init__(self) -> None:
        check_time(self.delay, self.at)
        check_integer("priority", self.priority, 0, MAX_PRIORITY)
        if self.ttl is not None:
            check_duration("ttl", self.ttl, 1)
        if self.cost is not None:
            check_cost("cost", self.cost)
        if self.headers is not None and not can_carry(self.headers):
            raise invalid("headers")
        if self.uses is not None:
            check_uses(tuple(use.name for use in self.uses))


def check_time(delay: int | None, at: int | None) -> None:
    """Raise InvalidRequest unless these are valid, and at most one of them is given."""
    if delay is not None:
        check_duration("delay", delay)
    if at is not None:
        check_integer("at", at, 0, MAX_INSTANT)
        if delay is not None:
            raise InvalidRequest("`delay` and `at` exclude each other.")


def can_carry(headers: Mapping[str, str]) -> bool:
    """Return whether a job can carry these headers: they are few and small enough."""
    size = sum(len(text.encode()) for item in headers.items() for text in item)
    return len(headers) <= MAX_HEADERS and size <= MAX_HEADER_BYTES


class NewJob(Struct, frozen=True, gc=False):
    """A job to be put into a queue.

    `payload` is opaque. `interval` (ms, 0 = no limit) is brought to the queue; it may be None where
    the queue has limits from its settings or its type's defaults. `requeue_limit` is
    how often the job may go back after a lease expired, -1 = for ever. With
    `max_queued_length` the job is refused where that many wait already, delayed ones included.
    """

    queue_id: str
    job_id: str
    payload: bytes
    interval: int | None
    requeue_limit: int = -1
    max_queued_length: int | None = None
    extras: Extras | None = None

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_name("job_id", self.job_id)
        if self.interval is not None:
            check_interval(self.interval)
        check_integer("requeue_limit", self.requeue_limit, -1)
        if self.max_queued_length is not None:
            check_integer("max_queued_length", self.max_queued_length, 0)


class EnqueueOutcome(Enum):
    """What became of a new job."""

    QUEUED = "queued"
    DUPLICATE = "duplicate"
    QUEUE_FULL = "queue_full"
    NO_INTERVAL = "no_interval"
    """It brought no interval, and its queue has no limits from settings; nothing was changed."""
    UNKNOWN_LIMIT = "unknown_limit"
    """It names a shared limit that there is not, and brings none; nothing was changed."""
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


class EnqueueResult(Struct, frozen=True, gc=False):
    """The outcome for one new job.

    `queue_length` counts the jobs that waited before it, delayed ones included; None unless the
    job named a `max_queued_length`, or was refused with QUEUE_FULL. `job_id` is that of the job
    which is remembered under the same key, if that made it a duplicate.
    """

    outcome: EnqueueOutcome
    queue_length: int | None = None
    job_id: str | None = None


class JobRef(Struct, frozen=True, gc=False, tag=True):
    """A job by its name."""

    queue_id: str
    job_id: str

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_name("job_id", self.job_id)


class JobState(Enum):
    """Where a job is in its life."""

    WAITING = "waiting"
    DELAYED = "delayed"
    LEASED = "leased"
    DEAD = "dead"


class DeathReason(Enum):
    """Why a job died."""

    REQUEUES_EXHAUSTED = "requeues_exhausted"
    """A lease expired, and no requeue was left."""
    FAILED = "failed"
    """A worker failed it without a requeue left, or with `dead`."""
    EXPIRED = "expired"
    """Its ttl had passed."""


class JobView(Struct, frozen=True, gc=False):
    """What is known of a job.

    `at` is when a delayed job is due, `expires_at` when the lease of a leased one expires, both ms
    since the epoch. `position` says how many jobs of its queue stand before it, if it waits or is
    delayed; `held_by` then names the holds of its queue, and its own delay, and `earliest_at` is
    the instant (ms) before which it does not go, None if only an event can free it (see
    `QueueStore.find`). `last_error` is that of its latest fail. `payload` is None unless it was
    asked for.
    """

    state: JobState
    attempt: int
    requeues_remaining: int
    enqueued_at: int
    priority: int = 0
    at: int | None = None
    expires_at: int | None = None
    position: int | None = None
    last_error: str | None = None
    cost: Mapping[str, int] | None = None
    headers: Mapping[str, str] | None = None
    payload: bytes | None = None
    held_by: tuple[Hold, ...] = ()
    earliest_at: int | None = None


class Absence(Enum):
    """Why there is nothing to tell of a job."""

    UNKNOWN = "unknown"
    BROKEN = "broken"
    """What the store keeps of the queue is damaged."""
