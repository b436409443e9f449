"""The table of verbs: one row each. Routes, OPTIONS and HEAD follow from it."""

from collections.abc import Callable
from typing import Any

import msgspec

from sharq_plug.http.api import handlers, jobs
from sharq_plug.http.api.batches import Completion
from sharq_plug.http.api.bodies import (
    LIMIT,
    DeleteQueueBody,
    DequeueBody,
    EnqueueBody,
    ExtendBody,
    FailBody,
    IntervalBody,
    LeaseBody,
    ReleaseBody,
    complete_enqueue,
    read_body,
    read_delete_queue_body,
    read_dequeue_body,
    read_lease_body,
)
from sharq_plug.http.api.enqueueing import Sender, sender
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.jobs import JobPatch
from sharq_plug.http.api.replies import enqueue_answer, existence_answer, settled_answer
from sharq_plug.http.api.routes import Row, Verb
from sharq_plug.model import (
    Extend,
    Extended,
    Fail,
    Finish,
    LeaseRef,
    Release,
    SetInterval,
    Settlement,
)
from sharq_plug.service import QueueService


def _finish(service: QueueService, fields: LeaseBody, queue_id: str, job_id: str) -> Finish:
    return service.finish(LeaseRef(queue_id, job_id, fields.lease))


def _release(_service: QueueService, fields: ReleaseBody, queue_id: str, job_id: str) -> Release:
    return Release(LeaseRef(queue_id, job_id, fields.lease), fields.delay or 0)


def _fail(_service: QueueService, fields: FailBody, queue_id: str, job_id: str) -> Fail:
    lease = LeaseRef(queue_id, job_id, fields.lease)
    return Fail(lease, fields.error, fields.delay, bool(fields.dead))


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


JOB = ("queue_type", "queue_id", "job_id")

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
    Verb("dequeue", ((), ("queue_type",)), "GET", handlers.dequeue, changes_state=True),
    Verb(
        "dequeue",
        ((), ("queue_type",)),
        "POST",
        handlers.dequeue_by_post,
        body=DequeueBody,
        read=read_dequeue_body,
    ),
    _on_a_lease("finish", LeaseBody, _finish, read=read_lease_body),
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
    Verb("metrics", (("queue_type",),), "GET", handlers.type_metrics),
    Verb("metrics", (("queue_type", "queue_id"),), "GET", handlers.queue_metrics),
    Verb(
        "deletequeue",
        (("queue_type", "queue_id"),),
        "DELETE",
        handlers.delete_queue,
        body=DeleteQueueBody,
        read=read_delete_queue_body,
    ),
    Verb("deepstatus", ((),), "GET", handlers.deep_status),
)
