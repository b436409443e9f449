"""What the API answers: a structure for each body. Replies and the description are made of them.

A field that is UNSET is left out. The `status` of an answer is its tag.
"""

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct, UnsetType

from sharq_plug.http.api.fields import (
    Costs,
    Instant,
    JobId,
    NextCursor,
    Number,
    Payload,
    Priority,
    QueueId,
    RequeueLimit,
)
from sharq_plug.model import (
    Scope,
)


class Success(Struct, frozen=True, tag_field="status", tag="success"):
    """It was done."""


class Failure(Struct, frozen=True, kw_only=True, tag_field="status", tag="failure"):
    """It was not done. `message` is for people, `error` is a word for programs."""

    message: str
    current_queue_length: Number | UnsetType = UNSET
    error: str


class NotFound(Struct, frozen=True, tag_field="status", tag="failure"):
    """There is no such job, lease or queue."""


class Greeting(Struct, frozen=True):
    """A greeting."""

    message: str


# Of producers and workers.


class Queued(Struct, frozen=True, tag_field="status", tag="queued"):
    """The job is queued.

    It is a duplicate if it was there before, or if `job_id` was queued with the same key.
    `current_queue_length` says how many jobs waited before, if the job brought a
    `max_queued_length`.
    """

    duplicate: bool | UnsetType = UNSET
    current_queue_length: Number | UnsetType = UNSET
    job_id: str | UnsetType = UNSET


class DeliveryBody(Struct, frozen=True, omit_defaults=True):
    """A job and its lease.

    `priority`, `cost` and `headers` are shown where they are not the default.
    `current_queue_length` says how many jobs wait after this one left.
    """

    queue_id: QueueId
    job_id: JobId
    payload: Payload
    requeues_remaining: RequeueLimit
    current_queue_length: Number
    lease: str
    attempt: Number
    expires_at: Instant
    enqueued_at: Instant
    priority: Priority = 0
    cost: Costs | None = None
    headers: Mapping[str, str] | None = None


class Delivered(DeliveryBody, frozen=True, tag_field="status", tag="success"):
    """A job and its lease, alone."""


class Deliveries(Success, frozen=True):
    """Jobs and their leases."""

    jobs: Sequence[DeliveryBody]


class NothingReady(Struct, frozen=True, tag_field="status", tag="failure"):
    """No job is ready.

    If nothing else happens none will be before `next_ready_at`; null if nothing is foreseen.
    """

    next_ready_at: Instant | None


class LeaseExtended(Success, frozen=True):
    """The lease ends at another time."""

    expires_at: Instant


# Of what operators change.


class LettersMoved(Success, frozen=True, kw_only=True):
    """What became of dead letters: how many were left, by why, and where to go on."""

    duplicates: Number | UnsetType = UNSET
    unknown: Number | UnsetType = UNSET
    broken: Number | UnsetType = UNSET
    more: bool
    cursor: NextCursor | None


class Redriven(LettersMoved, frozen=True):
    """How many dead letters wait again, and how many others were left, by why."""

    redriven: Number


class Discarded(LettersMoved, frozen=True):
    """How many dead letters were removed, and how many others were left, by why."""

    discarded: Number


class Lengths(Struct, frozen=True):
    """How many jobs were removed, by the state in which they were."""

    waiting: Number
    delayed: Number
    leased: Number
    dead: Number


class QueueCleared(Struct, frozen=True, tag_field="status", tag="Success"):
    """What was removed from a queue."""

    message: str
    removed: Lengths


class NothingCleared(Struct, frozen=True, tag_field="status", tag="Failure"):
    """There was nothing to remove."""

    message: str
    error: str


class TypeCleared(Success, frozen=True):
    """What was removed from a type by one request."""

    removed: Lengths
    more: bool
    cursor: NextCursor | None


# Of the server itself.


class Readiness(Success, frozen=True):
    """The server can be sent requests; in detail: what serves, what is weak, and what is wrong."""

    version: str | UnsetType = UNSET
    backend: str | UnsetType = UNSET
    weaknesses: Sequence[str] | UnsetType = UNSET
    problems: Sequence[str] | UnsetType = UNSET


class SessionBegun(Success, frozen=True):
    """A session has begun, which lasts for `expires_in` seconds."""

    key_id: str
    scopes: Sequence[Scope]
    expires_in: Number


class Scaling(Success, frozen=True):
    """How many queues may go, how many jobs are leased, and how late the first queue is, in ms."""

    ready_queues: Number
    leased: Number
    overdue_ms: Number
