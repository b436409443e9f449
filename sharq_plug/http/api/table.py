"""The table of verbs: one row each. Routes, OPTIONS and HEAD follow from it."""

from typing import Any

import msgspec

from sharq_plug.http.api import clearing, handlers, jobs, letters, listings, shared_limits
from sharq_plug.http.api.answers import (
    Delivered,
    Deliveries,
    Discarded,
    Failure,
    Greeting,
    NotFound,
    NothingCleared,
    NothingReady,
    QueueCleared,
    Queued,
    Redriven,
    Success,
    TypeCleared,
)
from sharq_plug.http.api.batches import Completion
from sharq_plug.http.api.bodies import (
    LIMIT,
    DequeueBody,
    EnqueueBody,
    IntervalBody,
    complete_enqueue,
    read_optional_body,
)
from sharq_plug.http.api.clearing import ClearBody, read_clear_body
from sharq_plug.http.api.enqueueing import Sender, sender
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.jobs import JobPatch
from sharq_plug.http.api.leases import LEASES, SETTLED
from sharq_plug.http.api.letters import LettersBody
from sharq_plug.http.api.queries import (
    CancelQuery,
    ClearQuery,
    ClearTypeQuery,
    JobQuery,
    JobsQuery,
    PageQuery,
    QueuesQuery,
    read_dequeue_query,
)
from sharq_plug.http.api.replies import enqueue_answer, existence_answer
from sharq_plug.http.api.request import (
    ETAG,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    TRACE_PARENT,
    TRACE_STATE,
)
from sharq_plug.http.api.routes import Answers, Handler, Reach, Row, Verb, told
from sharq_plug.http.api.settings import LimitPatch, QueuePatch, TypePatch
from sharq_plug.http.api.shown import (
    Counted,
    JobLook,
    JobPage,
    LetterPage,
    LimitLook,
    LimitPage,
    QueueCounted,
    QueueLook,
    QueuePage,
    TypeCounted,
    TypeLook,
    TypePage,
)
from sharq_plug.model import (
    Scope,
    SetInterval,
)
from sharq_plug.service import QueueService


def _set_interval(_service: QueueService, fields: IntervalBody, queue_id: str) -> SetInterval:
    return SetInterval(queue_id, fields.interval)


TYPE = ("queue_type",)
QUEUE = ("queue_type", "queue_id")
JOB = ("queue_type", "queue_id", "job_id")
LIMIT_NAME = ("queue_type", "name")


def _on_letters(verb: str, handler: Handler, found: Any) -> Verb:
    return Verb(
        verb,
        (TYPE, QUEUE),
        "POST",
        handler,
        Scope.ADMIN,
        told(found, 400),
        body=LettersBody,
        read=read_optional_body,
    )


def _clear(path: tuple[str, ...], handler: Handler, found: Any, query: type[ClearQuery]) -> Verb:
    return Verb(
        "deletequeue",
        (path,),
        "DELETE",
        handler,
        Scope.ADMIN,
        told(found, 400),
        body=ClearBody,
        read=read_clear_body,
        accepts=ClearBody | None,
        query=query,
    )


def _look(
    verb: str, path: tuple[str, ...], handler: Handler, found: Any, *failures: int, **more: Any
) -> Verb:
    """Return the row of a GET that shows something."""
    return Verb(verb, (path,), "GET", handler, Scope.READ, told(found, *failures), **more)


def _settings(
    verb: str,
    path: tuple[str, ...],
    served: tuple[Handler, Handler],
    body: type[msgspec.Struct],
    found: Any,
    *unknown: int,
) -> tuple[Verb, Verb]:
    """Return the rows of what has settings: a GET that shows them, a PATCH that changes them."""
    show, change = served
    changed = Verb(
        verb,
        (path,),
        "PATCH",
        change,
        Scope.ADMIN,
        told(found, 400, 412),
        body=body,
        takes=(IF_MATCH,),
        gives=(ETAG,),
    )
    return _look(verb, path, show, found, 400, *unknown, gives=(ETAG,)), changed


DEQUEUED: Answers = {200: Delivered | Deliveries, 400: Failure, 404: NothingReady}

