"""How jobs, queues, types, shared limits and dead letters are shown, alone and in listings."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from msgspec import UNSET, Raw, Struct, UnsetType

from sharq_plug.http.api import shown
from sharq_plug.http.api.answers import Lengths, Success
from sharq_plug.http.api.etags import etag
from sharq_plug.http.api.replies import Reply, respond, success
from sharq_plug.http.api.settings import holds, rules_fields
from sharq_plug.model import (
    JOB_UNIT,
    Cleared,
    Item,
    JobEntry,
    JobView,
    LetterView,
    LimitRules,
    LimitView,
    MinuteCounts,
    Page,
    QueueRules,
    QueueView,
    Totals,
    TypeFigures,
    TypeRules,
    TypeView,
    View,
)

Fields = dict[str, Any]

PageKind: TypeAlias = Callable[[Sequence[Any], str | None], Success]
"""The structure of a page: made of its items, and its cursor."""


def page_reply(kind: PageKind, page: Page, *, payloads: bool = True) -> Reply:
    """Return 200 with a page of a listing, with or without the payloads of dead letters."""
    items = [_item(item, payloads=payloads) for item in page.items]
    return success(kind(items, page.cursor))


def view_reply(view: View) -> Reply:
    """Return 200 with what there is in a queue or a type, its settings and its counts."""
    counts = count_fields(view.counts)
    if view.queue is not None:
        rules = view.rules or QueueRules()
        fields = _queue_fields(view.queue) | rules_fields(rules) | counts
        return _tagged(shown.QueueLook(**fields), rules)
    rules = view.rules or TypeRules()
    found = view.type or TypeView("")
    fields = _type_fields(found) | rules_fields(rules) | counts
    return _tagged(shown.TypeLook(**fields, totals=view.totals or Totals()), rules)


def limit_reply(limit: LimitView) -> Reply:
    """Return 200 with what there is of a shared limit."""
    return _tagged(shown.LimitLook(**_limit_fields(limit)), limit.rules)


def metrics_reply(view: View) -> Reply:
    """Return 200 with what there is in a queue, in SharQ's words, and its counts."""
    queue = view.queue or QueueView("")
    return success(
        shown.QueueCounted(
            queue_length=queue.waiting,
            delayed=queue.delayed,
            leased=queue.leased,
            dead_letters=queue.dead,
            **count_fields(view.counts),
        )
    )


def count_fields(counts: MinuteCounts) -> Fields:
    """Return the fields in which SharQ gives its minute counts."""
    return {"enqueue_counts": counts.enqueues, "dequeue_counts": counts.dequeues}


def added(minutes: MinuteCounts, counts: Sequence[MinuteCounts]) -> MinuteCounts:
    """Return the counts of several types together, in these minutes at least."""
    enqueues = Counter(dict.fromkeys(minutes.enqueues, 0))
    dequeues = Counter(dict.fromkeys(minutes.dequeues, 0))
    for each in counts:
        enqueues.update(each.enqueues)
        dequeues.update(each.dequeues)
    return MinuteCounts(enqueues, dequeues)


def lengths(removed: Cleared) -> Lengths:
    """Return how many jobs were removed, in each state."""
    return Lengths(removed.waiting, removed.delayed, removed.leased, removed.dead)


def job_reply(job: JobView) -> Reply:
    """Return 200 with all that is known of a job, and why it does not go yet."""
    fields = _job_fields(job)
    if job.position is not None:
        fields |= {"held_by": holds(job.held_by), "earliest_at": job.earliest_at}
    return success(shown.JobLook(**fields))


def _tagged(fields: Struct, rules: QueueRules | TypeRules | LimitRules) -> Reply:
    return respond(200, fields, headers={"ETag": etag(rules.tag())})


def _item(item: Item, *, payloads: bool) -> Struct:
    """Return an item of a listing as it is shown."""
    match item:
        case TypeView():
            return shown.TypeItem(item.queue_type, **_type_fields(item))
        case QueueView():
            return shown.QueueItem(item.queue_id, **_queue_fields(item))
        case JobEntry():
            return shown.JobItem(item.job_id, **_job_fields(item.job))
        case LetterView():
            return _letter(item, payload=Raw(item.payload) if payloads else UNSET)
        case LimitView():
            return shown.LimitItem(item.name, **_limit_fields(item))
        case str() | TypeFigures():
            raise TypeError(f"{item!r} is no item of a page")
        case unknown:
            assert_never(unknown)


def _queue_fields(queue: QueueView) -> Fields:
    broken = True if queue.is_broken else UNSET
    return _states(queue) | {"broken": broken}


def _type_fields(found: TypeView) -> Fields:
    return _states(found) | {"queues": found.queues, "ready_queues": found.ready_queues}


def _states(found: QueueView | TypeView) -> Fields:
    return {
        "waiting": found.waiting,
        "delayed": found.delayed,
        "leased": found.leased,
        "dead": found.dead,
        "ready_since": found.ready_since,
        "next_ready_at": found.next_ready_at,
    }


def _job_fields(job: JobView) -> Fields:
    return {
        "state": job.state,
        "priority": job.priority,
        "attempt": job.attempt,
        "requeues_remaining": job.requeues_remaining,
        "enqueued_at": job.enqueued_at,
        "at": job.at,
        "expires_at": job.expires_at,
        "last_error": job.last_error,
        "headers": job.headers or {},
        "cost": _cost(job.cost),
        "position": UNSET if job.position is None else job.position,
        "payload": UNSET if job.payload is None else Raw(job.payload),
    }


def _limit_fields(limit: LimitView) -> Fields:
    left = [shown.RemainingShown(each.count, each.until, each.unit) for each in limit.remaining]
    return {
        **rules_fields(limit.rules),
        "owed": limit.owed,
        "opens_at": limit.opens_at,
        "leased": limit.leased,
        "queues": limit.queues,
        "remaining": left,
        "now": limit.now,
    }


def _letter(letter: LetterView, payload: Raw | UnsetType) -> shown.LetterItem:
    return shown.LetterItem(
        number=letter.number,
        queue_id=letter.queue_id,
        job_id=letter.job_id,
        reason=letter.reason,
        last_error=letter.last_error,
        attempts=letter.attempts,
        enqueued_at=letter.enqueued_at,
        died_at=letter.died_at,
        priority=letter.priority,
        headers=letter.headers or {},
        cost=_cost(letter.cost),
        payload=payload,
    )


def _cost(cost: Mapping[str, int] | None) -> dict[str, int]:
    return {JOB_UNIT: 1} | dict(cost or {})
