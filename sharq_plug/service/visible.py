"""Pages of a listing for those who may see only some of its items."""

from collections.abc import Awaitable, Callable
from heapq import nsmallest
from typing import Any

from sharq_plug.model import Page, can_begin_name, invalid

STEP = 50
"""Items that are looked at in a row."""
MARK = "v."
"""The beginning of cursors that are made here; the last name that was shown follows."""

NextPage = Callable[[str | None, int], Awaitable[Page]]
"""Returns a page of about so many items from a cursor on."""


async def visible_by_name(
    next_page: NextPage,
    name_of: Callable[[Any], str],
    sees: Callable[[str], bool],
    *,
    cursor: str | None,
    limit: int,
) -> Page:
    """Return a page of up to `limit` items whose names are seen, by name, as if no others were.

    A cursor of the store may hold a name that is not seen, and a short page would tell of others.
    So it walks over the whole listing for each page. Raises InvalidRequest.
    """
    after = _read_cursor(cursor)
    found: dict[str, Any] = {}
    at: str | None = None
    while True:
        page = await next_page(at, STEP)
        for item in page.items:
            name = name_of(item)
            if name > after and sees(name):
                found[name] = item
        if len(found) > 2 * limit + 1:
            found = {name: found[name] for name in nsmallest(limit + 1, found)}
        at = page.cursor
        if at is None:
            break
    names = nsmallest(limit + 1, found)
    shown = names[:limit]
    return Page(
        tuple(found[name] for name in shown), MARK + shown[-1] if len(names) > limit else None
    )


async def visible_in_order(
    next_page: NextPage, sees: Callable[[Any], bool], *, cursor: str | None, limit: int
) -> Page:
    """Return a page of the items that are seen: at least one, unless it is the last page.

    For listings whose cursors hold no names.
    """
    while True:
        page = await next_page(cursor, limit)
        items = tuple(filter(sees, page.items))
        if items or page.cursor is None:
            return Page(items, page.cursor)
        cursor = page.cursor


def _read_cursor(cursor: str | None) -> str:
    if cursor is None:
        return ""
    name = cursor.removeprefix(MARK)
    if name == cursor or not can_begin_name(name):
        raise invalid("cursor")
    return name
