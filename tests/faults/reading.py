"""From what went over the wire to a history of what was asked of the store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Raw

from faults.crowd import LEASE, OK
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

Item = TypeVar("Item")


class EnqueueBody(msgspec.Struct, frozen=True):
    job_id: str
    interval: int
    payload: Raw
    requeue_limit: int = -1


class EnqueueItem(EnqueueBody, frozen=True, kw_only=True):
    queue_id: str


class FinishBody(msgspec.Struct, frozen=True):
    lease: str


class FinishItem(FinishBody, frozen=True):
    queue_id: str
    job_id: str


class Batch(msgspec.Struct, Generic[Item], frozen=True):
    """Many jobs in one body: new ones, those that are to be finished, those that were leased."""

    jobs: list[Item]


class BatchAnswer(msgspec.Struct, frozen=True):
    results: list[Raw]


class Code(msgspec.Struct, frozen=True):
    code: int


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
PROMPT = 5.0
"""Seconds in which a server answers, beyond those for which it is asked to wait."""
_no_counts = MinuteCounts({}, {})


def read_history(journals: Iterable[Path]) -> History:
    """Return what the journals tell, as one history.

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
    if answered is not None:
        answers = _answers(asked, answered)
        outcomes = [_outcome(*pair, answered.at) for pair in zip(operations, answers, strict=True)]
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


def _operations(asked: Asked) -> Sequence[Operation]:
    """Return what a request asks for: nothing that is judged, one thing, or several."""
    match _parts(asked.path):
        case ["enqueue", queue_type, *queue]:
            return _enqueues(queue_type, queue, asked.body)
        case ["dequeue", queue_type]:
            [attempt_id] = _query(asked.path).get("attempt_id", [None])
            return [Dequeue(queue_type, _number(asked.path, "count", 1), LEASE, attempt_id)]
        case ["finish", queue_type, *job]:
            return _finishes(queue_type, job, asked.body)
        case ["metrics", queue_type, queue_id]:
            return [Measure(queue_type, queue_id)]
        case _:
            return []


def _enqueues(queue_type: str, queue: Sequence[str], body: str) -> Sequence[Operation]:
    """Return what is enqueued into the queue that the path names, or into those the body names."""
    jobs: Iterable[tuple[str, EnqueueBody]]
    if queue:
        jobs = [(queue[0], msgspec.json.decode(body, type=EnqueueBody))]
    else:
        batch = msgspec.json.decode(body, type=Batch[EnqueueItem]).jobs
        jobs = [(job.queue_id, job) for job in batch]
    return [
        Enqueue(
            queue_type,
            NewJob(queue_id, new.job_id, bytes(new.payload), new.interval, new.requeue_limit),
        )
        for queue_id, new in jobs
    ]


def _finishes(queue_type: str, job: Sequence[str], body: str) -> Sequence[Operation]:
    """Return the finish of the job that the path names, or of those the body names."""
    if job:
        queue_id, job_id = job
        token = msgspec.json.decode(body, type=FinishBody).lease
        refs = [LeaseRef(queue_id, job_id, token)]
    else:
        claims = msgspec.json.decode(body, type=Batch[FinishItem]).jobs
        refs = [LeaseRef(claim.queue_id, claim.job_id, claim.lease) for claim in claims]
    return [Finish(queue_type, ref, receipt_time(LEASE)) for ref in refs]


def _answers(asked: Asked, answered: Answered) -> list[tuple[int, bytes]]:
    """Return a code and a body for each thing that was asked for."""
    body = answered.body.encode()
    match _parts(asked.path):
        case ["enqueue" | "finish", _] if answered.status == OK:
            results = msgspec.json.decode(body, type=BatchAnswer).results
            return [(msgspec.json.decode(item, type=Code).code, bytes(item)) for item in results]
        case _:
            return [(answered.status, body)] * len(_operations(asked))


def _outcome(operation: Operation, answer: tuple[int, bytes], now: int) -> Outcome:
    match operation, *answer:
        case Enqueue(), 201, body:
            repeated = msgspec.json.decode(body, type=EnqueueAnswer).duplicate
            return EnqueueResult(EnqueueOutcome.DUPLICATE if repeated else EnqueueOutcome.QUEUED)
        case Dequeue(count=1), 200, body:
            return Dequeued((_leased_job(msgspec.json.decode(body, type=DequeueAnswer)),), now=now)
        case Dequeue(count=count), 200, body:
            jobs = msgspec.json.decode(body, type=Batch[DequeueAnswer]).jobs
            if 1 <= len(jobs) <= count:
                return Dequeued(tuple(map(_leased_job, jobs)), now=now)
        case Dequeue(), 404, _:
            return Dequeued((), now=now)
        case Finish(), status, _ if status in FINISHED:
            return FINISHED[status]
        case Measure(), 200, body:
            found = msgspec.json.decode(body, type=MetricsAnswer)
            lengths = (found.queue_length, found.leased, found.dead_letters)
            return QueueMetrics(*lengths, _no_counts)
        case _:
            pass
    raise UnexpectedAnswer(f"{operation}: {answer}")


def _leased_job(job: DequeueAnswer) -> LeasedJob:
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


def _parts(path: str) -> list[str]:
    return urlsplit(path).path.strip("/").split("/")


def _query(path: str) -> Mapping[str, Sequence[str]]:
    return parse_qs(urlsplit(path).query)


def _number(path: str, name: str, default: int) -> int:
    [value] = _query(path).get(name, [str(default)])
    return int(value)
