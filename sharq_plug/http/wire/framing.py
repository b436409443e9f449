"""Where a request begins and ends: RFC 9112 without its leniency.

Whatever two readers could read differently is refused, so that no request can hide inside another.
The tests have a table of every rule (tests/hostile/test_framing.py).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from sanic.exceptions import BadRequest, ExpectationFailed, SanicException

from sharq_plug.http.api.request import KNOWN_HEADERS

CRLF = b"\r\n"
END_OF_HEAD = b"\r\n\r\n"
MAX_LINE = 4096
"""Bytes of a line between chunks: a size with its extensions, or a trailer."""
MAX_EXTRAS = 8192
"""Bytes of chunk extensions and trailers that one request may have."""
PLAIN_SIZE = 16
"""Bytes of a chunk's first line that do not count as extras."""
KNOWN_HEADS = 256
"""Heads of GET requests that are remembered: a worker sends the same one for each job."""

# No group is possessive: one that fails half-way keeps what it had matched on Python 3.11.2.
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TEXT = rb"[\t -~\x80-\xff]"
_FIELD = _TOKEN + rb"++:" + _TEXT + rb"*+"
_HOST = (
    rb"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=]++|%[0-9A-Fa-f]{2})*"
    rb"|\[[0-9A-Fa-f:.]++\]|\[[vV][0-9A-Fa-f]++\.[A-Za-z0-9\-._~!$&'()*+,;=:]++\])"
    rb"(?::[0-9]*+)?"
)
_head = re.compile(
    rb"(" + _TOKEN + rb'{1,40}+) ([!"$-~]++) HTTP/1\.([0-9])((?:\r\n' + _FIELD + rb")*)"
).fullmatch
_absolute_target = re.compile(
    rb"https?://(?![:/?])" + _HOST + rb"(?:[/?].*)?", re.IGNORECASE
).fullmatch
_long_target = re.compile(_TOKEN + rb'{1,40}+ [!"$-~]++').fullmatch
_field = re.compile(_FIELD).fullmatch
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\' + _TEXT + rb')*"'
_VALUE = rb"[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"++|" + _QUOTED + rb")"
_chunk = re.compile(
    rb"([0-9A-Fa-f]++)(?:[ \t]*+;[ \t]*+" + _TOKEN + rb"++(?:" + _VALUE + rb")?)*"
).fullmatch
_host = re.compile(_HOST.decode()).fullmatch
_is_decimal = re.compile(r"[0-9]+").fullmatch
_control = re.compile(rb"[^\r\t -~\x80-\xff]").search
_bare_line_feed = re.compile(rb"(?<!\r)\n").search

_FRAMING = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding"})
_KNOWN = _FRAMING | KNOWN_HEADERS
"""The headers that mean something here, to this reader or to a handler."""


class Head(msgspec.Struct, frozen=True):
    """The head of a request, and what it says about the body.

    `version` is 1.0 or 1.1, also for later ones. `known` are the headers that mean something here,
    several lines of one joined by a comma. `length` is 0 for a body in chunks.
    """

    method: str
    target: bytes
    version: str
    headers: Sequence[tuple[str, str]]
    known: Mapping[str, str]
    keep_alive: bool
    has_body: bool
    is_chunked: bool
    length: int
    expects_continue: bool


def parse_head(text: bytes) -> Head:
    """Read a head without the empty line at its end; raises SanicException with a 4xx or 501."""
    return _known_head(text) if text.startswith(b"GET ") else _parse_head(text)


def has_bare_line_feed(text: bytearray, start: int = 0) -> bool:
    """Return whether a line ends in a bare line feed, which HTTP forbids."""
    return _bare_line_feed(text, start) is not None


def is_broken_line(text: bytearray) -> bool:
    """Return whether an unfinished line contains a byte that no line may contain."""
    return _control(text) is not None


def has_long_target(text: bytearray) -> bool:
    """Return whether this is a request line whose target does not end."""
    return _long_target(text) is not None


