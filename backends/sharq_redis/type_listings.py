"""Listings of types, over all buckets."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import assert_never

from sharq_plug.model import KnownTypes, Names, Page, Types, TypeView
from sharq_redis.buckets import BUCKETS, Buckets
from sharq_redis.cursors import BEGINNING, Cursor, Position, position_text
from sharq_redis.looking import counted_view
from sharq_redis.replies import log_broken_type, names_of
from sharq_redis.routing.route import Route
from sharq_redis.scanning import page_of
from sharq_redis.tending import Run

BUCKETS_A_STEP = 64
TYPES_AT_ONCE = 25
"""Types that one round trip looks at."""
LETTERS: Mapping[type, str] = {Names: "m", Types: "t", KnownTypes: "k"}
ENDED = "e"
"""The letter of the cursors of those known types that have ended."""
NO_TOMBSTONES = (None, b"0")
"""The values in the totals of a type without tombstones (lua/lib/tombstones.lua)."""


class TypeListings:
    """List types, page by page."""

    def __init__(self, route: Route, buckets: Buckets, run: Run) -> None:
        self._route = route
        self._buckets = buckets
        self._run = run

    async def page(
        self, listing: Names | Types | KnownTypes, cursor: str | None, limit: int
    ) -> Page:
        """List the types that have a queue, or for the others also those that have a dead letter.

        Of the known ones, those that are due follow: among them are all that have ended.
        """
        letter, number, position = LETTERS[type(listing)], 0, BEGINNING
        if cursor is not None:
            is_known = isinstance(listing, KnownTypes)
            found = Cursor.read(cursor, letter + ENDED if is_known else letter)
            letter, (number, position) = found.letter, found.position(buckets=BUCKETS)
        names, number, following = await self._names(number, position, limit, due=letter == ENDED)
        after = position_text(letter, following, number) if number < BUCKETS else None
        match listing:
            case Types():
                return Page(tuple(await self._views(names)), after)
            case Names():
                return Page(tuple(await self._existing(names)), after)
            case KnownTypes():
                is_at_end = after is None and letter != ENDED
                return Page(tuple(names), position_text(ENDED, BEGINNING) if is_at_end else after)
            case _:
                assert_never(listing)

    async def _names(
        self, number: int, position: Position, limit: int, *, due: bool
    ) -> tuple[list[str], int, Position]:
        """Return names from a position in a bucket on, or of those that are due; where to go on."""
        names: list[str] = []
        while number < BUCKETS and len(names) < limit:
            at_once = BUCKETS_A_STEP if position == BEGINNING else 1  # most buckets are small
            asked = self._buckets.all[number : number + at_once]
            scans = [
                ("ZSCAN", bucket.due, position.start, "COUNT", limit)
                if due
                else ("SSCAN", bucket.types, position.start, "COUNT", limit)
                for bucket in asked
            ]
            for end, members in await self._route.call_all(scans):
                found = members[::2] if due else members  # each with its score
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
        pairs = zip(names, await self._route.ask(asked), strict=True)
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
