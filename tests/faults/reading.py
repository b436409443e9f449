"""From what went over the wire to a history of what was asked of the store."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Raw

from faults.crowd import LEASE
from faults.journal import Answered, Asked, read_journal
from sharq_plug.model import (
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    QueueMetrics,
    receipt_time,
)
from sharq_plug.testing.model_check.history import (
    Dequeue,
    Enqueue,
    Event,
    Finish,
    History,
    Measure,
    Operation,
    Outcome,
    merge,
)


class EnqueueBody(msgspec.Struct, frozen=True):
    job_id: str
    interval: int
    payload: Raw
    requeue_limit: int = -1


class FinishBody(msgspec.Struct, frozen=True):
    lease: str


class EnqueueAnswer(msgspec.Struct, frozen=True):
    duplicate: bool = False


class DequeueAnswer(msgspec.Struct, frozen=True):
    queue_id: str
    job_id: str
    payload: Raw
    requeues_remaining: int
    current_queue_length: int
    lease: str
    attempt: int
    expires_at: int


class MetricsAnswer(msgspec.Struct, frozen=True):
    queue_length: int
    leased: int
    dead_letters: int


class UnexpectedAnswer(Exception):
    """A server answered as none of its callers deserved."""


FINISHED: Mapping[int, LeaseOutcome] = {
    200: LeaseOutcome.ENDED,
    409: LeaseOutcome.STALE,
    404: LeaseOutcome.UNKNOWN,
}
UNAVAILABLE = 503
_no_counts = MinuteCounts({}, {})


def read_history(journals: Iterable[Path]) -> History:
    """Return what the journals tell, as one history.

    Raises UnexpectedAnswer for anything but what the API promises to good requests.
    """
    return merge(_read(path) for path in journals)


def _read(path: Path) -> History:
    asked: dict[int, Asked] = {}
    answered: dict[int, Answered] = {}
    for entry in read_journal(path):
        if isinstance(entry, Asked):
            asked[entry.call] = entry
        else:
            answered[entry.call] = entry
    events = (_event(call, answered.get(number)) for number, call in asked.items())
    return History(tuple(event for event in events if event is not None), complete=False)


def _event(asked: Asked, answered: Answered | None) -> Event | None:
    operation = _operation(asked)
    if operation is None:
        return None
    known = answered is not None and answered.status != UNAVAILABLE
    return Event(
        call=asked.call,
        item=0,
        invoked=asked.tick,
        answered=answered.tick if answered and known else None,
        invoked_at=asked.at,
        answered_at=answered.at if answered and known else None,
        operation=operation,
        outcome=_outcome(operation, answered) if answered and known else None,
    )


def _operation(asked: Asked) -> Operation | None:
    url = urlsplit(asked.path)
    match url.path.strip("/").split("/"):
        case ["enqueue", queue_type, queue_id]:
            new = msgspec.json.decode(asked.body, type=EnqueueBody)
            payload = bytes(new.payload)
            job = NewJob(queue_id, new.job_id, payload, new.interval, new.requeue_limit)
            return Enqueue(queue_type, job)
        case ["dequeue", queue_type]:
            [attempt_id] = parse_qs(url.query).get("attempt_id", [None])
            return Dequeue(queue_type, 1, LEASE, attempt_id)
        case ["finish", queue_type, queue_id, job_id]:
            token = msgspec.json.decode(asked.body, type=FinishBody).lease
            return Finish(queue_type, LeaseRef(queue_id, job_id, token), receipt_time(LEASE))
        case ["metrics", queue_type, queue_id]:
            return Measure(queue_type, queue_id)
        case _:
            return None


def _outcome(operation: Operation, answered: Answered) -> Outcome:
    match operation, answered.status:
        case Enqueue(), 201:
            repeated = msgspec.json.decode(answered.body, type=EnqueueAnswer).duplicate
            return EnqueueResult(EnqueueOutcome.DUPLICATE if repeated else EnqueueOutcome.QUEUED)
        case Dequeue(), 200:
            return Dequeued((_leased_job(answered.body),))
        case Dequeue(), 404:
            return Dequeued(())
        case Finish(), status if status in FINISHED:
            return FINISHED[status]
        case Measure(), 200:
            found = msgspec.json.decode(answered.body, type=MetricsAnswer)
            lengths = (found.queue_length, found.leased, found.dead_letters)
            return QueueMetrics(*lengths, _no_counts)
        case _:
            raise UnexpectedAnswer(f"{operation}: {answered.status} {answered.body}")


def _leased_job(body: str) -> LeasedJob:
    job = msgspec.json.decode(body, type=DequeueAnswer)
    return LeasedJob(
        queue_id=job.queue_id,
        job_id=job.job_id,
        payload=bytes(job.payload),
        token=job.lease,
        attempt=job.attempt,
        expires_at=job.expires_at,
        requeues_remaining=job.requeues_remaining,
        queue_length=job.current_queue_length,
    )
