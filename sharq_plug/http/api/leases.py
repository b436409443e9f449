"""What workers say of their leases: a row for each verb."""

from collections.abc import Callable
from typing import Any

import msgspec

from sharq_plug.http.api.answers import LeaseExtended, NotFound, Success
from sharq_plug.http.api.bodies import (
    ExtendBody,
    FailBody,
    FinishBody,
    FreezeBody,
    ReleaseBody,
    read_body,
    read_finish_body,
    units,
)
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.replies import settled_answer
from sharq_plug.http.api.routes import Answers, told
from sharq_plug.model import (
    Extend,
    Extended,
    Fail,
    Finish,
    FreezeLimit,
    LeaseRef,
    Release,
    Scope,
    Settlement,
)
from sharq_plug.service import QueueService

SETTLED: Answers = {**told(Success, 400, 409), 404: NotFound}
"""What is answered about a lease, a job or a queue that exists, or does not."""


def _finish(service: QueueService, fields: FinishBody, queue_id: str, job_id: str) -> Finish:
    return service.finish(LeaseRef(queue_id, job_id, fields.lease), units(fields.actual))


def _release(_service: QueueService, fields: ReleaseBody, queue_id: str, job_id: str) -> Release:
    lease = LeaseRef(queue_id, job_id, fields.lease)
    return Release(lease, fields.delay or 0, *_frozen(fields.freeze))


def _fail(_service: QueueService, fields: FailBody, queue_id: str, job_id: str) -> Fail:
    lease = LeaseRef(queue_id, job_id, fields.lease)
    return Fail(lease, fields.error, fields.delay, bool(fields.dead), *_frozen(fields.freeze))


def _frozen(freeze: int | FreezeBody | None) -> tuple[int, FreezeLimit | None]:
    """Return for how long (ms) a queue is frozen, and which shared limit."""
    if isinstance(freeze, FreezeBody):
        return 0, FreezeLimit(freeze.limit, freeze.duration)
    return freeze or 0, None


def _extend(_service: QueueService, fields: ExtendBody, queue_id: str, job_id: str) -> Extend:
    return Extend(LeaseRef(queue_id, job_id, fields.lease), fields.lease_time)


def _on_a_lease(
    verb: str,
    body: type[msgspec.Struct],
    item: Callable[..., Settlement],
    read: Callable[[msgspec.json.Decoder[Any], bytes], Any] = read_body,
    done: type[Success] = Success,
) -> ItemVerb[Settlement, bool | Extended]:
    """Return the row of what a worker says of a lease."""
    return ItemVerb(
        verb,
        names=("queue_id", "job_id"),
        body=body,
        read=read,
        item=item,
        operation=QueueService.settle,
        answer=settled_answer,
        answers={**SETTLED, 200: done},
        scope=Scope.WORK,
        has_batches=True,
    )


LEASES = (
    _on_a_lease("finish", FinishBody, _finish, read=read_finish_body),
    _on_a_lease("release", ReleaseBody, _release),
    _on_a_lease("fail", FailBody, _fail),
    _on_a_lease("extend", ExtendBody, _extend, done=LeaseExtended),
)
