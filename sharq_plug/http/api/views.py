"""How jobs, queues, types, shared limits and dead letters are shown, alone and in listings."""

from collections.abc import Mapping
from typing import assert_never

import msgspec
from msgspec import Raw

from sharq_plug.http.api.etags import etag
from sharq_plug.http.api.replies import Reply, respond, success
from sharq_plug.http.api.settings import holds, rules_fields
from sharq_plug.model import (
    JOB_UNIT,
    Cleared,
    JobEntry,
    JobView,
    LetterView,
    LimitView,
    MinuteCounts,
    Page,
    QueueView,
    TypeView,
    View,
)

Fields = dict[str, object]


def page_reply(title: str, page: Page) -> Reply:
    """Return 200 with a page of a listing."""
    return success(**{title: list(map(_item, page.items)), "cursor": page.cursor})


def view_reply(view: View) -> Reply:
    """Return 200 with what there is in a queue or a type, its settings and its counts."""
    fields: Fields = {"status": "success"}
    headers = {}
    if view.queue is not None:
        fields |= _queue_fields(view.queue)
    if view.type is not None:
        fields |= _type_fields(view.type)
    if view.rules is not None:
        fields |= rules_fields(view.rules)
        headers["ETag"] = etag(view.rules.tag())
    if view.totals is not None:
        fields["totals"] = msgspec.structs.asdict(view.totals)
    return respond(200, fields | count_fields(view.counts), headers=headers)


def limit_reply(limit: LimitView) -> Reply:
    """Return 200 with what there is of a shared limit."""
    headers = {"ETag": etag(limit.rules.tag())}
    return respond(200, {"status": "success"} | _limit_fields(limit), headers=headers)


def metrics_reply(view: View) -> Reply:
    """Return 200 with what there is in a queue, in SharQ's words, and its counts."""
    queue = view.queue or QueueView("")
    return success(
        queue_length=queue.waiting,
        delayed=queue.delayed,
        leased=queue.leased,
        dead_letters=queue.dead,
        **count_fields(view.counts),
    )


def count_fields(counts: MinuteCounts) -> Fields:
    """Return the fields in which SharQ gives its minute counts."""
    return {"enqueue_counts": counts.enqueues, "dequeue_counts": counts.dequeues}


def lengths(found: QueueView | TypeView | Cleared) -> Fields:
    """Return the fields that say how many jobs there are, or were removed, in each state."""
    return {
        "waiting": found.waiting,
        "delayed": found.delayed,
        "leased": found.leased,
        "dead": found.dead,
    }


def job_reply(job: JobView) -> Reply:
    """Return 200 with all that is known of a job, and why it does not go yet."""
    fields = job_fields(job)
    if job.position is not None:
        fields |= {"held_by": holds(job.held_by), "earliest_at": job.earliest_at}
    return success(**fields)


def job_fields(job: JobView) -> Fields:
    """Return the fields that show a job, also in a listing."""
    fields: Fields = {
        "state": job.state.value,
        "priority": job.priority,
        "attempt": job.attempt,
        "requeues_remaining": job.requeues_remaining,
        "enqueued_at": job.enqueued_at,
        "at": job.at,
        "expires_at": job.expires_at,
        "last_error": job.last_error,
        "headers": job.headers or {},
        "cost": _cost(job.cost),
    }
    if job.position is not None:
        fields["position"] = job.position
    if job.payload is not None:
        fields["payload"] = Raw(job.payload)
    return fields


def _item(item: str | TypeView | QueueView | JobEntry | LetterView | LimitView) -> object:
    match item:
        case str():
            return item
        case TypeView():
            return {"queue_type": item.queue_type} | _type_fields(item)
        case QueueView():
            return {"queue_id": item.queue_id} | _queue_fields(item)
        case JobEntry():
            return {"job_id": item.job_id} | job_fields(item.job)
        case LetterView():
            return _letter_fields(item)
        case LimitView():
            return {"name": item.name} | _limit_fields(item)
        case unknown:
            assert_never(unknown)


def _queue_fields(queue: QueueView) -> Fields:
    fields = lengths(queue) | _readiness(queue)
    return fields | {"broken": True} if queue.is_broken else fields


def _type_fields(found: TypeView) -> Fields:
    sizes: Fields = {"queues": found.queues, "ready_queues": found.ready_queues}
    return lengths(found) | sizes | _readiness(found)


def _readiness(found: QueueView | TypeView) -> Fields:
    return {"ready_since": found.ready_since, "next_ready_at": found.next_ready_at}


def _limit_fields(limit: LimitView) -> Fields:
    left = [
        {"remaining": each.count, "until": each.until, "unit": each.unit}
        for each in limit.remaining
    ]
    return {
        **rules_fields(limit.rules),
        "owed": limit.owed,
        "opens_at": limit.opens_at,
        "leased": limit.leased,
        "queues": limit.queues,
        "remaining": left,
        "now": limit.now,
    }


def _letter_fields(letter: LetterView) -> Fields:
    return {
        "number": letter.number,
        "queue_id": letter.queue_id,
        "job_id": letter.job_id,
        "reason": letter.reason.value,
        "last_error": letter.last_error,
        "attempts": letter.attempts,
        "enqueued_at": letter.enqueued_at,
        "died_at": letter.died_at,
        "priority": letter.priority,
        "headers": letter.headers or {},
        "cost": _cost(letter.cost),
        "payload": Raw(letter.payload),
    }


def _cost(cost: Mapping[str, int] | None) -> Mapping[str, int]:
    return {JOB_UNIT: 1} | dict(cost or {})
