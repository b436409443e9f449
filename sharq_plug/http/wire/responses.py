"""Replies as bytes on the wire."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache

from sanic.helpers import STATUS_CODES

from sharq_plug.http.api.replies import JSON, NOT_MODIFIED, Reply

_STATUS_LINES: Mapping[int, bytes] = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, reason) for status, reason in STATUS_CODES.items()
}
_NO_STORE = b"Content-Type: %b\r\nCache-Control: no-store\r\n"
"""No cache may keep a reply: a dequeue is a GET that changes the store."""
_JSON_HEADS: Mapping[int, bytes] = {
    status: line + _NO_STORE % JSON.encode() for status, line in _STATUS_LINES.items()
}


def response_bytes(
    reply: Reply, *, request_id: str, keep_alive: bool, head_only: bool = False
) -> bytes:
    """Return a response in one piece.

    Sanic builds the head of a response anew each time, from a dictionary. That took a quarter of
    the server's time for a small request (docs/performance.md).
    """
    if reply.content_type == JSON:
        head = _JSON_HEADS[reply.status]
    else:
        head = _STATUS_LINES[reply.status] + _NO_STORE % reply.content_type.encode()
    head = b"%bDate: %b\r\nContent-Length: %d\r\nX-Request-Id: %b\r\nConnection: %b\r\n" % (
        head,
        _date(int(time.time())),
        len(reply.body),
        request_id.encode(),
        b"keep-alive" if keep_alive else b"close",
    )
    for name, value in reply.headers.items():
        head += f"{name}: {value}\r\n".encode()
    if head_only or reply.status == NOT_MODIFIED:
        return head + b"\r\n"
    return head + b"\r\n" + reply.body


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """Return a time in the form of RFC 9110, section 5.6.7."""
    return formatdate(second, usegmt=True).encode()