TABLE: tuple[Row, ...] = (
    Verb("", ((),), "GET", handlers.index, None, told(Greeting), reach=Reach.NOTHING),
    ItemVerb(
        "enqueue",
        names=("queue_id",),
        body=EnqueueBody,
        completion=Completion(LIMIT, complete_enqueue),
        source=sender,
        item=Sender.job,
        operation=QueueService.enqueue,
        answer=enqueue_answer,
        answers=told(Queued, 400, 429, status=201),
        scope=Scope.ENQUEUE,
        has_batches=True,
        takes=(TRACE_PARENT, TRACE_STATE),
        takes_alone=(IDEMPOTENCY_KEY,),
    ),
    Verb(
        "dequeue",
        ((), TYPE),
        "GET",
        handlers.dequeue,
        Scope.WORK,
        DEQUEUED,
        query=DequeueBody,
        ask=read_dequeue_query,
        changes_state=True,
        implied_type=handlers.DEFAULT_QUEUE_TYPE,
    ),
    Verb(
        "dequeue",
        ((), TYPE),
        "POST",
        handlers.dequeue_by_post,
        Scope.WORK,
        DEQUEUED,
        body=DequeueBody,
        read=read_optional_body,
        implied_type=handlers.DEFAULT_QUEUE_TYPE,
    ),
    *LEASES,
    ItemVerb(
        "interval",
        names=("queue_id",),
        body=IntervalBody,
        item=_set_interval,
        operation=QueueService.configure,
        answer=existence_answer,
        answers=SETTLED,
        scope=Scope.ADMIN,
    ),
    Verb(
        "job",
        (JOB,),
        "GET",
        jobs.show_job,
        Scope.READ,
        {**told(JobLook, 400), 404: NotFound},
        query=JobQuery,
    ),
    Verb("job", (JOB,), "DELETE", jobs.cancel_job, Scope.ADMIN, SETTLED, query=CancelQuery),
    ItemVerb(
        "job",
        names=("queue_id", "job_id"),
        method="PATCH",
        body=JobPatch,
        item=jobs.reschedule,
        operation=QueueService.amend,
        answer=existence_answer,
        answers=SETTLED,
        scope=Scope.ADMIN,
    ),
    _look("metrics", (), handlers.metrics, Counted, reach=Reach.ALLOWED),
    _look("metrics", TYPE, handlers.type_metrics, TypeCounted, 400),
    _look("metrics", QUEUE, handlers.queue_metrics, QueueCounted, 400),
    _look("types", (), listings.types, TypePage, 400, query=PageQuery, reach=Reach.ALLOWED),
    *_settings("type", TYPE, (handlers.show_type, handlers.change_type), TypePatch, TypeLook),
    _look("queues", TYPE, listings.queues, QueuePage, 400, query=QueuesQuery, reach=Reach.ALLOWED),
    *_settings("queue", QUEUE, (handlers.show_queue, handlers.change_queue), QueuePatch, QueueLook),
    _look("limits", TYPE, listings.limits, LimitPage, 400, query=PageQuery),
    *_settings(
        "limit",
        LIMIT_NAME,
        (shared_limits.show_limit, shared_limits.change_limit),
        LimitPatch,
        LimitLook,
        404,
    ),
    Verb(
        "limit",
        (LIMIT_NAME,),
        "DELETE",
        shared_limits.drop_limit,
        Scope.ADMIN,
        told(Success, 400, 404, 409),
    ),
    _look("jobs", QUEUE, listings.jobs, JobPage, 400, query=JobsQuery),
    Verb(
        "deadletters",
        (TYPE, QUEUE),
        "GET",
        listings.dead_letters,
        Scope.READ,
        told(LetterPage, 400),
        query=PageQuery,
        reach=Reach.ALLOWED,
    ),
    _on_letters("redrive", letters.redrive, Redriven),
    _on_letters("discard", letters.discard, Discarded),
    _clear(QUEUE, clearing.clear_queue, QueueCleared | NothingCleared, ClearQuery),
    _clear(TYPE, clearing.clear_type, TypeCleared, ClearTypeQuery),
    Verb(
        "deepstatus",
        ((),),
        "GET",
        handlers.deep_status,
        None,
        told(Success),
        reach=Reach.NOTHING,
    ),
)
