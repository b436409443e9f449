"""The table of verbs: one row each. Routes, OPTIONS and HEAD follow from it."""

from collections.abc import Callable
from typing import Any

import msgspec

from sharq_plug.http.api import clearing, handlers, jobs, letters, listings, shared_limits
from sharq_plug.http.api.batches import Completion
from sharq_plug.http.api.bodies import (
    LIMIT,
    DequeueBody,
    EnqueueBody,
    ExtendBody,
    FailBody,
    FinishBody,
    FreezeBody,
    IntervalBody,
    ReleaseBody,
    complete_enqueue,
    read_body,
    read_finish_body,
    read_optional_body,
    units,
)
from sharq_plug.http.api.clearing import ClearBody, read_clear_body
from sharq_plug.http.api.enqueueing import Sender, sender
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.jobs import JobPatch
from sharq_plug.http.api.letters import LettersBody
from sharq_plug.http.api.replies import enqueue_answer, existence_answer, settled_answer
from sharq_plug.http.api.routes import Handler, Row, Verb
from sharq_plug.http.api.settings import LimitPatch, QueuePatch, TypePatch
from sharq_plug.model import (
    Extend,
    Extended,
    Fail,
    Finish,
    FreezeLimit,
    LeaseRef,
    Release,
    SetInterval,
    Settlement,
)
from sharq_plug.service import QueueService


def _finish(service: QueueService, fields: FinishBody, queue_id: str, job_id: str) -> Finish:
    return service.finish(LeaseRef(queue_id, job_id, fields.lease), units(fields.actual))


def _release(_service: QueueService, fields: ReleaseBody, queue_id: str, job_id: str) -> Release:
    lease = LeaseRef(queue_id, job_id, fields.lease)
    return Release(lease, fields.delay or 0, *_frozen(fields.freeze))


def _fail(_service: QueueService, fields: FailBody, queue_id: str, job_id: str) -> Fail:
    lease = LeaseRef(queue_id, job_id, fields.lease)
    return Fail(lease, fields.error, fields.delay, bool(fields.dead), *_frozen(fields.freeze))


def _frozen(freeze: int | FreezeBody | None) -> tuple[int, FreezeLimit | None]:
    """Return for how long (ms) a queue is frozen, and which shared limit."""
    if isinstance(freeze, FreezeBody):
        return 0, FreezeLimit(freeze.limit, freeze.duration)
    return freeze or 0, None


def _extend(_service: QueueService, fields: ExtendBody, queue_id: str, job_id: str) -> Extend:
    return Extend(LeaseRef(queue_id, job_id, fields.lease), fields.lease_time)


def _set_interval(_service: QueueService, fields: IntervalBody, queue_id: str) -> SetInterval:
    return SetInterval(queue_id, fields.interval)


def _on_a_lease(
    verb: str,
    body: type[msgspec.Struct],
    item: Callable[..., Settlement],
    read: Callable[[msgspec.json.Decoder[Any], bytes], Any] = read_body,
) -> ItemVerb[Settlement, bool | Extended]:
    """Return the row of what a worker says of a lease."""
    return ItemVerb(
        verb,
        names=("queue_id", "job_id"),
        body=body,
        read=read,
        item=item,
        operation=QueueService.settle,
        answer=settled_answer,
        has_batches=True,
    )


TYPE = ("queue_type",)
QUEUE = ("queue_type", "queue_id")
JOB = ("queue_type", "queue_id", "job_id")
LIMIT_NAME = ("queue_type", "name")


def _on_letters(verb: str, handler: Handler) -> Verb:
    return Verb(verb, (TYPE, QUEUE), "POST", handler, body=LettersBody, read=read_optional_body)


def _clear(path: tuple[str, ...], handler: Handler) -> Verb:
    return Verb("deletequeue", (path,), "DELETE", handler, body=ClearBody, read=read_clear_body)


TABLE: tuple[Row, ...] = (
    Verb("", ((),), "GET", handlers.index),
    ItemVerb(
        "enqueue",
        names=("queue_id",),
        body=EnqueueBody,
        completion=Completion(LIMIT, complete_enqueue),
        source=sender,
        item=Sender.job,
        operation=QueueService.enqueue,
        answer=enqueue_answer,
        has_batches=True,
    ),
    Verb("dequeue", ((), TYPE), "GET", handlers.dequeue, changes_state=True),
    Verb(
        "dequeue",
        ((), TYPE),
        "POST",
        handlers.dequeue_by_post,
        body=DequeueBody,
        read=read_optional_body,
    ),
    _on_a_lease("finish", FinishBody, _finish, read=read_finish_body),
    _on_a_lease("release", ReleaseBody, _release),
    _on_a_lease("fail", FailBody, _fail),
    _on_a_lease("extend", ExtendBody, _extend),
    ItemVerb(
        "interval",
        names=("queue_id",),
        body=IntervalBody,
        item=_set_interval,
        operation=QueueService.configure,
        answer=existence_answer,
    ),
    Verb("job", (JOB,), "GET", jobs.show_job),
    Verb("job", (JOB,), "DELETE", jobs.cancel_job),
    ItemVerb(
        "job",
        names=("queue_id", "job_id"),
        method="PATCH",
        body=JobPatch,
        item=jobs.reschedule,
        operation=QueueService.amend,
        answer=existence_answer,
    ),
    Verb("metrics", ((),), "GET", handlers.metrics),
    Verb("metrics", (TYPE,), "GET", handlers.type_metrics),
    Verb("metrics", (QUEUE,), "GET", handlers.queue_metrics),
    Verb("types", ((),), "GET", listings.types),
    Verb("type", (TYPE,), "GET", handlers.show_type),
    Verb("type", (TYPE,), "PATCH", handlers.change_type, body=TypePatch),
    Verb("queues", (TYPE,), "GET", listings.queues),
    Verb("queue", (QUEUE,), "GET", handlers.show_queue),
    Verb("queue", (QUEUE,), "PATCH", handlers.change_queue, body=QueuePatch),
    Verb("limits", (TYPE,), "GET", listings.limits),
    Verb("limit", (LIMIT_NAME,), "GET", shared_limits.show_limit),
    Verb("limit", (LIMIT_NAME,), "PATCH", shared_limits.change_limit, body=LimitPatch),
    Verb("limit", (LIMIT_NAME,), "DELETE", shared_limits.drop_limit),
    Verb("jobs", (QUEUE,), "GET", listings.jobs),
    Verb("deadletters", (TYPE, QUEUE), "GET", listings.dead_letters),
    _on_letters("redrive", letters.redrive),
    _on_letters("discard", letters.discard),
    _clear(QUEUE, clearing.clear_queue),
    _clear(TYPE, clearing.clear_type),
    Verb("deepstatus", ((),), "GET", handlers.deep_status),
)
