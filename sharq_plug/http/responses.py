"""Responses: what the API answers, as JSON bytes, ready for the wire."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType
from sanic.helpers import STATUS_CODES
from sanic.response import BaseHTTPResponse

from sharq_plug.model import (
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    MinuteCounts,
    QueueMetrics,
)

_encode = msgspec.json.Encoder().encode

Content: TypeAlias = tuple[int, Mapping[str, object]]
"""A status code, and the fields of a body."""

_NO_HEADERS: Mapping[str, str] = {}
_HEADS: Mapping[int, bytes] = {
    status: b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
    % (status, reason)
    for status, reason in STATUS_CODES.items()
}
"""No cache may keep an answer: a dequeue is a GET that changes the store."""


class Response(BaseHTTPResponse):
    """A JSON response that is written in one piece.

    Sanic's own makes its head anew each time, out of a dictionary. With that, sending took a
    quarter of the server's time for a small request, twice what it takes now
    (docs/performance.md). `undelivered` is called if the client is found to have gone without it.
    """

    __slots__ = ("_more_headers", "undelivered")

    body: bytes
    stream: Any
    undelivered: Callable[[], None] | None

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        # The base's own __init__ would make headers and cookies that nobody reads.
        self.asgi = False
        self.stream = None
        self.status = status
        self.body = body
        self._more_headers = headers
        self.undelivered = None

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]  # the base's can be written
        """The headers that Sanic's access log asks for."""
        return {"content-length": str(len(self.body)), **self._more_headers}

    async def send(self, data: Any = None, end_stream: bool | None = None) -> None:  # noqa: ARG002, FBT001
        """Write it; Sanic calls this once."""
        try:
            await self.stream.answer(self)
        finally:
            # Sanic's objects refer to each other, and may wait long for the garbage collector.
            self.body = self.stream.request.body = b""
            self.undelivered = None

    def as_bytes(self, *, keep_alive: bool, head_only: bool = False) -> bytes:
        """Return what goes over the wire."""
        head = b"%bDate: %b\r\nContent-Length: %d\r\nConnection: %b\r\n" % (
            _HEADS[self.status],
            _date(int(time.time())),
            len(self.body),
            b"keep-alive" if keep_alive else b"close",
        )
        for name, value in self._more_headers.items():
            head += f"{name}: {value}\r\n".encode()
        return head + b"\r\n" if head_only else head + b"\r\n" + self.body


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """Return a time in the form of RFC 9110, section 5.6.7."""
    return formatdate(second, usegmt=True).encode()


class LeasedJobBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker gets: SharQ's fields, then the lease. Times are ms since the epoch.

    Within a list, `status` is not repeated.
    """

    status: str | UnsetType = UNSET
    queue_id: str
    job_id: str
    payload: Raw
    requeues_remaining: int
    current_queue_length: int
    lease: str
    attempt: int
    expires_at: int


def respond(status: int, content: object, *, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """Return a response whose body is `content` as JSON."""
    return Response(status, _encode(content), headers)


def success(**fields: object) -> Response:
    """Return 200 with a `status` of success and these fields."""
    return respond(200, {"status": "success", **fields})


def failure(
    status: int,
    message: str | None = None,
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    **fields: object,
) -> Response:
    """Return a `status` of failure, with the message, if any, and these fields."""
    said = {} if message is None else {"message": message}
    return respond(status, {"status": "failure", **said, **fields}, headers=headers)


def leased_job(job: LeasedJob) -> Response:
    """Return 200 with a job and its lease, the payload as it came."""
    return respond(200, _leased_job(job, "success"))


def leased_jobs(jobs: Sequence[LeasedJob]) -> Response:
    """Return 200 with jobs and their leases."""
    return success(jobs=[_leased_job(job, UNSET) for job in jobs])


def no_job(dequeued: Dequeued) -> Response:
    """Return 404 that says when it is worth asking again, if that is known."""
    ready_at = dequeued.next_ready_at
    if ready_at is None:
        return failure(404, next_ready_at=None)
    seconds = max(1, math.ceil((ready_at - dequeued.now) / 1000))
    return failure(404, next_ready_at=ready_at, headers={"Retry-After": str(seconds)})


def queued(result: EnqueueResult) -> Content:
    """Say that a job is in its queue."""
    fields: dict[str, object] = {"status": "queued"}
    if result.outcome is EnqueueOutcome.DUPLICATE:
        fields["duplicate"] = True
    if result.queue_length is not None:
        fields["current_queue_length"] = result.queue_length
    return 201, fields


def finished(ended: bool) -> Content:  # noqa: FBT001  # it is all there is to say
    """Say whether there was a lease to end."""
    return (200, {"status": "success"}) if ended else (404, {"status": "failure"})


def results(contents: Iterable[Content]) -> Response:
    """Return 200 with what each item of a batch would have been answered by itself."""
    return success(results=[{**fields, "code": status} for status, fields in contents])


def _leased_job(job: LeasedJob, status: str | UnsetType) -> LeasedJobBody:
    return LeasedJobBody(
        status=status,
        queue_id=job.queue_id,
        job_id=job.job_id,
        payload=Raw(job.payload),
        requeues_remaining=job.requeues_remaining,
        current_queue_length=job.queue_length,
        lease=job.token,
        attempt=job.attempt,
        expires_at=job.expires_at,
    )


def queue_metrics(metrics: QueueMetrics) -> Response:
    """Return 200 with what there is in a queue, and its counts."""
    return success(
        queue_length=metrics.waiting,
        leased=metrics.leased,
        dead_letters=metrics.dead,
        **count_fields(metrics.counts),
    )


def count_fields(counts: MinuteCounts) -> dict[str, object]:
    """Return the fields in which SharQ gives its minute counts."""
    return {"enqueue_counts": counts.enqueues, "dequeue_counts": counts.dequeues}
