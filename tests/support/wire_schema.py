"""The API as its clients see it: request bodies, and for each request the possible answers.

This is a second description of the API, on purpose. It shares nothing with the server, so that
the checks that read it find a mistake in the server's own.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Raw

SHOWN = 200
"""Bytes of an unexpected answer that are quoted."""

Item = TypeVar("Item")
Count: TypeAlias = Annotated[int, Meta(ge=0)]


class UnexpectedAnswer(Exception):
    """An answer that the API does not have."""


class NewJobBody(msgspec.Struct, frozen=True):
    """A job to be enqueued; the path of a single enqueue holds the queue."""

    job_id: str
    interval: int
    payload: Raw
    requeue_limit: int = -1
    queue_id: str = ""


class ClaimBody(msgspec.Struct, frozen=True):
    """A lease to be finished; the path of a single finish holds queue and job."""

    lease: str
    queue_id: str = ""
    job_id: str = ""


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
    """A job waits. A `duplicate` waited or was leased before."""

    status: Literal["queued"]
    duplicate: bool = False


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


class OneDelivery(DeliveryBody, frozen=True):
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


class FinishResultBody(msgspec.Struct, frozen=True):
    """The result for one lease of a batch."""

    code: Literal[200, 404, 409]
    status: Literal["success", "failure"]


class EnqueueResults(msgspec.Struct, frozen=True):
    """The results for the jobs of a batch."""

    status: Literal["success"]
    results: list[EnqueueResultBody]


class FinishResults(msgspec.Struct, frozen=True):
    """The results for the leases of a batch."""

    status: Literal["success"]
    results: list[FinishResultBody]


class QueueIds(msgspec.Struct, frozen=True):
    """The queues of a type."""

    status: Literal["success"]
    queue_ids: list[str]


class QueueMetrics(msgspec.Struct, frozen=True):
    """What there is in a queue."""

    status: Literal["success"]
    queue_length: Count
    leased: Count
    dead_letters: Count


class Cleared(msgspec.Struct, frozen=True):
    """The result of clearing a queue."""

    status: Literal["Success", "Failure"]


Answers: TypeAlias = Mapping[int, "msgspec.json.Decoder[Any]"]
"""The statuses that a request can get, and what reads the body of each."""


def _answers(bodies: Mapping[int, type[msgspec.Struct]]) -> Answers:
    return {status: msgspec.json.Decoder(body) for status, body in bodies.items()}


ENQUEUE_ONE = _answers({201: Queued, 429: Failure})
ENQUEUE_MANY = _answers({200: EnqueueResults})
DEQUEUE_ONE = _answers({200: OneDelivery, 404: NothingReady})
DEQUEUE_MANY = _answers({200: ManyDeliveries, 404: NothingReady})
FINISH_ONE = _answers({200: Success, 404: Failure, 409: Failure})
FINISH_MANY = _answers({200: FinishResults})
INTERVAL = _answers({200: Success, 404: Failure})
TYPE_METRICS = _answers({200: QueueIds})
QUEUE_METRICS = _answers({200: QueueMetrics})
CLEAR = _answers({200: Cleared})


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
