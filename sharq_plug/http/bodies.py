"""Request bodies: from bytes to typed fields, or an InvalidRequest in SharQ's words.

What SharQ takes and ignores is taken and ignored here too: docs/sharq.md has the table.
"""

import math
import re
from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw

from sharq_plug.errors import InvalidRequest
from sharq_plug.http import halves
from sharq_plug.http.json_text import check_nesting, check_utf8, fields_of
from sharq_plug.model import MAX_BATCH, MAX_INTEGER, invalid

T = TypeVar("T", bound=msgspec.Struct)

_NO_BODY = frozenset({b"", b'""', b"null"})
_LIMIT = b"max_queued_length"
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
    queue_type: Raw = Raw()  # SharQ ignores these two: the path says it
    queue_id: Raw = Raw()


class EnqueueItem(EnqueueBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the jobs of a batch: an enqueue that says its queue by itself."""

    queue_id: str  # type: ignore[assignment]  # here it counts


class FinishBody(msgspec.Struct, frozen=True):
    """The body of a finish: the token of the lease."""

    lease: str | None = None


class FinishItem(FinishBody, frozen=True, kw_only=True):
    """One of the leases of a batch."""

    queue_id: str
    job_id: str


class BatchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a batch. Its items are decoded one by one, so that a bad one fails alone."""

    jobs: Annotated[list[Raw], Meta(max_length=MAX_BATCH)]


class IntervalBody(msgspec.Struct, frozen=True):
    """The body of a change of interval (ms)."""

    interval: int


class DeleteQueueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a clearing. `purge_all` may be any value."""

    purge_all: Raw = Raw()
    queue_type: Raw = Raw()  # SharQ ignores these two
    queue_id: Raw = Raw()


class _LimitedPayload(msgspec.Struct):
    max_queued_length: Raw = Raw()


_enqueue_body = msgspec.json.Decoder(EnqueueBody)
_enqueue_item = msgspec.json.Decoder(EnqueueItem)
_finish_body = msgspec.json.Decoder(FinishBody)
_finish_item = msgspec.json.Decoder(FinishItem)
_batch_body = msgspec.json.Decoder(BatchBody)
_interval_body = msgspec.json.Decoder(IntervalBody)
_delete_queue_body = msgspec.json.Decoder(DeleteQueueBody)
_limited_payload = msgspec.json.Decoder(_LimitedPayload)

_ANY_LEASE = FinishBody()
_BAD_LEASE = str(invalid("lease"))


def decode_enqueue(body: bytes) -> EnqueueBody:
    """Return the fields of an enqueue, a limit inside its payload included."""
    return _completed(_decode(_enqueue_body, body))


def decode_enqueue_item(item: Raw) -> EnqueueItem:
    """Return the fields of one job of a batch, a limit inside its payload included."""
    return _completed(_decode_item(_enqueue_item, item))


def decode_finish(body: bytes) -> FinishBody:
    """Return the fields of a finish.

    A body that is no JSON object is ignored, but not if it seems to hold a lease: the caller
    would lose the protection that a lease gives.
    """
    if not body:
        return _ANY_LEASE
    try:
        return fields_of(_finish_body, body)
    except InvalidRequest as error:
        if _holds_lease(body) or str(error) == _BAD_LEASE:
            raise
        return _ANY_LEASE


def decode_finish_item(item: Raw) -> FinishItem:
    """Return the fields of one lease of a batch."""
    return _decode_item(_finish_item, item)


def decode_batch(body: bytes) -> Sequence[Raw]:
    """Return the items of a batch, up to 1000, each still to be decoded."""
    check_utf8(body)
    return fields_of(_batch_body, body).jobs


def decode_interval(body: bytes) -> IntervalBody:
    """Return the fields of a change of interval."""
    return _decode(_interval_body, body)


def decode_purge_all(body: bytes) -> bool:
    """Say if a clearing is to purge: if `purge_all` is a value that Python takes for true."""
    if body.strip() in _NO_BODY:
        return False
    return _is_true(bytes(_decode(_delete_queue_body, body).purge_all))


Enqueue = TypeVar("Enqueue", bound=EnqueueBody)


def _completed(fields: Enqueue) -> Enqueue:
    """Find the limit inside a payload, and give half surrogate pairs back to it."""
    payload = bytes(fields.payload)
    if fields.max_queued_length is None and _LIMIT in payload and payload.startswith(b"{"):
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
    """Say if Python takes a JSON value for true."""
    if value[:1] in {b"[", b"{"}:
        return bool(value[1:-1].strip())
    if _is_number(value):
        return float(value) != 0
    return value not in {b"", b"null", b"false", b'""'}


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    check_utf8(body)
    return _decode_item(decoder, body)


def _decode_item(decoder: msgspec.json.Decoder[T], item: bytes | Raw) -> T:
    """Decode a part of a body that is known to be UTF-8."""
    fields = fields_of(decoder, item)
    check_nesting(bytes(item))
    return fields
