"""The table of verbs: one row each. Routes, OPTIONS and HEAD follow from it."""

from sharq_plug.http.api import handlers
from sharq_plug.http.api.batches import Completion
from sharq_plug.http.api.bodies import (
    LIMIT,
    DeleteQueueBody,
    EnqueueBody,
    IntervalBody,
    LeaseBody,
    complete_enqueue,
    job_fields,
    read_delete_queue_body,
    read_lease_body,
)
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.replies import enqueue_answer, existence_answer
from sharq_plug.http.api.routes import Row, Verb
from sharq_plug.model import Finish, LeaseRef, NewJob, SetInterval
from sharq_plug.service import QueueService


def _new_job(service: QueueService, fields: EnqueueBody, queue_id: str) -> NewJob:
    return service.new_job(**job_fields(fields, queue_id))


def _finish(service: QueueService, fields: LeaseBody, queue_id: str, job_id: str) -> Finish:
    return service.finish(LeaseRef(queue_id, job_id, fields.lease))


def _set_interval(_service: QueueService, fields: IntervalBody, queue_id: str) -> SetInterval:
    return SetInterval(queue_id, fields.interval)


TABLE: tuple[Row, ...] = (
    Verb("", ((),), "GET", handlers.index),
    ItemVerb(
        "enqueue",
        names=("queue_id",),
        body=EnqueueBody,
        completion=Completion(LIMIT, complete_enqueue),
        item=_new_job,
        operation=QueueService.enqueue,
        answer=enqueue_answer,
        has_batches=True,
    ),
    Verb("dequeue", ((), ("queue_type",)), "GET", handlers.dequeue, changes_state=True),
    ItemVerb(
        "finish",
        names=("queue_id", "job_id"),
        body=LeaseBody,
        read=read_lease_body,
        item=_finish,
        operation=QueueService.settle,
        answer=existence_answer,
        has_batches=True,
    ),
    ItemVerb(
        "interval",
        names=("queue_id",),
        body=IntervalBody,
        item=_set_interval,
        operation=QueueService.configure,
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
