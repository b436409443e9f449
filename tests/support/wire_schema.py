"""The API as its clients see it: request bodies, and for each request the possible answers.

This is a second description of the API, on purpose. It shares nothing with the server, so that
the checks that read it find a mistake in the server's own.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

SHOWN = 200
"""Bytes of an unexpected answer that are quoted."""

Item = TypeVar("Item")
Count: TypeAlias = Annotated[int, Meta(ge=0)]


class UnexpectedAnswer(Exception):
    """An answer that the API does not have."""


class RequeueDelay(msgspec.Struct, frozen=True):
    """How long a job waits after a failed attempt: longer each time, `most` at most."""

    first: int
    factor: int
    most: int


class Deduplicate(msgspec.Struct, frozen=True):
    """A key under which a job is remembered for a time."""

    key: str
    time: int = msgspec.field(name="for")


class NewJobBody(msgspec.Struct, frozen=True):
    """A job to be enqueued; the path of a single enqueue holds the queue."""

    job_id: str
    interval: int
    payload: Raw
    requeue_limit: int = -1
    queue_id: str = ""
    delay: int | UnsetType = UNSET
    at: int | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    ttl: int | UnsetType = UNSET
    requeue_delay: int | RequeueDelay | UnsetType = UNSET
    deduplicate: Deduplicate | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET
    cost: int | dict[str, int] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET


class ClaimBody(msgspec.Struct, frozen=True):
    """A lease to be finished; the path of a single finish holds queue and job."""

    lease: str
    queue_id: str = ""
    job_id: str = ""


class FinishBody(ClaimBody, frozen=True, kw_only=True, omit_defaults=True):
    """A lease to be ended, its job done; `actual` says what the job took."""

    actual: int | dict[str, int] | None = None


class FreezeBody(msgspec.Struct, frozen=True):
    """A shared limit to be frozen for a time."""

    limit: str
    time: int = msgspec.field(name="for")


class ReleaseBody(ClaimBody, frozen=True, kw_only=True, omit_defaults=True):
    """A lease to be handed back."""

    delay: int = 0
    freeze: int | FreezeBody = 0


class FailBody(ClaimBody, frozen=True, kw_only=True, omit_defaults=True):
    """A lease to be given up."""

    error: str | None = None
    delay: int | None = None
    dead: bool = False
    freeze: int | FreezeBody = 0


class ExtendBody(ClaimBody, frozen=True, kw_only=True):
    """A lease to be kept for a time from now."""

    time: int = msgspec.field(name="for")


class DequeueBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a dequeue by POST asks for."""

    count: int | None = None
    wait: int = 0
    attempt_id: str | None = None
    lease_time: int | None = None


class Batch(msgspec.Struct, Generic[Item], frozen=True):
    """The body of a batch."""

    jobs: list[Item]


class Success(msgspec.Struct, frozen=True):
    """It was done."""

    status: Literal["success"]


class Failure(msgspec.Struct, frozen=True):
    """It was not done."""

    status: Literal["failure"]


class Queued(msgspec.Struct, frozen=True):
    """A job waits or is delayed.

    A `duplicate` was there before, or `job_id` was queued with its key.
    """

    status: Literal["queued"]
    duplicate: bool = False
    job_id: str | None = None


class NothingReady(msgspec.Struct, frozen=True):
    """No job is ready. With no further call none will be before `next_ready_at`."""

    status: Literal["failure"]
    next_ready_at: int | None


class DeliveryBody(msgspec.Struct, frozen=True):
    """A job and its lease."""

    queue_id: str
    job_id: str
    payload: Raw
    requeues_remaining: Annotated[int, Meta(ge=-1)]
    current_queue_length: Count
    lease: str
    attempt: Annotated[int, Meta(ge=1)]
    expires_at: int
    enqueued_at: int
    priority: Annotated[int, Meta(ge=0, le=9)] = 0
    cost: dict[str, Count] | None = None
    headers: dict[str, str] | None = None


class OneDelivery(DeliveryBody, frozen=True, kw_only=True):
    """The only job of an answer."""

    status: Literal["success"]


