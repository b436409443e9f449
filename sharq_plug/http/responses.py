"""Responses: what the API answers, as JSON bytes."""

import msgspec
from msgspec import Raw
from sanic import HTTPResponse

from sharq_plug.model import LeasedJob, MinuteCounts, QueueMetrics

_encode = msgspec.json.Encoder().encode


class LeasedJobBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker gets: SharQ's fields, then the lease. Times are ms since the epoch."""

    status: str = "success"
    queue_id: str
    job_id: str
    payload: Raw
    requeues_remaining: int
    current_queue_length: int
    lease: str
    attempt: int
    expires_at: int


def respond(status: int, content: object, *, headers: dict[str, str] | None = None) -> HTTPResponse:
    """Return a response whose body is `content` as JSON."""
    return _from_bytes(status, _encode(content), headers)


def success(**fields: object) -> HTTPResponse:
    """Return 200 with a `status` of success and these fields."""
    return respond(200, {"status": "success", **fields})


def failure(
    status: int,
    message: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    **fields: object,
) -> HTTPResponse:
    """Return a `status` of failure, with the message, if any, and these fields."""
    said = {} if message is None else {"message": message}
    return respond(status, {"status": "failure", **said, **fields}, headers=headers)


def leased_job(job: LeasedJob) -> HTTPResponse:
    """Return 200 with a job and its lease, the payload as it came."""
    return respond(
        200,
        LeasedJobBody(
            queue_id=job.queue_id,
            job_id=job.job_id,
            payload=Raw(job.payload),
            requeues_remaining=job.requeues_remaining,
            current_queue_length=job.queue_length,
            lease=job.token,
            attempt=job.attempt,
            expires_at=job.expires_at,
        ),
    )


def queue_metrics(metrics: QueueMetrics) -> HTTPResponse:
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


def _from_bytes(status: int, body: bytes, headers: dict[str, str] | None) -> HTTPResponse:
    """Make every response of the server: this is the only place that does."""
    return HTTPResponse(body, status, headers, "application/json")
