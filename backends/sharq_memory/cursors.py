"""Cursors: the place where a listing goes on, as text. It is a position, not an item."""

from base64 import b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from sharq_plug.model import invalid

MAX_LENGTH = 500
"""No cursor is longer. One that is may hold values in values, too deep to be read."""


def write_cursor(listing: str, *position: int | str) -> str:
    """Return the cursor of a listing that has reached `position`."""
    return urlsafe_b64encode(msgspec.msgpack.encode([listing, *position])).decode().rstrip("=")


def names_start(listing: str, cursor: str | None) -> str:
    """Return the smallest text behind the name in a cursor; "" without a cursor."""
    if cursor is None:
        return ""
    [name] = read_cursor(cursor, listing, str)
    return behind(name)


def behind(name: str) -> str:
    """Return the smallest text that sorts behind `name`."""
    return f"{name}\0"


def read_cursor(cursor: str, listing: str, *kinds: type) -> tuple[Any, ...]:
    """Return the position in a cursor.

    Raises InvalidRequest unless the cursor is of this listing and has values of these `kinds`.
    """
    if len(cursor) > MAX_LENGTH:
        raise invalid("cursor")
    try:
        packed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found, *position = msgspec.msgpack.decode(packed, type=list)
    except (ValueError, msgspec.MsgspecError):
        raise invalid("cursor") from None
    if found != listing or [type(value) for value in position] != list(kinds):
        raise invalid("cursor")
    return tuple(position)
