"""Listings of the shared limits of a type."""

from collections.abc import Sequence
from typing import Any

from sharq_plug.model import LimitRules, LimitView, Page, Remaining, SharedLimits, invalid, is_name
from sharq_redis.cursors import Cursor
from sharq_redis.replies import log_all_broken, name_of
from sharq_redis.settings import settings_in
from sharq_redis.showing import holds_of
from sharq_redis.tending import Run

LETTER = "s"
"""The letter of the cursors."""


class LimitListings:
    """List shared limits by name, page by page."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def page(
        self, queue_type: str, listing: SharedLimits, cursor: str | None, limit: int
    ) -> Page:
        """List the shared limits of a type, or the one that is named."""
        behind = "" if cursor is None else _name_in(Cursor.read(cursor, LETTER))
        reply = await self._run("list_limits", queue_type, behind, limit, listing.name or "")
        now, is_more, broken, *found = reply
        log_all_broken(broken)
        views = tuple(
            limit_view(name, values, now)
            for first, *values in found
            if (name := name_of(first)) is not None
        )
        return Page(views, _cursor_text(views[-1].name) if is_more and views else None)


def limit_view(name: str, values: Sequence[Any], now: int) -> LimitView:
    """Return what there is of a shared limit (lua/verbs/list_limits.lua)."""
    text, frozen_until, held, owed, opens_at, leased, queues, counts = values
    return LimitView(
        name=name,
        rules=LimitRules(
            settings=settings_in(text),
            held_by=holds_of(held),
            frozen_until=None if frozen_until < 0 else frozen_until,
        ),
        owed=tuple(owed),
        opens_at=None if opens_at < 0 else opens_at,
        leased=leased,
        queues=queues,
        remaining=tuple(Remaining(count, until, unit.decode()) for unit, count, until in counts),
        now=now,
    )


def _cursor_text(name: str) -> str:
    return f"{LETTER}.{name.encode().hex()}"


def _name_in(cursor: Cursor) -> str:
    """Return the name that a page ended with. Raises InvalidRequest."""
    try:
        (part,) = cursor.parts
        name = bytes.fromhex(part).decode("ascii")
    except ValueError:
        raise invalid("cursor") from None
    if not is_name(name) or part != name.encode().hex():
        raise invalid("cursor")
    return name
