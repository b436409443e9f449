"""What a recorded request asks for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import UNSET

from faults.asking import KEPT, LEASE
from faults.journal import Asked
from faults.limits import of_limit
from faults.settings import setting
from sharq_plug.model import (
    JOB_UNIT,
    Deduplicate,
    Extend,
    Extras,
    Fail,
    Finish,
    FreezeLimit,
    LeaseRef,
    NewJob,
    Release,
    RequeueDelay,
    Settlement,
    Take,
    receipt_time,
)
from sharq_plug.testing.model_check.operations import Item, Look
from support import wire_schema
from support.wire_schema import (
    Batch,
    ClaimBody,
    DequeueBody,
    ExtendBody,
    FailBody,
    FinishBody,
    FreezeBody,
    NewJobBody,
    ReleaseBody,
)

CLAIMS: Mapping[str, type[ClaimBody]] = {
    "finish": FinishBody,
    "release": ReleaseBody,
    "fail": FailBody,
    "extend": ExtendBody,
}
"""What a worker says of a lease, by the verb."""
_plain = Extras()


def items(asked: Asked) -> Iterable[Item]:
    """Return what a request asks for: nothing that is judged, one thing, or several."""
    match parts(asked.path):
        case ["enqueue", _, *queue]:
            return _new_jobs(queue, asked)
        case ["dequeue", _]:
            wish = _wish(asked)
            return [Take(wish.count or 1, wish.lease_time or LEASE, wish.attempt_id)]
        case [verb, _, *job] if verb in CLAIMS:
            return map(_settlement, _claims(CLAIMS[verb], job, asked.body))
        case ["metrics", _, queue_id]:
            return [Look(queue_id)]
        case ["queue" | "type" | "limit" as kind, _, *name]:
            return [_of_operator(kind, name[0] if name else None, asked.body)]
        case _:
            return []


def _of_operator(kind: str, name: str | None, body: str) -> Item:
    """Return the change, or without a body the look, that an operator asks for."""
    if kind == "limit" and name is not None:
        return of_limit(name, body)
    return setting(name, body) if body else Look(name)


def wait(asked: Asked) -> int:
    """Return the ms that a request asks to wait."""
    return _wish(asked).wait if parts(asked.path)[0] == "dequeue" else 0


def parts(path: str) -> list[str]:
    """Return the names in a path."""
    return urlsplit(path).path.strip("/").split("/")


def _new_jobs(queue: Sequence[str], asked: Asked) -> Iterator[NewJob]:
    """Yield the jobs of an enqueue into the queue of the path, or into those of the body."""
    if queue:
        bodies = [(queue[0], msgspec.json.decode(asked.body, type=NewJobBody))]
    else:
        batch = msgspec.json.decode(asked.body, type=Batch[NewJobBody]).jobs
        bodies = [(job.queue_id, job) for job in batch]
    for queue_id, new in bodies:
        extras = _extras(new, asked.key)
        yield NewJob(
            queue_id,
            new.job_id,
            bytes(new.payload),
            new.interval,
            new.requeue_limit,
            extras=None if extras == _plain else extras,
        )


def _extras(new: NewJobBody, key: str | None) -> Extras:
    """Return the further fields of a job; `key` is the request's."""
    given = {
        name: value
        for name in Extras.__struct_fields__
        if (value := getattr(new, name, UNSET)) is not UNSET
    }
    match new.requeue_delay:
        case int(delay):
            given["requeue_delay"] = RequeueDelay(delay)
        case wire_schema.RequeueDelay(first=first, factor=factor, most=most):
            given["requeue_delay"] = RequeueDelay(first, factor, most)
    if isinstance(new.deduplicate, wire_schema.Deduplicate):
        given["deduplicate"] = Deduplicate(new.deduplicate.key, new.deduplicate.time)
    elif isinstance(new.idempotency_key, str) or key is not None:
        name = new.idempotency_key if isinstance(new.idempotency_key, str) else key
        given["deduplicate"] = Deduplicate(name or "", KEPT)
    if isinstance(new.cost, int):
        given["cost"] = {JOB_UNIT: new.cost}
    return Extras(**given)


def _claims(kind: type[ClaimBody], job: Sequence[str], body: str) -> list[ClaimBody]:
    """Return what is said of the lease of the path, or of those of the body."""
    if job:
        queue_id, job_id = job
        claim = msgspec.json.decode(body, type=kind)
        return [msgspec.structs.replace(claim, queue_id=queue_id, job_id=job_id)]
    return [
        msgspec.convert(item, type=kind)
        for item in msgspec.json.decode(body, type=Batch[dict[str, Any]]).jobs
    ]


def _settlement(claim: ClaimBody) -> Settlement:
    lease = LeaseRef(claim.queue_id, claim.job_id, claim.lease)
    match claim:
        case ReleaseBody(delay=delay, freeze=freeze):
            return Release(lease, delay, *_frozen(freeze))
        case FailBody(error=error, delay=delay, dead=dead, freeze=freeze):
            return Fail(lease, error, delay, dead, *_frozen(freeze))
        case ExtendBody(time=time):
            return Extend(lease, time)
        case FinishBody(actual=actual):
            took = {JOB_UNIT: actual} if isinstance(actual, int) else actual
            return Finish(lease, receipt_time(LEASE), took)
        case _:
            raise AssertionError(claim)


def _frozen(freeze: int | FreezeBody) -> tuple[int, FreezeLimit | None]:
    """Return for how long (ms) a worker freezes its queue, and which shared limit."""
    if isinstance(freeze, int):
        return freeze, None
    return 0, FreezeLimit(freeze.limit, freeze.time)


def _wish(asked: Asked) -> DequeueBody:
    """Return what a dequeue asks for, in its body or in its query."""
    if asked.body:
        return msgspec.json.decode(asked.body, type=DequeueBody)
    query = {name: value for name, [value] in parse_qs(urlsplit(asked.path).query).items()}
    return msgspec.convert(query, type=DequeueBody, strict=False)
