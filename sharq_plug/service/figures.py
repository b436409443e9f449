"""What a monitor reads of the store: the first types by name one by one, the others together."""

import asyncio
from collections.abc import Iterable, Sequence
from time import perf_counter

from msgspec.structs import astuple, replace

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    OTHER_TYPES,
    Figures,
    KnownTypes,
    Totals,
    TypeFigures,
    check_name,
)
from sharq_plug.service.calls import StoreCalls
from sharq_plug.store import QueueStore

STEP = 100
"""Types that one store call reads, and names that it lists."""
SAMPLED = 400
"""Further types that a scrape reads, in turn, once each of them has been read."""
REST = 20
"""Names are listed anew when so many times the duration of the latest listing have passed."""


class TypeFigureReader:
    """Read the figures of types in bounded steps. Each method raises StoreUnavailable."""

    def __init__(self, store: QueueStore, calls: StoreCalls, *, most_types: int) -> None:
        self._store = store
        self._calls = calls
        self._most = most_types
        self._one_at_a_time = asyncio.Lock()
        self._names: list[str] = []
        self._listed_again_at = 0.0
        self._others = Others()

    async def of(self, queue_type: str) -> TypeFigures:
        """Return the figures of a type; zeros if it is not there."""
        check_name("queue_type", queue_type)
        found = await self._read([queue_type])
        return found[0] if found else TypeFigures(queue_type)

    async def gather(self) -> list[TypeFigures]:
        """Return the figures of the first types by name, and if there are more, OTHER_TYPES.

        The others are read once, and then in turn, a few in each call.
        """
        async with self._one_at_a_time:
            names = await self._known()
            own = [name for name in names if name != OTHER_TYPES][: self._most]
            rest = sorted(set(names) - {*own})
            found = await self._read(own)
            self._others.keep(rest, found)
            if not rest:
                return found
            for figures in await self._read(self._others.due(SAMPLED), is_more=bool(found)):
                self._others.note(figures)
            return [*found, self._others.together()]

    async def _known(self) -> Sequence[str]:
        """Return the names of all types; the last known if part of the store is unreachable."""
        if perf_counter() >= self._listed_again_at:
            try:
                await self._list()
            except StoreUnavailable:
                if not self._names:
                    raise
        return self._names

    async def _list(self) -> None:
        began = perf_counter()
        names: set[str] = set()
        cursor: str | None = None
        while True:
            step = self._store.page(None, KnownTypes(), cursor=cursor, limit=STEP)
            page = await self._calls.unbounded(step)
            names.update(name for name in page.items if isinstance(name, str))
            cursor = page.cursor
            if cursor is None:
                break
        self._names, ended = sorted(names), perf_counter()
        self._listed_again_at = ended + REST * (ended - began)

    async def _read(self, names: Sequence[str], *, is_more: bool = False) -> list[TypeFigures]:
        """Return the figures of types, `is_more` if others were read before.

        Once some were read, types are left out whose part of the store does not answer.
        """
        found: list[TypeFigures] = []
        for first in range(0, len(names), STEP):
            part = tuple(names[first : first + STEP])
            step = self._store.page(None, Figures(part), limit=len(part))
            try:
                page = await self._calls.unbounded(step)
            except StoreUnavailable:
                if not (found or is_more):
                    raise
                continue
            found += [figures for figures in page.items if isinstance(figures, TypeFigures)]
        return found


class Others:
    """The types that have no series of their own, taken together.

    Their totals only rise: what is counted is what was added since a type was read before, so that
    a counter does not jump when a type is forgotten, or is named among the others from now on.
    """

    def __init__(self) -> None:
        self._latest: dict[str, TypeFigures] = {}
        self._before: dict[str, Totals] = {}
        self._turn: list[str] = []
        self._new: list[str] = []
        self._totals = Totals()

    def keep(self, names: Iterable[str], own: Iterable[TypeFigures]) -> None:
        """Take up which types are the others, and what was read of those that are not."""
        names = [*names]
        mine = {figures.queue_type: figures.totals for figures in own}
        there = {*names}
        self._latest = {name: found for name, found in self._latest.items() if name in there}
        known = there | mine.keys()
        self._before = {name: one for name, one in self._before.items() if name in known} | mine
        self._new = [name for name in names if name not in self._latest]
        self._turn = [name for name in self._turn if name in there]

    def due(self, count: int) -> list[str]:
        """Return which of them to read now: all that are new, and `count` of the others in turn."""
        if len(self._turn) < count:
            waiting = {*self._turn}
            self._turn += [name for name in self._latest if name not in waiting]
        chosen, self._turn = self._turn[:count], self._turn[count:]
        return [*self._new, *chosen]

    def note(self, found: TypeFigures) -> None:
        """Take up what was read of one of them."""
        name = found.queue_type
        before, after = self._before.get(name, Totals()), found.totals
        if any(now < then for now, then in zip(astuple(after), astuple(before), strict=True)):
            before = Totals()  # it was forgotten, and came into being again
        added = zip(astuple(self._totals), astuple(after), astuple(before), strict=True)
        self._totals = Totals(*(total + now - then for total, now, then in added))
        self._before[name], self._latest[name] = after, found

    def together(self) -> TypeFigures:
        """Return the sums of all of them; of those that are overdue, the longest."""
        all_of_them = self._latest.values()
        return replace(
            TypeFigures(OTHER_TYPES),
            waiting=sum(found.waiting for found in all_of_them),
            leased=sum(found.leased for found in all_of_them),
            dead=sum(found.dead for found in all_of_them),
            delayed=sum(found.delayed for found in all_of_them),
            queues=sum(found.queues for found in all_of_them),
            ready_queues=sum(found.ready_queues for found in all_of_them),
            overdue=max((found.overdue for found in all_of_them), default=0),
            totals=self._totals,
        )
