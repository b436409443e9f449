"""What `/deletequeue/` serves: it clears a queue, or a whole type in several requests."""

import msgspec
from msgspec import Raw

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.bodies import is_true, read_body
from sharq_plug.http.api.queries import ClearQuery, read_query
from sharq_plug.http.api.replies import Reply, respond, success
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.views import lengths
from sharq_plug.model import ALL_STATES, LIVING, Clear, Cleared

_NO_BODY = frozenset({b"", b'""', b"null"})


class ClearBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a clearing. `purge_all` may be any JSON value."""

    purge_all: Raw = Raw()
    queue_type: Raw = Raw()  # SharQ ignores these two
    queue_id: Raw = Raw()


def read_clear_body(decoder: msgspec.json.Decoder[ClearBody], body: bytes) -> ClearBody:
    """Return the fields of a clearing. Its body may be empty."""
    return ClearBody() if body.strip() in _NO_BODY else read_body(decoder, body)


async def clear_queue(request: Request, body: ClearBody, queue_type: str, queue_id: str) -> Reply:
    """Clear a queue."""
    asked = read_query(request.query_string, ClearQuery)
    what = _what(body, asked, queue_id)
    return _queue_reply(await request.service.clearing.clear(queue_type, what), purge=what.counts)


async def clear_type(request: Request, body: ClearBody, queue_type: str) -> Reply:
    """Clear a type, from a cursor on if one is given."""
    asked = read_query(request.query_string, ClearQuery)
    what = _what(body, asked, None)
    removed = await request.service.clearing.clear(queue_type, what, cursor=asked.cursor)
    more = removed.cursor is not None
    return success(removed=lengths(removed), more=more, cursor=removed.cursor)


def _what(body: ClearBody, asked: ClearQuery, queue_id: str | None) -> Clear:
    purge = is_true(body.purge_all)
    if asked.states is None:
        return Clear(queue_id, ALL_STATES if purge else LIVING, counts=purge)
    if purge:
        raise InvalidRequest("`states` and `purge_all` exclude each other.")
    return Clear(queue_id, asked.states)


def _queue_reply(removed: Cleared, *, purge: bool) -> Reply:
    """Return in SharQ's words what a clearing removed; 200 even if that is nothing."""
    numbers = lengths(removed)
    if not any(numbers.values()):
        message = "No queued calls found"
        return respond(200, {"status": "Failure", "message": message, "error": "not_found"})
    message = "Successfully removed all queued calls"
    if purge:
        message += " and purged related resources"
    return respond(200, {"status": "Success", "message": message, "removed": numbers})