class ManyDeliveries(msgspec.Struct, frozen=True):
    """The jobs of an answer."""

    status: Literal["success"]
    jobs: Annotated[list[DeliveryBody], Meta(min_length=1)]


class EnqueueResultBody(msgspec.Struct, frozen=True):
    """The result for one job of a batch."""

    code: Literal[201, 429]
    status: Literal["queued", "failure"]
    duplicate: bool = False
    job_id: str | None = None


class LeaseResultBody(msgspec.Struct, frozen=True):
    """The result for one lease of a batch."""

    code: Literal[200, 404, 409]
    status: Literal["success", "failure"]


class ExtendResultBody(LeaseResultBody, frozen=True):
    """The result for one lease of a batch, with its new end if it has one."""

    expires_at: int | None = None


class EnqueueResults(msgspec.Struct, frozen=True):
    """The results for the jobs of a batch."""

    status: Literal["success"]
    results: list[EnqueueResultBody]


class LeaseResults(msgspec.Struct, frozen=True):
    """The results for the leases of a batch."""

    status: Literal["success"]
    results: list[LeaseResultBody]


class ExtendResults(msgspec.Struct, frozen=True):
    """The results for the leases of a batch that is to be kept."""

    status: Literal["success"]
    results: list[ExtendResultBody]


class Extended(msgspec.Struct, frozen=True):
    """A lease ends at another time."""

    status: Literal["success"]
    expires_at: int


class QueueIds(msgspec.Struct, frozen=True):
    """The queues of a type."""

    status: Literal["success"]
    queue_ids: list[str]


class QueueMetrics(msgspec.Struct, frozen=True):
    """What there is in a queue."""

    status: Literal["success"]
    queue_length: Count
    delayed: Count
    leased: Count
    dead_letters: Count


class Lengths(msgspec.Struct, frozen=True):
    """How many jobs of each state there are."""

    waiting: Count
    delayed: Count
    leased: Count
    dead: Count


class Cleared(msgspec.Struct, frozen=True):
    """The result of clearing a queue."""

    status: Literal["Success", "Failure"]
    removed: Lengths | None = None


Answers: TypeAlias = Mapping[int, "msgspec.json.Decoder[Any]"]
"""The statuses that a request can get, and what reads the body of each."""


def answers_of(bodies: Mapping[int, type[msgspec.Struct]]) -> Answers:
    """Return what reads the bodies of answers, by their statuses."""
    return {status: msgspec.json.Decoder(body) for status, body in bodies.items()}


ENQUEUE_ONE = answers_of({201: Queued, 429: Failure})
ENQUEUE_MANY = answers_of({200: EnqueueResults})
DEQUEUE_ONE = answers_of({200: OneDelivery, 404: NothingReady})
DEQUEUE_MANY = answers_of({200: ManyDeliveries, 404: NothingReady})
FINISH_ONE = answers_of({200: Success, 404: Failure, 409: Failure})
FINISH_MANY = answers_of({200: LeaseResults})
RELEASE_ONE = FAIL_ONE = FINISH_ONE
RELEASE_MANY = FAIL_MANY = FINISH_MANY
EXTEND_ONE = answers_of({200: Extended, 404: Failure, 409: Failure})
EXTEND_MANY = answers_of({200: ExtendResults})
INTERVAL = answers_of({200: Success, 404: Failure})
TYPE_METRICS = answers_of({200: QueueIds})
QUEUE_METRICS = answers_of({200: QueueMetrics})
CLEAR = answers_of({200: Cleared})


def read(answers: Answers, status: int, body: bytes, *, results: int | None = None) -> Any:
    """Return the body of an answer; with `results`, it must have that many.

    Raises UnexpectedAnswer if it is none of `answers`.
    """
    if status not in answers:
        raise UnexpectedAnswer(f"status {status}: {_quoted(body)}")
    try:
        found = answers[status].decode(body)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"status {status}, {error}: {_quoted(body)}") from error
    if results is not None and len(found.results) != results:
        raise UnexpectedAnswer(f"{len(found.results)} results where {results} belong")
    return found


def _quoted(body: bytes) -> str:
    return body[:SHOWN].decode(errors="replace")
