"""What `/job/` serves: one job by its name, looked at, cancelled, or given another time."""

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.api.fields import At, Delay, Priority
from sharq_plug.http.api.queries import CancelQuery, JobQuery
from sharq_plug.http.api.replies import NOT_FOUND, Reply, existence_answer
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.rights import check_payloads
from sharq_plug.http.api.views import job_reply
from sharq_plug.model import Cancel, JobRef, Reschedule
from sharq_plug.service import QueueService


class JobPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of a job. Null takes a field back: no priority, due now."""

    EXCLUDES: ClassVar = (("delay", "at"),)

    priority: Priority | UnsetType | None = UNSET
    delay: Delay | UnsetType | None = UNSET
    at: At | UnsetType | None = UNSET


async def show_job(
    request: Request, asked: JobQuery, queue_type: str, queue_id: str, job_id: str
) -> Reply:
    """Return what is known of a job, with `?payload=1` its payload too."""
    check_payloads(request, asked=asked.payload)
    [found] = await request.service.looking.find(
        queue_type, [JobRef(queue_id, job_id)], payloads=asked.payload
    )
    if isinstance(found, SharqError):
        raise found
    return NOT_FOUND.reply() if found is None else job_reply(found)


async def cancel_job(
    request: Request, asked: CancelQuery, queue_type: str, queue_id: str, job_id: str
) -> Reply:
    """Remove a job, with `?leased=1` also one that is leased."""
    cancel = Cancel(JobRef(queue_id, job_id), asked.leased)
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
