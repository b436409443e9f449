"""Listings of the queues of a type."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from sharq_plug.model import Backlogs, Names, Page, Queues, QueueView
from sharq_redis.arguments import packed
from sharq_redis.buckets import Buckets
from sharq_redis.cursors import BEGINNING, Cursor, cursor_text, position_text
from sharq_redis.records import waiting_in
from sharq_redis.routing.route import Route
from sharq_redis.scanning import page_of
from sharq_redis.tending import Run
from sharq_redis.views import by_names, queue_view

ASKED_AT_ONCE = 100
"""Queues that one call of the verb returns."""
LETTERS = {Names: "n", Queues: "q", Backlogs: "b"}
OVERDUE = "o"
NOT_THERE = -1
"""Of a queue that does not exist."""
Place: TypeAlias = tuple[int, int, bytes, Any]
"""Since when a queue is ready, its place number, its name and its view (verbs/list_overdue.lua)."""


class QueueListings:
    """List queues, page by page."""

    def __init__(self, route: Route, buckets: Buckets, run: Run) -> None:
        self._route = route
        self._buckets = buckets
        self._run = run

    async def overdue(self, queue_type: str, cursor: str | None, limit: int) -> Page:
        """List the queues that may be dequeued, in the order of the line."""
        behind = Cursor.read(cursor, OVERDUE).integers(2) if cursor is not None else ("", "")
        found: list[Place] = []
        further: Sequence[bytes] = (b"",)
        has_more = False
        while further:
            reply = await self._run("list_overdue", queue_type, limit, *behind, *further)
            further, is_cut, *fields = reply
            places = zip(*(fields[at::4] for at in range(4)), strict=True)
            found = sorted([*found, *places], key=_in_line)
            has_more = has_more or bool(is_cut) or len(found) > limit
            found = found[:limit]
        told = [place for place in found if place[3] != 0]
        names = by_names([place[2] for place in told], [place[3] for place in told])
        views = tuple(queue_view(name, reply) for name, reply in names.items())
        return Page(views, cursor_text(OVERDUE, *found[-1][:2]) if has_more else None)

    async def page(
        self,
        queue_type: str,
        listing: Names | Queues | Backlogs,
        cursor: str | None,
        limit: int,
    ) -> Page:
        """List queues in no order, from the index of all queues of the type."""
        letter, position = LETTERS[type(listing)], BEGINNING
        if cursor is not None:
            _, position = Cursor.read(cursor, letter).position()
        prefix = listing.prefix if isinstance(listing, Queues) else ""
        match = ("MATCH", f"{prefix}*") if prefix else ()  # a name has no special characters
        key = self._buckets.queues(queue_type)
        scan = ("HSCAN", key, position.start, *match, "COUNT", limit)
        end, found = await self._route.call(*scan)
        records = by_names(found[::2], found[1::2])
        names, following = page_of(records, position, int(end), limit)
        items = await self._items(queue_type, listing, {name: records[name] for name in names})
        return Page(items, None if following is None else position_text(letter, following))

    async def _items(
        self, queue_type: str, listing: Names | Queues | Backlogs, records: Mapping[str, bytes]
    ) -> tuple[str | QueueView, ...]:
        if isinstance(listing, Queues):
            views = await self._told(queue_type, "", records)
            return tuple(queue_view(name, view) for name, view in views if view != 0)
        waiting = {name: waiting_in(record) for name, record in records.items()}
        unclear = [name for name, count in waiting.items() if count is None]
        counts: dict[str, int | bytes | None] = {**waiting}
        counts.update(await self._told(queue_type, "waiting", unclear))
        if isinstance(listing, Names):
            return tuple(name for name, count in counts.items() if count != NOT_THERE)
        return tuple(
            QueueView(name, waiting=count)
            for name, count in counts.items()
            if isinstance(count, int) and count != NOT_THERE
        )

    async def _told(
        self, queue_type: str, what: str, names: Collection[str]
    ) -> list[tuple[str, Any]]:
        """Return the reply of the verb for each queue."""
        left, calls = [*names], []
        while left:
            part, left = left[:ASKED_AT_ONCE], left[ASKED_AT_ONCE:]
            calls.append(self._run("list_queues", queue_type, what, packed(part)))
        told = [reply for replies in await asyncio.gather(*calls) for reply in replies]
        return [*zip(names, told, strict=True)]


def _in_line(place: Place) -> tuple[int, int]:
    return place[:2]
