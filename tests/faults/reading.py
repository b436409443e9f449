"""Reads records of requests into a history of operations on the store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from faults.crowd import LEASE
from faults.journal import Answered, Asked, read_journal
from sharq_plug.model import (
    Delivery,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    Finish,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Take,
    View,
    receipt_time,
)
from sharq_plug.testing.model_check.history import Event, History, merge
from sharq_plug.testing.model_check.operations import Item, Look, Operation, Outcome
from support import wire_schema
from support.wire_schema import Batch, ClaimBody, DeliveryBody, NewJobBody, UnexpectedAnswer

FINISHED: Mapping[int, LeaseOutcome] = {
    200: LeaseOutcome.ENDED,
    409: LeaseOutcome.STALE,
    404: LeaseOutcome.UNKNOWN,
}
SINGLE = {
    "enqueue": wire_schema.ENQUEUE_ONE,
    "dequeue": wire_schema.DEQUEUE_ONE,
    "finish": wire_schema.FINISH_ONE,
    "metrics": wire_schema.QUEUE_METRICS,
}
BATCHES = {"enqueue": wire_schema.ENQUEUE_MANY, "finish": wire_schema.FINISH_MANY}
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
            if took > _number(request.path, "wait", 0) / 1000 + PROMPT:
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
    """Return what a request asks for: nothing that is judged, one thing, or several."""
    queue_type = _parts(asked.path)[1]
    return [Operation(queue_type, item) for item in _items(asked)]


def _items(asked: Asked) -> Iterable[Item]:
    match _parts(asked.path):
        case ["enqueue", _, *queue]:
            return _new_jobs(queue, asked.body)
        case ["dequeue", _]:
            [attempt_id] = _query(asked.path).get("attempt_id", [None])
            return [Take(_number(asked.path, "count", 1), LEASE, attempt_id)]
        case ["finish", _, *job]:
            return [Finish(lease, receipt_time(LEASE)) for lease in _claims(job, asked.body)]
        case ["metrics", _, queue_id]:
            return [Look(queue_id)]
        case _:
            return []


def _new_jobs(queue: Sequence[str], body: str) -> Iterator[NewJob]:
    """Yield the jobs of an enqueue into the queue of the path, or into those of the body."""
    if queue:
        bodies = [(queue[0], msgspec.json.decode(body, type=NewJobBody))]
    else:
        batch = msgspec.json.decode(body, type=Batch[NewJobBody]).jobs
        bodies = [(job.queue_id, job) for job in batch]
    for queue_id, new in bodies:
        yield NewJob(queue_id, new.job_id, bytes(new.payload), new.interval, new.requeue_limit)


def _claims(job: Sequence[str], body: str) -> Iterator[LeaseRef]:
    """Yield the leases of a finish of the job of the path, or of those of the body."""
    if job:
        queue_id, job_id = job
        yield LeaseRef(queue_id, job_id, msgspec.json.decode(body, type=ClaimBody).lease)
    else:
        for claim in msgspec.json.decode(body, type=Batch[ClaimBody]).jobs:
            yield LeaseRef(claim.queue_id, claim.job_id, claim.lease)


def _answers(
    asked: Asked, answered: Answered, operations: Sequence[Operation]
) -> list[tuple[int, Any]]:
    """Return a code and a body for each operation of a request.

    Raises UnexpectedAnswer.
    """
    status, body = answered.status, answered.body.encode()
    match _parts(asked.path), operations:
        case [verb, _], _ if verb in BATCHES:
            found = wire_schema.read(BATCHES[verb], status, body, results=len(operations))
            return [(result.code, result) for result in found.results]
        case _, [Operation(item=Take(count=count))] if count > 1:
            return [(status, wire_schema.read(wire_schema.DEQUEUE_MANY, status, body))]
        case [verb, *_], _:
            return [(status, wire_schema.read(SINGLE[verb], status, body))]
    raise AssertionError(asked)


def _outcome(item: Item, status: int, found: Any, now: int) -> Outcome:
    match item, status:
        case NewJob(), 201:
            is_known = found.duplicate
            return EnqueueResult(EnqueueOutcome.DUPLICATE if is_known else EnqueueOutcome.QUEUED)
        case Take(), 404:
            return Dequeued((), now=now)
        case Take(count=1), _:
            return Dequeued((_delivery(found),), now=now)
        case Take(count=count), _ if len(found.jobs) <= count:
            return Dequeued(tuple(map(_delivery, found.jobs)), now=now)
        case Finish(), _:
            return FINISHED[status]
        case Look(), _:
            return View(_no_counts, found.queue_length, found.leased, found.dead_letters)
        case _:
            raise UnexpectedAnswer(f"{item}: {status}, {found}")


def _delivery(job: DeliveryBody) -> Delivery:
    return Delivery(
        queue_id=job.queue_id,
        job_id=job.job_id,
        payload=bytes(job.payload),
        token=job.lease,
        attempt=job.attempt,
        expires_at=job.expires_at,
        requeues_remaining=job.requeues_remaining,
        queue_length=job.current_queue_length,
    )


def _parts(path: str) -> list[str]:
    return urlsplit(path).path.strip("/").split("/")


def _query(path: str) -> Mapping[str, Sequence[str]]:
    return parse_qs(urlsplit(path).query)


def _number(path: str, name: str, default: int) -> int:
    [value] = _query(path).get(name, [str(default)])
    return int(value)
