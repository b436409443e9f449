"""What operators are shown: a structure for each body, as in `answers`.

What a look shows alone and a listing among others has its fields in a base, whose name ends in
`Shown`. These are keyword-only, so that the name that an item of a listing has comes first.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from sharq_plug.http.api.answers import Success
from sharq_plug.http.api.fields import (
    Attempt,
    Costs,
    DeadLetters,
    Delayed,
    EarliestAt,
    FrozenUntil,
    Instant,
    JobId,
    Leased,
    LimitName,
    MinuteCounts,
    NextCursor,
    NextReadyAt,
    Number,
    Payload,
    Pending,
    Position,
    Priority,
    QueueId,
    QueueType,
    ReadySince,
    RequeueLimit,
    Unit,
    Waiting,
)
from sharq_plug.model import DeathReason, HoldKind, JobState, Limit, Settings, Totals


class HoldShown(Struct, frozen=True, kw_only=True):
    """A reason why there is no dequeue now.

    `until` is null if only an event ends it. `of` says whether the queue is held or its type; a
    shared limit has a `name` instead.
    """

    hold: HoldKind
    name: LimitName | UnsetType = UNSET
    until: Instant | None
    unit: Unit | UnsetType = UNSET
    of: Literal["queue", "type"] | UnsetType = UNSET


class InEffect(Struct, frozen=True):
    """What holds for a queue, whatever it follows from."""

    limits: tuple[Limit, ...] = ()
    concurrency: int | None = None
    weight: int = 1
    max_length: int | None = None
    uses: tuple[str, ...] = ()


class QueueShown(Struct, frozen=True, kw_only=True):
    """What there is in a queue; `broken` if its data in the store is damaged."""

    waiting: Waiting
    delayed: Delayed
    leased: Leased
    dead: DeadLetters
    ready_since: ReadySince | None
    next_ready_at: NextReadyAt | None
    broken: bool | UnsetType = UNSET


class QueueItem(QueueShown, frozen=True):
    """A queue in a listing; `broken` if its data in the store is damaged."""

    queue_id: QueueId


class QueueLook(QueueShown, frozen=True, kw_only=True, tag_field="status", tag="success"):
    """What there is in a queue, what is set for it, why it waits, and its counts."""

    settings: Settings
    in_effect: InEffect
    pending: Pending
    held_by: Sequence[HoldShown]
    frozen_until: FrozenUntil | None
    enqueue_counts: MinuteCounts
    dequeue_counts: MinuteCounts


class TypeShown(Struct, frozen=True, kw_only=True):
    """What there is in a queue type."""

    waiting: Waiting
    delayed: Delayed
    leased: Leased
    dead: DeadLetters
    queues: Number
    ready_queues: Number
    ready_since: ReadySince | None
    next_ready_at: NextReadyAt | None


class TypeItem(TypeShown, frozen=True):
    """A queue type in a listing."""

    queue_type: QueueType


class TypeLook(TypeShown, frozen=True, kw_only=True, tag_field="status", tag="success"):
    """What there is in a type, what is set for it, why it waits, and what was counted."""

    settings: Settings
    defaults: Settings
    held_by: Sequence[HoldShown]
    frozen_until: FrozenUntil | None
    totals: Totals
    enqueue_counts: MinuteCounts
    dequeue_counts: MinuteCounts


class RemainingShown(Struct, frozen=True):
    """What an upstream says is left of a unit, and until when."""

    remaining: Number
    until: Instant
    unit: Unit


class LimitShown(Struct, frozen=True, kw_only=True):
    """What there is of a shared limit. `owed` is what it is owed by each limit, in units."""

    settings: Settings
    held_by: Sequence[HoldShown]
    frozen_until: FrozenUntil | None
    owed: Sequence[Number]
    opens_at: Instant | None
    leased: Leased
    queues: Number
    remaining: Sequence[RemainingShown]
    now: Instant


class LimitItem(LimitShown, frozen=True):
    """A shared limit in a listing. `owed` is what it is owed by each of its limits, in units."""

    name: LimitName


class LimitLook(LimitShown, frozen=True, tag_field="status", tag="success"):
    """What there is of a shared limit. `owed` is what it is owed by each limit, in units."""


class JobShown(Struct, frozen=True, kw_only=True):
    """What is known of a job. `position` says how many jobs of its queue stand before it."""

    state: JobState
    priority: Priority
    attempt: Attempt
    requeues_remaining: RequeueLimit
    enqueued_at: Instant
    at: Instant | None
    expires_at: Instant | None
    last_error: str | None
    headers: Mapping[str, str]
    cost: Costs
    position: Position | UnsetType = UNSET
    payload: Payload | UnsetType = UNSET


class JobItem(JobShown, frozen=True):
    """A job in a listing. `position` says how many jobs of its queue stand before it."""

    job_id: JobId


class JobLook(JobShown, frozen=True, kw_only=True, tag_field="status", tag="success"):
    """What is known of a job.

    One that waits or is delayed has a `position`, and says what holds it and when it goes at the
    earliest.
    """

    held_by: Sequence[HoldShown] | UnsetType = UNSET
    earliest_at: EarliestAt | UnsetType | None = UNSET


class LetterItem(Struct, frozen=True):
    """A dead letter in a listing. Its number is unique in its queue type."""

    number: Number
    queue_id: QueueId
    job_id: JobId
    reason: DeathReason
    last_error: str | None
    attempts: Attempt
    enqueued_at: Instant
    died_at: Instant
    priority: Priority
    headers: Mapping[str, str]
    cost: Costs
    payload: Payload | UnsetType = UNSET


class TypePage(Success, frozen=True):
    """A page of queue types."""

    types: Sequence[TypeItem]
    cursor: NextCursor | None


class QueuePage(Success, frozen=True):
    """A page of queues."""

    queues: Sequence[QueueItem]
    cursor: NextCursor | None


class LimitPage(Success, frozen=True):
    """A page of shared limits."""

    limits: Sequence[LimitItem]
    cursor: NextCursor | None


class JobPage(Success, frozen=True):
    """A page of jobs."""

    jobs: Sequence[JobItem]
    cursor: NextCursor | None


class LetterPage(Success, frozen=True):
    """A page of dead letters."""

    letters: Sequence[LetterItem]
    cursor: NextCursor | None


class Counted(Success, frozen=True):
    """The names of all queue types, and the counts of everything."""

    queue_types: Sequence[str]
    enqueue_counts: MinuteCounts
    dequeue_counts: MinuteCounts


class TypeCounted(Success, frozen=True):
    """The ids of all queues of a type, and its counts."""

    queue_ids: Sequence[str]
    enqueue_counts: MinuteCounts
    dequeue_counts: MinuteCounts


class QueueCounted(Success, frozen=True):
    """How many jobs of a queue there are, and its counts."""

    queue_length: Waiting
    delayed: Delayed
    leased: Leased
    dead_letters: DeadLetters
    enqueue_counts: MinuteCounts
    dequeue_counts: MinuteCounts
