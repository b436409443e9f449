"""What `/deletequeue/` serves: it clears a queue, or a whole type in several requests."""

import msgspec
from msgspec import UNSET, UnsetType

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.answers import NothingCleared, QueueCleared, TypeCleared
from sharq_plug.http.api.bodies import is_true, read_body
from sharq_plug.http.api.fields import Ignored, PurgeAll
from sharq_plug.http.api.queries import ClearQuery, ClearTypeQuery
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.views import lengths
from sharq_plug.model import ALL_STATES, LIVING, Clear, Cleared

_NO_BODY = frozenset({b"", b'""', b"null"})


class ClearBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a clearing. `purge_all` may be any JSON value."""

    purge_all: PurgeAll | UnsetType = UNSET
    queue_type: Ignored | UnsetType = UNSET  # SharQ ignores these two
    queue_id: Ignored | UnsetType = UNSET


def read_clear_body(decoder: msgspec.json.Decoder[ClearBody], body: bytes) -> ClearBody:
    """Return the fields of a clearing. Its body may be empty."""
    return ClearBody() if body.strip() in _NO_BODY else read_body(decoder, body)


async def clear_queue(
    request: Request, body: ClearBody, asked: ClearQuery, queue_type: str, queue_id: str
) -> Reply:
    """Clear a queue."""
    what = _what(body, asked, queue_id)
    return _queue_reply(await request.service.clearing.clear(queue_type, what), purge=what.counts)


async def clear_type(
    request: Request, body: ClearBody, asked: ClearTypeQuery, queue_type: str
) -> Reply:
    """Clear a type, from a cursor on if one is given."""
    what = _what(body, asked, None)
    removed = await request.service.clearing.clear(queue_type, what, cursor=asked.cursor)
    more = removed.cursor is not None
    return success(TypeCleared(lengths(removed), more, removed.cursor))


def _what(body: ClearBody, asked: ClearQuery, queue_id: str | None) -> Clear:
    purge = is_true(body.purge_all)
    if asked.states is None:
        return Clear(queue_id, ALL_STATES if purge else LIVING, counts=purge)
    if purge:
        raise InvalidRequest("`states` and `purge_all` exclude each other.")
    return Clear(queue_id, asked.states)


def _queue_reply(removed: Cleared, *, purge: bool) -> Reply:
    """Return in SharQ's words what a clearing removed; 200 even if that is nothing."""
    if not (removed.waiting or removed.delayed or removed.leased or removed.dead):
        return success(NothingCleared("No queued calls found", "not_found"))
    message = "Successfully removed all queued calls"
    if purge:
        message += " and purged related resources"
    return success(QueueCleared(message, lengths(removed)))
