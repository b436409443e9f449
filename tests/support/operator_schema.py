"""The answers to what operators ask: the second half of `wire_schema`."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw

from support.settings_schema import Hold, InEffect, Settings
from support.wire_schema import Count, Failure, Lengths, Success, answers_of


class ClearedType(msgspec.Struct, frozen=True):
    """The result of clearing a type; `cursor` leads to what is left."""

    status: Literal["success"]
    removed: Lengths
    more: bool
    cursor: str | None


class QueueShown(Lengths, frozen=True, kw_only=True):
    """A queue in a look or a listing."""

    ready_since: int | None
    next_ready_at: int | None
    broken: bool = False


class TypeShown(Lengths, frozen=True, kw_only=True):
    """A type in a look or a listing."""

    queues: Count
    ready_queues: Count
    ready_since: int | None
    next_ready_at: int | None


class QueueLook(QueueShown, frozen=True, kw_only=True):
    """What there is in a queue, its settings, and its counts."""

    status: Literal["success"]
    settings: Settings
    in_effect: InEffect
    pending: bool
    held_by: list[Hold]
    frozen_until: int | None
    enqueue_counts: dict[str, Count]
    dequeue_counts: dict[str, Count]


class TypeLook(TypeShown, frozen=True, kw_only=True):
    """What there is in a type, its settings, and what was counted of it."""

    status: Literal["success"]
    settings: Settings
    defaults: Settings
    held_by: list[Hold]
    frozen_until: int | None
    totals: dict[str, Count]
    enqueue_counts: dict[str, Count]
    dequeue_counts: dict[str, Count]


class QueueItem(QueueShown, frozen=True, kw_only=True):
    """A queue in a listing."""

    queue_id: str


class TypeItem(TypeShown, frozen=True, kw_only=True):
    """A type in a listing."""

    queue_type: str


class Remaining(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an upstream says is left of a shared limit."""

    remaining: Count
    until: int
    unit: str


class LimitShown(msgspec.Struct, frozen=True, kw_only=True):
    """A shared limit in a look or a listing."""

    settings: Settings
    held_by: list[Hold]
    frozen_until: int | None
    owed: list[Count]
    opens_at: int | None
    leased: Count
    queues: Count
    remaining: list[Remaining]
    now: int


class LimitLook(LimitShown, frozen=True, kw_only=True):
    """What there is of a shared limit."""

    status: Literal["success"]


class LimitItem(LimitShown, frozen=True, kw_only=True):
    """A shared limit in a listing."""

    name: str


class JobItem(msgspec.Struct, frozen=True):
    """A job in a listing."""

    job_id: str
    state: Literal["waiting", "delayed", "leased", "dead"]
    attempt: Count
    requeues_remaining: Annotated[int, Meta(ge=-1)]
    enqueued_at: int


class LetterItem(msgspec.Struct, frozen=True):
    """A dead letter in a listing."""

    number: Annotated[int, Meta(ge=1)]
    queue_id: str
    job_id: str
    reason: Literal["requeues_exhausted", "failed", "expired"]
    last_error: str | None
    attempts: Count
    enqueued_at: int
    died_at: int
    payload: Raw


class TypePage(msgspec.Struct, frozen=True):
    """A page of types."""

    status: Literal["success"]
    types: list[TypeItem]
    cursor: str | None


class QueuePage(msgspec.Struct, frozen=True):
    """A page of queues."""

    status: Literal["success"]
    queues: list[QueueItem]
    cursor: str | None


class LimitPage(msgspec.Struct, frozen=True):
    """A page of shared limits."""

    status: Literal["success"]
    limits: list[LimitItem]
    cursor: str | None


class JobPage(msgspec.Struct, frozen=True):
    """A page of jobs."""

    status: Literal["success"]
    jobs: list[JobItem]
    cursor: str | None


class LetterPage(msgspec.Struct, frozen=True):
    """A page of dead letters."""

    status: Literal["success"]
    letters: list[LetterItem]
    cursor: str | None


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a redrive or a discard did; `cursor` leads to what is left."""

    status: Literal["success"]
    more: bool
    cursor: str | None
    duplicates: Count = 0
    unknown: Count = 0
    broken: Count = 0


class Redriven(Moved, frozen=True, kw_only=True):
    """What a redrive did."""

    redriven: Count


class Discarded(Moved, frozen=True, kw_only=True):
    """What a discard did."""

    discarded: Count


class UnknownLimit(Failure, frozen=True):
    """A shared limit that a change names does not exist."""

    error: Literal["unknown_limit"]


CLEAR_TYPE = answers_of({200: ClearedType})
QUEUE = answers_of({200: QueueLook})
TYPE = answers_of({200: TypeLook})
CHANGED_QUEUE = answers_of({200: QueueLook, 400: UnknownLimit})
CHANGED_TYPE = answers_of({200: TypeLook, 400: UnknownLimit})
TYPES = answers_of({200: TypePage})
QUEUES = answers_of({200: QueuePage})
LIMIT = answers_of({200: LimitLook, 404: Failure})
LIMITS = answers_of({200: LimitPage})
DROP_LIMIT = answers_of({200: Success, 404: Failure, 409: Failure})
JOBS = answers_of({200: JobPage})
LETTERS = answers_of({200: LetterPage})
REDRIVE = answers_of({200: Redriven})
DISCARD = answers_of({200: Discarded})
