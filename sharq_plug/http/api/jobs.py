"""What `/job/` serves: one job by its name, looked at, cancelled, or given another time."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.api.queries import decode_flag
from sharq_plug.http.api.replies import NOT_FOUND, Reply, existence_answer, success
from sharq_plug.http.api.request import Request
from sharq_plug.model import JOB_UNIT, Cancel, JobRef, JobView, Reschedule
from sharq_plug.service import QueueService


class JobPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of a job. Null takes a field back: no priority, due now."""

    priority: int | UnsetType | None = UNSET
    delay: int | UnsetType | None = UNSET
    at: int | UnsetType | None = UNSET


async def show_job(request: Request, queue_type: str, queue_id: str, job_id: str) -> Reply:
    """Return what is known of a job, with `?payload=1` its payload too."""
    shows_payload = decode_flag(request.query_string, "payload")
    [found] = await request.service.find(
        queue_type, [JobRef(queue_id, job_id)], payloads=shows_payload
    )
    if isinstance(found, SharqError):
        raise found
    return NOT_FOUND.reply() if found is None else success(**_fields(found))


async def cancel_job(request: Request, queue_type: str, queue_id: str, job_id: str) -> Reply:
    """Remove a job, with `?leased=1` also one that is leased."""
    is_leased_too = decode_flag(request.query_string, "leased")
    cancel = Cancel(JobRef(queue_id, job_id), is_leased_too)
    [outcome] = await request.service.amend(queue_type, [cancel])
    if isinstance(outcome, SharqError):
        raise outcome
    return existence_answer(outcome).reply()


def reschedule(_service: QueueService, patch: JobPatch, queue_id: str, job_id: str) -> Reschedule:
    """Return what gives a job another priority or time. Raises InvalidRequest."""
    if patch.delay is not UNSET and patch.at is not UNSET:
        raise InvalidRequest("`delay` and `at` exclude each other.")
    return Reschedule(
        JobRef(queue_id, job_id),
        priority=_given(patch.priority),
        delay=0 if patch.at is None else _given(patch.delay),
        at=None if patch.at is UNSET else patch.at,
    )


def _given(value: int | UnsetType | None) -> int | None:
    """Return what a field is to be, 0 for null; None if it is absent."""
    return None if value is UNSET else value or 0


def _fields(job: JobView) -> dict[str, object]:
    fields: dict[str, object] = {
        "state": job.state.value,
        "priority": job.priority,
        "attempt": job.attempt,
        "requeues_remaining": job.requeues_remaining,
        "enqueued_at": job.enqueued_at,
        "at": job.at,
        "expires_at": job.expires_at,
        "last_error": job.last_error,
        "headers": job.headers or {},
        "cost": {JOB_UNIT: 1} | dict(job.cost or {}),
    }
    if job.position is not None:
        fields["position"] = job.position
    if job.payload is not None:
        fields["payload"] = Raw(job.payload)
    return fields