def chunk_size(line: bytes) -> int:
    """Return the size that a chunk's first line gives, its extensions read and ignored."""
    match = _chunk(line)
    if match is None:
        raise bad_chunks()
    return int(match[1], 16)


def check_trailer(line: bytes) -> None:
    """Refuse a trailer that is not a header field."""
    if _field(line) is None:
        raise bad_chunks()


def bad_chunks() -> BadRequest:
    """Return the error for a body whose end cannot be found."""
    return BadRequest("Bad chunked encoding")


def _parse_head(text: bytes) -> Head:
    match = _head(text)
    if match is None:
        raise BadRequest("Bad Request")
    method, target, minor, lines = match.groups()
    if not target.startswith(b"/"):
        _check_target(method, target)
    headers: list[tuple[str, str]] = []
    known: dict[str, str] = {}
    # One byte, one character: to some readers of Unicode, a Kelvin sign is a small letter k.
    for line in lines.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name, value = field = name.lower(), value.strip(" \t")
        headers.append(field)
        if name in _KNOWN:
            known[name] = f"{known[name]}, {value}" if name in known else value
    is_old = minor == b"0"
    _check_host(known.get("host"), is_old=is_old)
    is_chunked, length = _body(known, is_old=is_old)
    has_body = is_chunked or length is not None
    return Head(
        method=method.decode(),
        target=target,
        version="1.0" if is_old else "1.1",
        headers=tuple(headers),
        known=known,
        keep_alive=_keeps_alive(known.get("connection"), is_old=is_old),
        has_body=has_body,
        is_chunked=is_chunked,
        length=length or 0,
        expects_continue=has_body and not is_old and _expects(known.get("expect")),
    )


_known_head = lru_cache(KNOWN_HEADS)(_parse_head)


def _check_target(method: bytes, target: bytes) -> None:
    is_known = method == b"OPTIONS" if target == b"*" else _absolute_target(target) is not None
    if not is_known:
        raise BadRequest("The request target is neither a path nor an http URL.")


def _check_host(value: str | None, *, is_old: bool) -> None:
    if value is None:
        if not is_old:
            raise BadRequest("The request has no header `Host`.")
    elif _host(value) is None:  # two headers are joined by a space, which no host contains
        raise BadRequest("The header `Host` must name one host.")


def _body(known: dict[str, str], *, is_old: bool) -> tuple[bool, int | None]:
    """Return whether the body comes in chunks, and else its length; None without a body."""
    length, codings = known.get("content-length"), known.get("transfer-encoding")
    if codings is not None:
        _check_codings(codings)
        if length is not None:
            raise BadRequest("A request has either a Content-Length or a Transfer-Encoding.")
        if is_old:
            raise BadRequest("HTTP/1.0 knows no Transfer-Encoding.")
        return True, None
    if length is None:
        return False, None
    if _is_decimal(length) is None:
        raise BadRequest("Bad content-length")
    try:
        return False, int(length)
    except ValueError as error:  # Python reads at most 4300 digits
        raise BadRequest("Bad content-length") from error


def _check_codings(value: str) -> None:
    codings = [coding for part in value.lower().split(",") if (coding := part.strip(" \t"))]
    if codings == ["chunked"]:
        return
    if codings[-1:] != ["chunked"] or codings.count("chunked") > 1:
        raise BadRequest("The last Transfer-Encoding must be chunked, and no other.")
    raise SanicException("This Transfer-Encoding is not known here.", status_code=501)


def _keeps_alive(value: str | None, *, is_old: bool) -> bool:
    if value is None or value == "keep-alive":
        return value is not None or not is_old
    options = {option.strip(" \t") for option in value.lower().split(",")}
    return "close" not in options and (not is_old or "keep-alive" in options)


def _expects(value: str | None) -> bool:
    if value is None:
        return False
    if value.lower() != "100-continue":
        raise ExpectationFailed(f"Unknown Expect: {value}")
    return True
