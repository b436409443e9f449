"""Handlers of `/job/`: one job by its name, looked at, cancelled, or given another time."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.api.queries import decode_flag
from sharq_plug.http.api.replies import NOT_FOUND, SUCCEEDED, Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.model import JOB_UNIT, Amendment, Cancel, JobRef, JobView, Reschedule


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
    return await _amend(request, queue_type, Cancel(JobRef(queue_id, job_id), is_leased_too))


async def change_job(
    request: Request, patch: JobPatch, queue_type: str, queue_id: str, job_id: str
) -> Reply:
    """Give a job that waits or is delayed another priority or time."""
    if patch.delay is not UNSET and patch.at is not UNSET:
        raise InvalidRequest("`delay` and `at` exclude each other.")
    delay = _given(patch.delay, instead_of_null=0)
    if patch.at is None:
        delay = 0
    change = Reschedule(
        JobRef(queue_id, job_id),
        priority=_given(patch.priority, instead_of_null=0),
        delay=delay,
        at=None if patch.at is UNSET else patch.at,
    )
    return await _amend(request, queue_type, change)


async def _amend(request: Request, queue_type: str, change: Amendment) -> Reply:
    [outcome] = await request.service.amend(queue_type, [change])
    if isinstance(outcome, SharqError):
        raise outcome
    return (SUCCEEDED if outcome else NOT_FOUND).reply()


def _given(value: int | UnsetType | None, *, instead_of_null: int) -> int | None:
    if value is UNSET:
        return None
    return instead_of_null if value is None else value


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
