"""From JSON to typed fields, or to an InvalidRequest that says what is wrong and where."""

import re
from itertools import accumulate
from typing import TypeVar

import msgspec
from msgspec import Raw

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api import halves
from sharq_plug.model import invalid

MAX_NESTING = 512
"""Levels of arrays and objects that a payload may have."""

T = TypeVar("T", bound=msgspec.Struct)

_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # in, in, out, out: -1 is 0xff
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_JSON_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')

_missing_field = re.compile(r"Object missing required field `(\w+)`").fullmatch
_invalid_field = re.compile(
    r"(.*) - at `\$\.(?:defaults\.)?(?:uses\[[0-9]+\]\.)?(?:limits\[[0-9]+\]\.)?(\w+)[^`]*`",
    re.DOTALL,
).fullmatch
"""Matches what is wrong, and the field: in `defaults`, `uses` and `limits` the inner one."""
_wrong_inside = re.compile(
    r"Object (?:(missing) required|contains (unknown)) field (`.*`)", re.DOTALL
).fullmatch


def fields_of(decoder: msgspec.json.Decoder[T], text: bytes | Raw) -> T:
    """Return the fields in a JSON object that is known to be UTF-8, or marked.

    Fields of the type Raw hold half surrogate pairs marked. Raises InvalidRequest.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _in_sharqs_words(str(error)) from error
    except msgspec.DecodeError as error:
        marked = halves.mark(bytes(text))
        if marked == bytes(text):
            raise _invalid_json(_what_is_wrong(error, marked)) from error
        return fields_of(decoder, marked)
    except UnicodeDecodeError as error:
        raise _half_outside_payload(decoder, bytes(text)) from error
    except RecursionError:
        raise _too_deep() from None


def check_utf8(text: bytes) -> None:
    """Raise InvalidRequest unless `text` is UTF-8: a Raw field would let anything through."""
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(error) from error


def brackets(text: bytes) -> int:
    """Return how many brackets are opened in a text: at least as many as it is nested deep."""
    return text.count(b"[") + text.count(b"{")


def check_nesting(text: bytes, limit: int = MAX_NESTING + 1) -> None:
    """Raise InvalidRequest if valid JSON, by default an object around a payload, is too deep."""
    if brackets(text) <= limit:
        return
    steps = memoryview(_JSON_STRING.sub(b"", text).translate(_STEPS, _NO_BRACKETS)).cast("b")
    if max(accumulate(steps), default=0) > limit:
        raise _too_deep()


def _what_is_wrong(error: msgspec.DecodeError, text: bytes) -> str:
    if not text.strip():
        return "the body is empty"
    message = str(error)
    if message == "Input data was truncated":
        return f"it ends too early (byte {len(text)})"
    return message.removeprefix("JSON is malformed: ")


def _half_outside_payload(decoder: msgspec.json.Decoder[T], marked: bytes) -> InvalidRequest:
    """Return the error for a text in which a text of ours, such as a name, cannot be decoded."""
    try:
        fields = msgspec.structs.asdict(decoder.decode(halves.legible(marked)))
    except msgspec.ValidationError as error:
        return _in_sharqs_words(str(error))
    except UnicodeDecodeError as error:
        return _not_utf8(error)
    broken = (name for name, value in fields.items() if not str(value).isascii())
    return invalid(next(broken, "body"))


def _in_sharqs_words(message: str) -> InvalidRequest:
    if found := _missing_field(message):
        return InvalidRequest(f"`{found[1]}` is a mandatory parameter")
    if found := _invalid_field(message):
        return _invalid_with_reason(found[2], found[1])
    return InvalidRequest(message)


def _invalid_with_reason(field: str, what: str) -> InvalidRequest:
    """Return the error for a field; name the field that is missing or unknown in it."""
    if found := _wrong_inside(what):
        return InvalidRequest(f"{invalid(field)} {found[3]} is {found[1] or found[2]}.")
    return invalid(field)


def _invalid_json(what: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not valid JSON: {what}")


def _not_utf8(error: UnicodeDecodeError) -> InvalidRequest:
    return _invalid_json(f"it is not UTF-8, {error.reason} (byte {error.start})")


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The body is nested deeper than {MAX_NESTING}.")
