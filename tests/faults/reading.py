"""Reads records of requests into a history of operations on the store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from faults.journal import Answered, Asked, read_journal
from faults.limits import limit_page
from faults.requests import items, parts, wait
from faults.settings import queue_rules, type_rules
from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Fail,
    Finish,
    LeaseOutcome,
    MinuteCounts,
    NewJob,
    Page,
    PatchLimit,
    PatchQueue,
    PatchType,
    QueueView,
    Release,
    Settled,
    Settlement,
    SharedLimits,
    Take,
    TypeView,
    View,
)
from sharq_plug.testing.model_check.history import Event, History, merge
from sharq_plug.testing.model_check.operations import Item, Look, Operation, Outcome, PageStep
from support import operator_schema, wire_schema
from support.operator_schema import QueueLook, TypeLook
from support.wire_schema import DeliveryBody, UnexpectedAnswer

SETTLED: Mapping[int, LeaseOutcome] = {
    200: LeaseOutcome.ENDED,
    409: LeaseOutcome.STALE,
    404: LeaseOutcome.UNKNOWN,
}
SINGLE = {
    "enqueue": wire_schema.ENQUEUE_ONE,
    "dequeue": wire_schema.DEQUEUE_ONE,
    "finish": wire_schema.FINISH_ONE,
    "release": wire_schema.RELEASE_ONE,
    "fail": wire_schema.FAIL_ONE,
    "extend": wire_schema.EXTEND_ONE,
    "metrics": wire_schema.QUEUE_METRICS,
    "queue": operator_schema.QUEUE,
    "type": operator_schema.TYPE,
    "limit": operator_schema.LIMIT,
}
CHANGES = {"queue": operator_schema.CHANGED_QUEUE, "type": operator_schema.CHANGED_TYPE}
BATCHES = {
    "enqueue": wire_schema.ENQUEUE_MANY,
    "finish": wire_schema.FINISH_MANY,
    "release": wire_schema.RELEASE_MANY,
    "fail": wire_schema.FAIL_MANY,
    "extend": wire_schema.EXTEND_MANY,
}
UNAVAILABLE = 503
PROMPT = 5.0
"""Seconds in which a server answers, in addition to the wait that was asked for."""
_no_counts = MinuteCounts({}, {})


def read_history(journals: Iterable[Path]) -> History:
    """Return the journals as one history.

    Raises UnexpectedAnswer for anything but what the API promises to good requests.
    """
    return merge(_read(path) for path in journals)


def late_answers(journals: Iterable[Path]) -> Iterator[str]:
    """Yield each request that took longer than the API promises, answered or not."""
    for path in journals:
        asked: dict[int, Asked] = {}
        for entry in read_journal(path):
            if isinstance(entry, Asked):
                asked[entry.call] = entry
                continue
            request = asked[entry.call]
            took = (entry.tick - request.tick) / 1e9
            if took > wait(request) / 1000 + PROMPT:
                answer = entry.status if isinstance(entry, Answered) else "nothing"
                yield f"{path.stem}: {request.path}: {answer} after {took:.1f} s"


def _read(path: Path) -> History:
    asked: dict[int, Asked] = {}
    answered: dict[int, Answered] = {}
    for entry in read_journal(path):
        if isinstance(entry, Asked):
            asked[entry.call] = entry
        elif isinstance(entry, Answered):
            answered[entry.call] = entry
    events = (_events(call, answered.get(number)) for number, call in asked.items())
    return History(tuple(chain.from_iterable(events)), complete=False)


def _events(asked: Asked, answered: Answered | None) -> Iterator[Event]:
    operations = _operations(asked)
    outcomes: Sequence[Outcome | None] = [None] * len(operations)
    if answered is not None and answered.status == UNAVAILABLE:
        answered = None
    if answered is not None and operations:
        answers = _answers(asked, answered, operations)
        outcomes = [
            _outcome(operation.item, status, found, answered.at)
            for operation, (status, found) in zip(operations, answers, strict=True)
        ]
    for item, (operation, outcome) in enumerate(zip(operations, outcomes, strict=True)):
        yield Event(
            call=asked.call,
            item=item,
            invoked=asked.tick,
            answered=answered.tick if answered else None,
            invoked_at=asked.at,
            answered_at=answered.at if answered else None,
            operation=operation,
            outcome=outcome,
        )


def _operations(asked: Asked) -> list[Operation]:
    queue_type = parts(asked.path)[1]
    return [Operation(queue_type, item) for item in items(asked)]


def _answers(
    asked: Asked, answered: Answered, operations: Sequence[Operation]
) -> list[tuple[int, Any]]:
    """Return a code and a body for each operation of a request.

    Raises UnexpectedAnswer.
    """
    status, body = answered.status, answered.body.encode()
    match parts(asked.path), operations:
        case [verb, _], _ if verb in BATCHES:
            found = wire_schema.read(BATCHES[verb], status, body, results=len(operations))
            return [(result.code, result) for result in found.results]
        case _, [Operation(item=Take(count=count))] if count > 1:
            return [(status, wire_schema.read(wire_schema.DEQUEUE_MANY, status, body))]
        case [verb, *_], [Operation(item=PatchQueue() | PatchType())]:
            return [(status, wire_schema.read(CHANGES[verb], status, body))]
        case [verb, *_], _:
            return [(status, wire_schema.read(SINGLE[verb], status, body))]
    raise AssertionError(asked)


def _outcome(item: Item, status: int, found: Any, now: int) -> Outcome:
    match item, status:
        case NewJob(), 201:
            is_known = found.duplicate
            outcome = EnqueueOutcome.DUPLICATE if is_known else EnqueueOutcome.QUEUED
            return EnqueueResult(outcome, job_id=found.job_id)
        case Take(count=count), _:
            jobs = [] if status == 404 else [found] if count == 1 else found.jobs
            if len(jobs) <= count:
                return Dequeued(tuple(map(_delivery, jobs)), now=now)
        case ((Finish() | Release() | Fail() | Extend()), _):
            return _settled(item, status, found)
        case PatchQueue() | PatchType(), 400:
            return ChangeOutcome.UNKNOWN_LIMIT  # a store that forgets may have forgotten one
        case PatchQueue() | PatchType() | PatchLimit(), 200:
            return ChangeOutcome.CHANGED
        case ((Look() | PageStep()), _):
            return _shown(item, found)
    raise UnexpectedAnswer(f"{item}: {status}, {found}")


def _shown(asked: Look | PageStep, found: Any) -> View | Page:
    match asked:
        case Look():
            return _view(asked, found)
        case PageStep(SharedLimits(str() as name)):
            return limit_page(name, found)
        case _:
            raise AssertionError(asked)


def _view(look: Look, found: Any) -> View:
    match found:
        case wire_schema.QueueMetrics():
            lengths = (found.queue_length, found.leased, found.dead_letters, found.delayed)
            return View(_no_counts, queue=QueueView(look.queue_id or "", *lengths))
        case QueueLook():
            lengths = (found.waiting, found.leased, found.dead, found.delayed)
            queue = QueueView(look.queue_id or "", *lengths)
            return View(_no_counts, queue=queue, rules=queue_rules(found))
        case TypeLook():
            of_type = TypeView("", found.waiting, found.leased, found.dead, found.delayed)
            return View(_no_counts, type=of_type, rules=type_rules(found))
        case _:
            raise AssertionError(found)


def _settled(item: Settlement, status: int, found: Any) -> Settled:
    if isinstance(item, Extend) and SETTLED[status] is LeaseOutcome.ENDED:
        if found.expires_at is None:
            raise UnexpectedAnswer(f"{item}: {found}")
        return Extended(found.expires_at)
    return SETTLED[status]


def _delivery(job: DeliveryBody) -> Delivery:
    """Return a delivery. `expires_at` is that of its dequeue: only who has it extends its lease."""
    return Delivery(
        queue_id=job.queue_id,
        job_id=job.job_id,
        payload=bytes(job.payload),
        token=job.lease,
        attempt=job.attempt,
        expires_at=job.expires_at,
        requeues_remaining=job.requeues_remaining,
        queue_length=job.current_queue_length,
        enqueued_at=job.enqueued_at,
        priority=job.priority,
        cost=job.cost,
        headers=job.headers,
    )
