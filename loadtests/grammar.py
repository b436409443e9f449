"""What a server may answer: for each request the statuses, and for each status the body."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw

SHOWN = 200
"""Bytes of a strange answer that are quoted."""

Count: TypeAlias = Annotated[int, Meta(ge=0)]


class OutsideGrammar(Exception):
    """An answer that no request can get."""


class Success(msgspec.Struct, frozen=True):
    """It was done."""

    status: Literal["success"]


class Failure(msgspec.Struct, frozen=True):
    """It was not done."""

    status: Literal["failure"]


class Queued(msgspec.Struct, frozen=True):
    """A job waits."""

    status: Literal["queued"]


class NothingReady(msgspec.Struct, frozen=True):
    """No job is ready, nor will one be before `next_ready_at`, if nobody does anything."""

    status: Literal["failure"]
    next_ready_at: int | None


class LeasedJob(msgspec.Struct, frozen=True):
    """A job and its lease."""

    queue_id: str
    job_id: str
    payload: Raw
    requeues_remaining: Annotated[int, Meta(ge=-1)]
    current_queue_length: Count
    lease: str
    attempt: Annotated[int, Meta(ge=1)]
    expires_at: int


class OneLeased(LeasedJob, frozen=True):
    """The only job of an answer."""

    status: Literal["success"]


class ManyLeased(msgspec.Struct, frozen=True):
    """The jobs of an answer."""

    status: Literal["success"]
    jobs: Annotated[list[LeasedJob], Meta(min_length=1)]


class EnqueueResult(msgspec.Struct, frozen=True):
    """What became of one job of many."""

    code: Literal[201, 429]
    status: Literal["queued", "failure"]


class FinishResult(msgspec.Struct, frozen=True):
    """What became of one lease of many."""

    code: Literal[200, 404, 409]
    status: Literal["success", "failure"]


class EnqueueResults(msgspec.Struct, frozen=True):
    """What became of many jobs."""

    status: Literal["success"]
    results: list[EnqueueResult]


class FinishResults(msgspec.Struct, frozen=True):
    """What became of many leases."""

    status: Literal["success"]
    results: list[FinishResult]


class QueueIds(msgspec.Struct, frozen=True):
    """The queues of a type."""

    status: Literal["success"]
    queue_ids: list[str]


class QueueMetrics(msgspec.Struct, frozen=True):
    """What there is in a queue."""

    status: Literal["success"]
    queue_length: Count
    leased: Count


class Cleared(msgspec.Struct, frozen=True):
    """What came of a clearing."""

    status: Literal["Success", "Failure"]


Grammar: TypeAlias = Mapping[int, "msgspec.json.Decoder[Any]"]


def _grammar(bodies: Mapping[int, type[msgspec.Struct]]) -> Grammar:
    return {status: msgspec.json.Decoder(body) for status, body in bodies.items()}


ENQUEUE_ONE = _grammar({201: Queued, 429: Failure})
ENQUEUE_MANY = _grammar({200: EnqueueResults})
DEQUEUE_ONE = _grammar({200: OneLeased, 404: NothingReady})
DEQUEUE_MANY = _grammar({200: ManyLeased, 404: NothingReady})
FINISH_ONE = _grammar({200: Success, 404: Failure, 409: Failure})
FINISH_MANY = _grammar({200: FinishResults})
INTERVAL = _grammar({200: Success, 404: Failure})
TYPE_METRICS = _grammar({200: QueueIds})
QUEUE_METRICS = _grammar({200: QueueMetrics})
CLEAR = _grammar({200: Cleared})


def read(grammar: Grammar, status: int, body: bytes, *, results: int | None = None) -> Any:
    """Return the body of an answer, with so many results if it must have any.

    Raises OutsideGrammar if it is none of the grammar's.
    """
    if status not in grammar:
        raise OutsideGrammar(f"status {status}: {_quoted(body)}")
    try:
        found = grammar[status].decode(body)
    except msgspec.MsgspecError as error:
        raise OutsideGrammar(f"status {status}, {error}: {_quoted(body)}") from error
    if results is not None and len(found.results) != results:
        raise OutsideGrammar(f"{len(found.results)} results where {results} belong")
    return found


def _quoted(body: bytes) -> str:
    return body[:SHOWN].decode(errors="replace")
