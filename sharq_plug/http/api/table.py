"""The table of verbs: one row each. Routes, OPTIONS and HEAD follow from it."""

from sharq_plug.http.api import handlers
from sharq_plug.http.api.batches import BatchReader, Completion
from sharq_plug.http.api.bodies import (
    LIMIT,
    DeleteQueueBody,
    EnqueueBody,
    EnqueueItem,
    FinishBody,
    FinishItem,
    IntervalBody,
    complete_enqueue,
    decode_enqueue,
    decode_finish,
    decode_interval,
)
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.replies import enqueue_answer, existence_answer
from sharq_plug.http.api.routes import Row, Verb
from sharq_plug.model import Finish, LeaseRef, NewJob, SetInterval
from sharq_plug.service import QueueService


def _new_job(service: QueueService, fields: EnqueueBody, queue_id: str) -> NewJob:
    return service.new_job(
        queue_id,
        job_id=fields.job_id,
        interval=fields.interval,
        payload=bytes(fields.payload),
        requeue_limit=fields.requeue_limit,
        max_queued_length=fields.max_queued_length,
    )


def _finish(service: QueueService, fields: FinishBody, queue_id: str, job_id: str) -> Finish:
    return service.finish(LeaseRef(queue_id, job_id, fields.lease))


def _set_interval(_service: QueueService, fields: IntervalBody, queue_id: str) -> SetInterval:
    return SetInterval(queue_id, fields.interval)


TABLE: tuple[Row, ...] = (
    Verb("", ((),), "GET", handlers.index),
    ItemVerb(
        "enqueue",
        names=("queue_id",),
        body=EnqueueBody,
        read=decode_enqueue,
        item=_new_job,
        operation=QueueService.enqueue,
        answer=enqueue_answer,
        batch=BatchReader(EnqueueItem, ("queue_id",), Completion(LIMIT, complete_enqueue)),
    ),
    Verb("dequeue", ((), ("queue_type",)), "GET", handlers.dequeue, changes_state=True),
    ItemVerb(
        "finish",
        names=("queue_id", "job_id"),
        body=FinishBody,
        read=decode_finish,
        item=_finish,
        operation=QueueService.settle,
        answer=existence_answer,
        batch=BatchReader(FinishItem, ("queue_id", "job_id")),
    ),
    ItemVerb(
        "interval",
        names=("queue_id",),
        body=IntervalBody,
        read=decode_interval,
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
    ),
    Verb("deepstatus", ((),), "GET", handlers.deep_status),
)
