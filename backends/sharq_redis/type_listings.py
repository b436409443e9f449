"""Listings of types, over all buckets."""

import asyncio
from collections.abc import Sequence

from sharq_plug.model import Names, Page, Types, TypeView
from sharq_redis.buckets import BUCKETS, Buckets
from sharq_redis.cursors import BEGINNING, Cursor, Position, position_text
from sharq_redis.link import Link
from sharq_redis.looking import counted_view
from sharq_redis.replies import log_broken_type, names_of
from sharq_redis.scanning import page_of
from sharq_redis.tending import Run

BUCKETS_A_STEP = 64
TYPES_AT_ONCE = 25
"""Types that one round trip looks at."""
LETTERS = {Names: "m", Types: "t"}
NO_TOMBSTONES = (None, b"0")
"""The values in the totals of a type without tombstones (lua/lib/tombstones.lua)."""


class TypeListings:
    """List types, page by page."""

    def __init__(self, link: Link, buckets: Buckets, run: Run) -> None:
        self._link = link
        self._buckets = buckets
        self._run = run

    async def page(self, listing: Names | Types, cursor: str | None, limit: int) -> Page:
        """List the types that have a queue, or for `Types` also those that have a dead letter."""
        letter, number, position = LETTERS[type(listing)], 0, BEGINNING
        if cursor is not None:
            number, position = Cursor.read(cursor, letter).position(buckets=BUCKETS)
        names, number, following = await self._names(number, position, limit)
        after = position_text(letter, following, number) if number < BUCKETS else None
        if isinstance(listing, Types):
            return Page(tuple(await self._views(names)), after)
        return Page(tuple(await self._existing(names)), after)

    async def _names(
        self, number: int, position: Position, limit: int
    ) -> tuple[list[str], int, Position]:
        """Return names from a position in a bucket on, and where to go on."""
        names: list[str] = []
        while number < BUCKETS and len(names) < limit:
            at_once = BUCKETS_A_STEP if position == BEGINNING else 1  # most buckets are small
            asked = self._buckets.all[number : number + at_once]
            scans = [("SSCAN", bucket.types, position.start, "COUNT", limit) for bucket in asked]
            for end, found in await self._link.call_all(scans):
                room = limit - len(names)
                if room <= 0:
                    break
                fitting, following = page_of(names_of(found), position, int(end), room)
                names += fitting
                if following is not None:
                    return names, number, following
                number, position = number + 1, BEGINNING
        return names, number, BEGINNING

    async def _existing(self, names: Sequence[str]) -> list[str]:
        """Return those of some types in which a queue exists."""
        if not names:
            return []
        asked = [("HGET", self._buckets.totals(name), "tombstones") for name in names]
        pairs = zip(names, await self._link.ask(asked), strict=True)
        unclear = [name for name, found in pairs if found not in NO_TOMBSTONES]
        gone = {view.queue_type for view in await self._views(unclear) if not view.queues}
        return [name for name in names if name not in gone]

    async def _views(self, names: Sequence[str]) -> list[TypeView]:
        """Return what there is in some types. Those whose keys are damaged are left out."""
        views = []
        for first in range(0, len(names), TYPES_AT_ONCE):
            part = names[first : first + TYPES_AT_ONCE]
            replies = await asyncio.gather(*(self._run("look", name, "", "") for name in part))
            for name, reply in zip(part, replies, strict=True):
                if isinstance(reply, bytes):
                    log_broken_type(name, reply)
                else:
                    views.append(await counted_view(self._run, name, reply[1]))
        return views
