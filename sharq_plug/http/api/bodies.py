"""Request bodies: their schemas, and the way from bytes to typed fields.

A body that does not fit raises InvalidRequest in SharQ's words. What SharQ accepts and ignores is
accepted and ignored here too: docs/sharq.md has the table.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Generic, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api import halves
from sharq_plug.http.api.fields import (
    FEW_USES,
    AskedLeaseTime,
    At,
    AttemptId,
    BroughtName,
    Cost,
    Costs,
    Count,
    Dead,
    Delay,
    ErrorText,
    Factor,
    FirstDelay,
    Freeze,
    FreezeFor,
    IdempotencyKey,
    Ignored,
    Interval,
    JobHeaders,
    JobId,
    KeepFor,
    Key,
    Lease,
    LeaseTime,
    LimitName,
    MaxQueuedLength,
    MostDelay,
    NewInterval,
    Payload,
    Priority,
    QueueId,
    QueueIds,
    RequeueLimit,
    Together,
    Ttl,
    Wait,
)
from sharq_plug.http.api.json_text import check_nesting, check_utf8, fields_of
from sharq_plug.http.api.settings import FewLimits
from sharq_plug.model import JOB_UNIT, MAX_BATCH, MAX_INTEGER, invalid

Fields = TypeVar("Fields", bound=msgspec.Struct)
Item = TypeVar("Item")

LIMIT = b"max_queued_length"
_holds_fields = re.compile(
    rb"""(?<![\w-])(?:lease|actual)[\\"']*+\s*+[:=]|name=["']?(?:lease|actual)["';\s]""", re.ASCII
).search
"""A field of a finish in JSON that is broken or inside a string, in a form, or in a Python
dictionary."""


class RequeueDelayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long (ms) a job waits after a penalty: see `RequeueDelay`."""

    first: FirstDelay
    factor: Factor | None = None
    most: MostDelay | None = None


class DeduplicateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key under which a job is remembered, and for how long (ms)."""

    key: Key
    keep_for: KeepFor = msgspec.field(name="for")


class UseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shared limit that the job's queue uses; with `limits` it is created if it is missing."""

    name: LimitName
    limits: FewLimits | None = None


class FreezeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shared limit to be frozen, and for how long (ms)."""

    limit: LimitName
    duration: FreezeFor = msgspec.field(name="for")


class EnqueueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an enqueue. `payload` is as the client wrote it, byte for byte.

    `headers` are decoded later: they may hold letters that stand marked beside a marked payload.
    """

    EXCLUDES: ClassVar = (("delay", "at"),)

    job_id: JobId
    payload: Payload
    interval: Interval | UnsetType = UNSET
    requeue_limit: RequeueLimit | None = None
    max_queued_length: MaxQueuedLength | None = None
    delay: Delay | None = None
    at: At | None = None
    priority: Priority | None = None
    ttl: Ttl | None = None
    requeue_delay: FirstDelay | RequeueDelayBody | None = None
    deduplicate: DeduplicateBody | None = None
    idempotency_key: IdempotencyKey | None = None
    cost: Cost | Costs | None = None
    headers: JobHeaders | UnsetType = UNSET
    uses: Annotated[tuple[BroughtName | UseBody, ...], FEW_USES] | None = None
    queue_type: Ignored | UnsetType = UNSET  # SharQ ignores these two: the path has them
    queue_id: Ignored | UnsetType = UNSET


class FinishBody(msgspec.Struct, frozen=True):
    """The body of a finish: the token of the lease, and what the job took if not its cost."""

    lease: Lease | None = None
    actual: Cost | Costs | None = None


class ReleaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a release; `delay` and `freeze` are in ms. `freeze` may name a shared limit."""

    lease: Lease
    delay: Delay | None = None
    freeze: Freeze | FreezeBody | None = None


class FailBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a fail; `delay` and `freeze` are as in a release."""

    lease: Lease
    error: ErrorText | None = None
    delay: Delay | None = None
    dead: Dead | None = None
    freeze: Freeze | FreezeBody | None = None


class ExtendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an extend: the lease ends so many ms from now."""

    lease: Lease
    lease_time: LeaseTime = msgspec.field(name="for")


class DequeueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a dequeue may ask for, in its body or in its query.

    Without a `count` it gets one job, not in a list. `wait` and `lease_time` are in ms. With
    `queues` it takes from these only, with `together` all from one queue.
    """

    count: Count | None = None
    wait: Wait | None = None
    attempt_id: AttemptId | None = None
    lease_time: AskedLeaseTime | None = None
    queues: QueueIds | None = None
    together: Together | None = None


class BatchBody(msgspec.Struct, Generic[Item], frozen=True, forbid_unknown_fields=True):
    """The body of a batch: up to 1000 items."""

    jobs: Annotated[list[Item], Meta(max_length=MAX_BATCH)]


class IntervalBody(msgspec.Struct, frozen=True):
    """The body of a change of interval (ms)."""

    interval: NewInterval


class _LimitedPayload(msgspec.Struct):
    max_queued_length: Raw = Raw()


_limited_payload = msgspec.json.Decoder(_LimitedPayload)

_NAMES = {"queue_id": QueueId, "job_id": JobId}
_ANY_LEASE = FinishBody()
_BAD_FIELDS = frozenset({str(invalid("lease")), str(invalid("actual"))})


def item_schema(body: type[Fields], names: Sequence[str]) -> type[Fields]:
    """Return the schema of an item of a batch: a body, and the names that its path would have."""
    title, fields = f"{body.__name__}Item", [(name, _NAMES[name]) for name in names]
    item = msgspec.defstruct(title, fields, bases=(body,), kw_only=True)
    return cast("type[Fields]", item)


def read_body(decoder: msgspec.json.Decoder[Fields], body: bytes) -> Fields:
    """Return the fields of a body."""
    check_utf8(body)
    fields = fields_of(decoder, body)
    check_nesting(body)
    return fields


def read_finish_body(decoder: msgspec.json.Decoder[FinishBody], body: bytes) -> FinishBody:
    """Return the fields of a finish.

    A body that is not a JSON object is ignored, unless it seems to hold a field: the caller would
    lose the protection that a lease gives, or pay for what the job did not take.
    """
    if not body:
        return _ANY_LEASE
    try:
        return fields_of(decoder, body)
    except InvalidRequest as error:
        if _holds_fields(body) or str(error) in _BAD_FIELDS:
            raise
        return _ANY_LEASE


def read_optional_body(decoder: msgspec.json.Decoder[Fields], body: bytes) -> Fields:
    """Return the fields of a body that may be empty."""
    return read_body(decoder, body if body.strip() else b"{}")


def units(given: int | Mapping[str, int] | None) -> Mapping[str, int] | None:
    """Return the units that a field gives: a number is one of `job`."""
    return {JOB_UNIT: given} if isinstance(given, int) else given


def complete_enqueue(fields: EnqueueBody) -> EnqueueBody:
    """Take over a limit from inside the payload; restore the payload's half surrogate pairs."""
    payload = bytes(fields.payload)
    if fields.max_queued_length is None and LIMIT in payload and payload.startswith(b"{"):
        limit = bytes(fields_of(_limited_payload, payload).max_queued_length)
        fields = msgspec.structs.replace(fields, max_queued_length=_limit(limit))
    if halves.MARKED in payload:
        fields = msgspec.structs.replace(fields, payload=Raw(halves.unmark(payload)))
    return fields


def is_true(value: Raw | UnsetType) -> bool:
    """Return whether Python takes a JSON value for true; an absent one is false."""
    text = b"" if value is UNSET else bytes(value)
    if text[:1] in {b"[", b"{"}:
        return bool(text[1:-1].strip())
    if _is_number(text):
        return float(text) != 0
    return text not in {b"", b"null", b"false", b'""'}


def _limit(value: bytes) -> int | None:
    """Return how many jobs may wait by a JSON value inside a payload; None unless a number.

    SharQ compares the length with the number as it is: 5.5 lets six wait, -1 none.
    """
    if not _is_number(value):
        return None
    limit = float(value)
    return MAX_INTEGER if limit >= MAX_INTEGER else math.ceil(max(0, limit))


def _is_number(value: bytes) -> bool:
    return value[:1] == b"-" or value[:1].isdigit()
