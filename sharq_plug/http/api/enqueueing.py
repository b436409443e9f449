"""From the fields of an enqueue, and the headers of its request, to new jobs."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

import msgspec
from msgspec import UNSET

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api import halves
from sharq_plug.http.api.bodies import (
    EnqueueBody,
    RequeueDelayBody,
    UseBody,
    units,
)
from sharq_plug.http.api.request import (
    IDEMPOTENCY_KEY,
    TRACE_PARENT,
    TRACE_STATE,
    Request,
)
from sharq_plug.http.api.rights import check_shared_limits
from sharq_plug.http.api.settings import limits_of
from sharq_plug.model import (
    JOB_UNIT,
    Caller,
    Deduplicate,
    Extras,
    NewJob,
    RequeueDelay,
    Use,
    can_carry,
    check_name,
    invalid,
)
from sharq_plug.service import QueueService

_PLAIN = Extras()
_ONE_JOB = {JOB_UNIT: 1}
_headers = msgspec.json.Decoder(dict[str, str] | None)


class Sender(msgspec.Struct, frozen=True):
    """What one request says of all its jobs.

    `key` is its `Idempotency-Key`; `trace` are its headers of trace context, None without any;
    `caller` is who sent it.
    """

    service: QueueService
    key: str | None = None
    trace: Mapping[str, str] | None = None
    caller: Caller | None = None

    def job(self, fields: EnqueueBody, queue_id: str) -> NewJob:
        """Return the job of a body. Raises InvalidRequest, Forbidden."""
        is_plain = self.key is None and self.trace is None and _is_plain(fields)
        return self.service.new_job(
            queue_id,
            job_id=fields.job_id,
            payload=bytes(fields.payload),
            interval=None if fields.interval is UNSET else fields.interval,
            requeue_limit=fields.requeue_limit,
            max_queued_length=fields.max_queued_length,
            extras=None if is_plain else self._extras(fields),
        )

    def _extras(self, fields: EnqueueBody) -> Extras | None:
        check_shared_limits(self.caller, asked=fields.uses is not None)
        extras = Extras(
            delay=fields.delay,
            at=fields.at,
            priority=fields.priority or 0,
            ttl=fields.ttl,
            requeue_delay=_requeue_delay(fields.requeue_delay),
            deduplicate=self._deduplicate(fields),
            cost=_cost(fields.cost),
            headers=_with_trace(_headers_of(fields), self.trace),
            uses=_uses(fields.uses),
        )
        return None if extras == _PLAIN else extras

    def _deduplicate(self, fields: EnqueueBody) -> Deduplicate | None:
        key = self.key if fields.idempotency_key is None else fields.idempotency_key
        default = None
        if key is not None:
            default = self.service.deduplicate(check_name("idempotency_key", key))
        given = fields.deduplicate
        return default if given is None else Deduplicate(given.key, given.keep_for)


def sender(request: Request, *, is_batch: bool) -> Sender:
    """Return what a request says of its jobs. Raises InvalidRequest."""
    headers = request.known
    key = headers.get(IDEMPOTENCY_KEY)
    if key is not None:
        if is_batch:
            raise InvalidRequest("A batch has an `idempotency_key` in each job, not a header.")
        key = _unquoted(key)
    trace = None
    if TRACE_PARENT in headers or TRACE_STATE in headers:
        trace = {name: headers[name] for name in (TRACE_PARENT, TRACE_STATE) if name in headers}
    return Sender(request.service, key, trace, request.caller)


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if is_quoted else value


def _is_plain(fields: EnqueueBody) -> bool:
    """Return whether a body has none of the fields of Extras."""
    return (
        fields.delay is None
        and fields.at is None
        and fields.priority is None
        and fields.ttl is None
        and fields.requeue_delay is None
        and fields.deduplicate is None
        and fields.idempotency_key is None
        and fields.cost is None
        and fields.headers is UNSET
        and fields.uses is None
    )


def _requeue_delay(given: int | RequeueDelayBody | None) -> RequeueDelay | None:
    if given is None:
        return None
    if isinstance(given, int):
        return RequeueDelay(given)
    chosen = {
        name: value for name, value in msgspec.structs.asdict(given).items() if value is not None
    }
    return RequeueDelay(**chosen)


def _cost(given: int | Mapping[str, int] | None) -> Mapping[str, int] | None:
    """Return the units that a job costs; None for the default, one job."""
    cost = units(given)
    return None if not cost or cost == _ONE_JOB else cost


def _uses(given: Sequence[str | UseBody] | None) -> tuple[Use, ...] | None:
    """Return the shared limits that a queue uses, in the order of their names."""
    return None if given is None else tuple(sorted(map(_use, given), key=attrgetter("name")))


def _use(given: str | UseBody) -> Use:
    if isinstance(given, str):
        return Use(given)
    return Use(given.name, None if given.limits is None else limits_of(given.limits))


def _headers_of(fields: EnqueueBody) -> Mapping[str, str]:
    """Return the headers of a job. Its body may be marked: see `halves`."""
    if fields.headers is UNSET:
        return {}
    text = halves.unmark(bytes(fields.headers))
    try:
        return _headers.decode(text) or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise invalid("headers") from None


def _with_trace(
    headers: Mapping[str, str], trace: Mapping[str, str] | None
) -> Mapping[str, str] | None:
    """Add the trace context of the request, if there is room and the job brings none itself."""
    if trace and {TRACE_PARENT, TRACE_STATE}.isdisjoint(map(str.lower, headers)):
        extended = {**headers, **trace}
        if can_carry(extended):
            return extended
    return headers or None
