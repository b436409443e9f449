"""Failures: the one table from an error to its status and its word."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from sharq_plug.errors import (
    BrokenQueue,
    DeadJob,
    Forbidden,
    InvalidRequest,
    LeasedJob,
    LimitInUse,
    LimitsSet,
    NoSuchLimit,
    NotCharged,
    Overloaded,
    QueueFull,
    SettingsChanged,
    SharqError,
    StaleLease,
    StoreUnavailable,
    Unauthorized,
    UnknownLimit,
)
from sharq_plug.http.api import answers
from sharq_plug.http.api.replies import Answer, Reply, respond
from sharq_plug.model import masked


class TooLarge(SharqError):
    """A body, or an item of a batch, exceeds the size limit; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("Request body exceeds the size limit")


class Draining(SharqError):
    """The server is stopping: it finishes what it has begun."""

    def __init__(self) -> None:
        super().__init__("The server is stopping.")


class Failure(NamedTuple):
    """How an error is told: its status for HTTP, and its word for programs."""

    status: int
    word: str


FAILURES: Mapping[type[Exception], Failure] = {
    InvalidRequest: Failure(400, "invalid"),
    UnknownLimit: Failure(400, "unknown_limit"),
    NotCharged: Failure(400, "not_charged"),
    Unauthorized: Failure(401, "unauthorized"),
    Forbidden: Failure(403, "forbidden"),
    NoSuchLimit: Failure(404, "unknown_limit"),
    StaleLease: Failure(409, "stale_lease"),
    LeasedJob: Failure(409, "leased"),
    DeadJob: Failure(409, "dead"),
    LimitsSet: Failure(409, "limits_set"),
    LimitInUse: Failure(409, "limit_in_use"),
    SettingsChanged: Failure(412, "settings_changed"),
    TooLarge: Failure(413, "too_large"),
    QueueFull: Failure(429, "queue_full"),
    BrokenQueue: Failure(503, "broken_queue"),
    Draining: Failure(503, "draining"),
    Overloaded: Failure(503, "overloaded"),
    StoreUnavailable: Failure(503, "unavailable"),
}
HTTP_FAILURES: Mapping[int, Failure] = {
    failure.status: failure
    for failure in (
        Failure(400, "invalid"),
        Failure(404, "not_found"),
        Failure(405, "method_not_allowed"),
        Failure(408, "timeout"),
        Failure(413, "too_large"),
        Failure(414, "url_too_long"),
        Failure(417, "expectation_failed"),
        Failure(501, "not_implemented"),
        Failure(503, "unavailable"),
    )
}
"""What the reading of a request, or the finding of its route, can answer."""
INTERNAL = Failure(500, "internal")
BAD_REQUEST = 400
UNAUTHORIZED = 401
CHALLENGE = "Bearer"
"""How to send a key. A Basic challenge would let browsers send a password by themselves."""
RETRIED = frozenset({429, 503})
RETRY_AFTER = "1"
"""Seconds."""


def failure_of(error: Exception) -> Failure:
    """Return how an error is told; INTERNAL unless it is one of ours."""
    kinds = type(error).__mro__
    return next((FAILURES[kind] for kind in kinds if kind in FAILURES), INTERNAL)


def error_answer(error: Exception) -> Answer:
    """Answer an error, as far as it is a client's business."""
    failure = failure_of(error)
    if failure is INTERNAL:
        return failure_answer(INTERNAL, "Internal server error")
    message = error.public if isinstance(error, StoreUnavailable) else str(error)
    if isinstance(error, QueueFull):
        return failure_answer(failure, message, queue_length=error.queue_length)
    return failure_answer(failure, message)


def failure_answer(
    failure: Failure, message: str, *, queue_length: int | UnsetType = UNSET
) -> Answer:
    """Return a failure with a message, which may quote a request that is no Unicode text.

    It quotes no token that stood where none belongs.
    """
    fields = answers.Failure(
        message=masked(message.encode(errors="replace").decode()),
        current_queue_length=queue_length,
        error=failure.word,
    )
    return Answer(failure.status, fields)


def failure_reply(answer: Answer, headers: Mapping[str, str]) -> Reply:
    """Return a failure as a reply, which says when to try again if that may help."""
    if answer.status in RETRIED:
        headers = {**headers, "Retry-After": RETRY_AFTER}
    if answer.status == UNAUTHORIZED:
        headers = {**headers, "WWW-Authenticate": CHALLENGE}
    return respond(answer.status, answer.fields, headers=headers)
