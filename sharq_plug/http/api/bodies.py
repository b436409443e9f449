"""Request bodies: their schemas, and the way from bytes to typed fields.

A body that does not fit raises InvalidRequest in SharQ's words. What SharQ accepts and ignores is
accepted and ignored here too: docs/sharq.md has the table.
"""

import math
import re
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api import halves
from sharq_plug.http.api.json_text import check_nesting, check_utf8, fields_of
from sharq_plug.model import MAX_BATCH, MAX_INTEGER, invalid

Fields = TypeVar("Fields", bound=msgspec.Struct)
Item = TypeVar("Item")

LIMIT = b"max_queued_length"
_NO_BODY = frozenset({b"", b'""', b"null"})
_holds_lease = re.compile(
    rb"""(?<![\w-])lease[\\"']*+\s*+[:=]|name=["']?lease["';\s]""", re.ASCII
).search
"""A lease in JSON that is broken or inside a string, in a form, or in a Python dictionary."""


class EnqueueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an enqueue. `payload` is as the client wrote it, byte for byte."""

    job_id: str
    interval: int
    payload: Raw
    requeue_limit: int | None = None
    max_queued_length: int | None = None
    queue_type: Raw = Raw()  # SharQ ignores these two: the path has them
    queue_id: Raw = Raw()


class EnqueueItem(EnqueueBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One job of a batch of enqueues, with the queue that a single enqueue has in its path."""

    queue_id: str  # type: ignore[assignment]  # here it names the queue


class FinishBody(msgspec.Struct, frozen=True):
    """The body of a finish: the token of the lease."""

    lease: str | None = None


class FinishItem(FinishBody, frozen=True, kw_only=True):
    """One lease of a batch of finishes."""

    queue_id: str
    job_id: str


class BatchBody(msgspec.Struct, Generic[Item], frozen=True, forbid_unknown_fields=True):
    """The body of a batch: up to 1000 items."""

    jobs: Annotated[list[Item], Meta(max_length=MAX_BATCH)]


class IntervalBody(msgspec.Struct, frozen=True):
    """The body of a change of interval (ms)."""

    interval: int


class DeleteQueueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a clearing. `purge_all` may be any JSON value."""

    purge_all: Raw = Raw()
    queue_type: Raw = Raw()  # SharQ ignores these two
    queue_id: Raw = Raw()


class _LimitedPayload(msgspec.Struct):
    max_queued_length: Raw = Raw()


_enqueue_body = msgspec.json.Decoder(EnqueueBody)
_finish_body = msgspec.json.Decoder(FinishBody)
_interval_body = msgspec.json.Decoder(IntervalBody)
_delete_queue_body = msgspec.json.Decoder(DeleteQueueBody)
_limited_payload = msgspec.json.Decoder(_LimitedPayload)

_ANY_LEASE = FinishBody()
_BAD_LEASE = str(invalid("lease"))


def decode_enqueue(body: bytes) -> EnqueueBody:
    """Return the fields of an enqueue, including a limit inside its payload."""
    return complete_enqueue(_decode(_enqueue_body, body))


def decode_finish(body: bytes) -> FinishBody:
    """Return the fields of a finish.

    A body that is not a JSON object is ignored, unless it seems to hold a lease: the caller would
    lose the protection that a lease gives.
    """
    if not body:
        return _ANY_LEASE
    try:
        return fields_of(_finish_body, body)
    except InvalidRequest as error:
        if _holds_lease(body) or str(error) == _BAD_LEASE:
            raise
        return _ANY_LEASE


def decode_interval(body: bytes) -> IntervalBody:
    """Return the fields of a change of interval."""
    return _decode(_interval_body, body)


def decode_purge_all(body: bytes) -> bool:
    """Return whether a clearing is to purge: whether Python takes `purge_all` for true."""
    if body.strip() in _NO_BODY:
        return False
    return _is_true(bytes(_decode(_delete_queue_body, body).purge_all))


Enqueue = TypeVar("Enqueue", bound=EnqueueBody)


def complete_enqueue(fields: Enqueue) -> Enqueue:
    """Take over a limit from inside the payload; restore the payload's half surrogate pairs."""
    payload = bytes(fields.payload)
    if fields.max_queued_length is None and LIMIT in payload and payload.startswith(b"{"):
        limit = bytes(fields_of(_limited_payload, payload).max_queued_length)
        fields = msgspec.structs.replace(fields, max_queued_length=_limit(limit))
    if halves.MARKED in payload:
        fields = msgspec.structs.replace(fields, payload=Raw(halves.unmark(payload)))
    return fields


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


def _is_true(value: bytes) -> bool:
    """Return whether Python takes a JSON value for true."""
    if value[:1] in {b"[", b"{"}:
        return bool(value[1:-1].strip())
    if _is_number(value):
        return float(value) != 0
    return value not in {b"", b"null", b"false", b'""'}


def _decode(decoder: msgspec.json.Decoder[Fields], body: bytes) -> Fields:
    check_utf8(body)
    fields = fields_of(decoder, body)
    check_nesting(body)
    return fields
