"""Request bodies: from bytes to typed fields, or an InvalidRequest in SharQ's words."""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import MAX_BATCH, invalid

MAX_NESTING = 512
"""Arrays and objects inside each other that a payload may have."""

T = TypeVar("T")

_NO_FIELDS = b"{}"
_LIMIT = b"max_queued_length"
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # in, in, out, out: -1 is 0xff
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_JSON_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')

_missing_field = re.compile(r"Object missing required field `(\w+)`").fullmatch
_invalid_field = re.compile(r".* - at `\$\.(\w+)`").fullmatch


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


class FinishBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a finish: the token of the lease."""

    lease: str | None = None


class FinishItem(FinishBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the leases of a batch."""

    queue_id: str
    job_id: str


class BatchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a batch. Its items are decoded one by one, so that a bad one fails alone."""

    jobs: Annotated[list[Raw], Meta(max_length=MAX_BATCH)]


class IntervalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a change of interval (ms)."""

    interval: int


class DeleteQueueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a clearing."""

    purge_all: bool | None = None


class _LimitedPayload(msgspec.Struct):
    max_queued_length: int | None = None


_enqueue_body = msgspec.json.Decoder(EnqueueBody)
_enqueue_item = msgspec.json.Decoder(EnqueueItem)
_finish_body = msgspec.json.Decoder(FinishBody)
_finish_item = msgspec.json.Decoder(FinishItem)
_batch_body = msgspec.json.Decoder(BatchBody)
_interval_body = msgspec.json.Decoder(IntervalBody)
_delete_queue_body = msgspec.json.Decoder(DeleteQueueBody)
_limited_payload = msgspec.json.Decoder(_LimitedPayload)


def decode_enqueue(body: bytes) -> EnqueueBody:
    """Return the fields of an enqueue, a limit inside its payload included."""
    return _with_its_limit(_decode(_enqueue_body, body))


def decode_enqueue_item(item: Raw) -> EnqueueItem:
    """Return the fields of one job of a batch, a limit inside its payload included."""
    return _with_its_limit(_decode_item(_enqueue_item, item))


def decode_finish(body: bytes) -> FinishBody:
    """Return the fields of a finish; its body may be empty."""
    return _decode(_finish_body, body or _NO_FIELDS)


def decode_finish_item(item: Raw) -> FinishItem:
    """Return the fields of one lease of a batch."""
    return _decode_item(_finish_item, item)


def decode_batch(body: bytes) -> Sequence[Raw]:
    """Return the items of a batch, up to 1000, each still to be decoded."""
    _check_text(body)
    return _fields(_batch_body, body).jobs


def decode_interval(body: bytes) -> IntervalBody:
    """Return the fields of a change of interval."""
    return _decode(_interval_body, body)


def decode_delete_queue(body: bytes) -> DeleteQueueBody:
    """Return the fields of a clearing; its body may be empty."""
    return _decode(_delete_queue_body, body or _NO_FIELDS)


Enqueue = TypeVar("Enqueue", bound=EnqueueBody)


def _with_its_limit(fields: Enqueue) -> Enqueue:
    if fields.max_queued_length is not None:
        return fields
    payload = bytes(fields.payload)
    if _LIMIT not in payload or not payload.startswith(b"{"):
        return fields
    limit = _decode_item(_limited_payload, fields.payload).max_queued_length
    return msgspec.structs.replace(fields, max_queued_length=limit)


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    _check_text(body)
    return _decode_item(decoder, body)


def _decode_item(decoder: msgspec.json.Decoder[T], item: bytes | Raw) -> T:
    """Decode a part of a body that is known to be text."""
    fields = _fields(decoder, item)
    if _is_deep(bytes(item)):
        raise _too_deep()
    return fields


def _fields(decoder: msgspec.json.Decoder[T], text: bytes | Raw) -> T:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _in_sharqs_words(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid_json(error) from error
    except RecursionError:
        raise _too_deep() from None


def _check_text(body: bytes) -> None:
    """Raise InvalidRequest unless `body` is UTF-8: a Raw field would let anything through."""
    try:
        if not body.isascii():
            body.decode()
    except UnicodeDecodeError as error:
        raise _invalid_json(error) from error


def _invalid_json(error: Exception) -> InvalidRequest:
    return InvalidRequest(f"The body is not valid JSON: {error}")


def _in_sharqs_words(message: str) -> InvalidRequest:
    if found := _missing_field(message):
        return InvalidRequest(f"`{found[1]}` is a mandatory parameter")
    if found := _invalid_field(message):
        return invalid(found[1])
    return InvalidRequest(message)


def _is_deep(body: bytes) -> bool:
    """Say if valid JSON, an object around a payload, is nested deeper than allowed."""
    limit = MAX_NESTING + 1
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    steps = memoryview(_JSON_STRING.sub(b"", body).translate(_STEPS, _NO_BRACKETS)).cast("b")
    return max(accumulate(steps), default=0) > limit


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The body is nested deeper than {MAX_NESTING}.")
