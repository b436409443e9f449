"""Replies: what the API answers, as a status, headers and the bytes of a body."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct

from sharq_plug.http.api.answers import (
    Delivered,
    Deliveries,
    DeliveryBody,
    LeaseExtended,
    NotFound,
    NothingReady,
    Queued,
    Success,
)
from sharq_plug.model import (
    Delivery,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    Extended,
)

encode: Final = msgspec.json.Encoder().encode

JSON = "application/json"
NOT_MODIFIED = 304
"""A reply with this status is sent without its body."""
_NO_HEADERS: Mapping[str, str] = {}


class Reply:
    """A whole reply, ready to be written. `undelivered` is called if its client never got it.

    `job` is one that has a `queue_id` and a `job_id` which the path does not tell, for logs.
    """

    __slots__ = ("body", "content_type", "headers", "job", "status", "undelivered")

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] = _NO_HEADERS,
        *,
        content_type: str = JSON,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.content_type = content_type
        self.undelivered: Callable[[], None] | None = None
        self.job: object = None


class Answer:
    """A status and the fields of a JSON body: of a single reply, or of one result in a batch.

    It keeps its encoded forms, so that an answer that many requests get is encoded once.
    """

    __slots__ = ("_body", "_result", "fields", "status")

    def __init__(self, status: int, fields: Struct) -> None:
        self.status = status
        self.fields = fields
        self._body: bytes | None = None
        self._result: bytes | None = None

    def reply(self) -> Reply:
        """Return the answer by itself."""
        if self._body is None:
            self._body = encode(self.fields)
        return Reply(self.status, self._body)

    def result(self) -> bytes:
        """Return the answer as one of the results of a batch, where `code` is its status."""
        if self._result is None:
            self._result = b'%b,"code":%d}' % (encode(self.fields)[:-1], self.status)
        return self._result


QUEUED = Answer(201, Queued())
SUCCEEDED = Answer(200, Success())
NOT_FOUND = Answer(404, NotFound())
"""SharQ's 404, which has no message."""


def respond(status: int, fields: Struct, *, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Return a reply whose body is JSON with these fields."""
    return Reply(status, encode(fields), headers)


def success(fields: Struct) -> Reply:
    """Return 200 with these fields."""
    return Reply(200, encode(fields))


def results_reply(answers: Iterable[Answer]) -> Reply:
    """Return 200 with what each item of a batch would have been answered by itself."""
    listed = b",".join([answer.result() for answer in answers])
    return Reply(200, b'{"status":"success","results":[%b]}' % listed)


def enqueue_answer(result: EnqueueResult) -> Answer:
    """Answer an enqueue."""
    is_duplicate = result.outcome is EnqueueOutcome.DUPLICATE
    if not is_duplicate and result.queue_length is None:
        return QUEUED
    fields = Queued(
        duplicate=True if is_duplicate else UNSET,
        current_queue_length=UNSET if result.queue_length is None else result.queue_length,
        job_id=UNSET if result.job_id is None else result.job_id,
    )
    return Answer(201, fields)


def existence_answer(is_found: bool) -> Answer:  # noqa: FBT001  # it is all there is to say
    """Answer a verb on something that exists, or does not."""
    return SUCCEEDED if is_found else NOT_FOUND


def settled_answer(outcome: bool | Extended) -> Answer:  # noqa: FBT001  # as `existence_answer`
    """Answer a verb on a lease."""
    if isinstance(outcome, Extended):
        return Answer(200, LeaseExtended(outcome.expires_at))
    return existence_answer(outcome)


def delivery_reply(job: Delivery) -> Reply:
    """Return 200 with a job and its lease, the payload as it came."""
    return Reply(200, encode(_delivery(job, Delivered)))


def deliveries_reply(jobs: Sequence[Delivery]) -> Reply:
    """Return 200 with jobs and their leases."""
    return success(Deliveries(list(map(_delivery, jobs))))


def no_job_reply(dequeued: Dequeued) -> Reply:
    """Return 404 that says when to ask again, if that is known."""
    ready_at = dequeued.next_ready_at
    fields = NothingReady(ready_at)
    if ready_at is None:
        return respond(404, fields)
    seconds = max(0, math.ceil((ready_at - dequeued.now) / 1000))
    return respond(404, fields, headers={"Retry-After": str(seconds)})


def _delivery(job: Delivery, kind: type[DeliveryBody] = DeliveryBody) -> DeliveryBody:
    return kind(  # by position, which takes half the time
        job.queue_id,
        job.job_id,
        Raw(job.payload),
        job.requeues_remaining,
        job.queue_length,
        job.token,
        job.attempt,
        job.expires_at,
        job.enqueued_at,
        job.priority,
        job.cost,
        job.headers,
    )
