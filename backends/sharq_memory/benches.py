"""Rows and benches: where the queues of a type stand that use shared limits.

Queues that use the same shared limits form a row, ordered by their places. Each row that is not
empty stands on the bench of one of its limits: of the first by name, until it is moved. A shared
limit with a row on its bench has an entry in the line, at the later of the first place on its bench
and the instant at which its holds end, with the number of that place; if that instant is not known,
it has none.

What a step changes is listed anew at the end of the step, by `settle`. Until then it may stand on
its bench, or in line, where it stood.
"""

from collections.abc import Iterator
from math import inf
from typing import Any, Final

from msgspec import Struct, field
from sortedcontainers import SortedDict

from sharq_memory.doubts import Doubts, Spot
from sharq_memory.entries import Entries, listed_anew
from sharq_memory.limits import Limiter
from sharq_memory.places import Place, Places
from sharq_memory.queue import Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.terms import Names


class Row(Struct, gc=False, eq=False):
    """The queues in line that use the shared limits of these `names`."""

    names: Names
    bench: str
    """The shared limit on whose bench it stands."""
    places: Places = field(default_factory=Places)
    first: Place | None = None
    """The place under which it is listed on the bench, if it is."""


class Benches:
    """The shared limits of a type, with the rows of queues that use them."""

    __slots__ = (
        "changed",
        "doubts",
        "entries",
        "is_opened",
        "limits",
        "placed",
        "rows",
        "touched",
    )

    def __init__(self) -> None:
        self.limits = SortedDict()  # name -> SharedLimit
        self.rows = SortedDict()  # names -> Row
        self.entries: Entries | None = None  # in line: (*its spot, SharedLimit)
        self.placed: list[tuple[float, str, Names]] = []
        """The queues in rows that got places in this call: when its own holds end, id, row."""
        self.is_opened = False  # whether an event of this call opened one that queues in line use
        self.doubts = Doubts()
        self.changed: set[Row] = set()  # to be listed anew
        self.touched: set[SharedLimit] = set()  # whose entries are to be set

    def add(self, name: str) -> SharedLimit:
        """Return a new shared limit."""
        limit = self.limits[name] = SharedLimit(limiter=Limiter(), name=name)
        return limit

    def row_of(self, names: Names) -> Row:
        """Return the row of some names."""
        row: Row | None = self.rows.get(names)
        if row is None:
            row = self.rows[names] = Row(names, names[0])
        return row

    def enter(self, names: Names, place: Place, until: float) -> None:
        """Let a queue stand in a row. Its own holds end at `until` (ms), 0 if none stands."""
        row = self.row_of(names)
        _put(row, place, until)
        if row.first is None or place < row.first:
            self.changed.add(row)
        for name in names:
            self.limits[name].queues += 1

    def leave(self, names: Names, queue: Queue) -> None:
        """Take a queue out of its row."""
        row = self.rows[names]
        row.places.remove(*queue.place(), queue)
        if row.first is not None and row.first[2] is queue:
            self.changed.add(row)
        for name in names:
            self.limits[name].queues -= 1

    def move(self, names: Names, queue: Queue, place: Place, until: float) -> None:
        """Let a queue of a row stand at another place of it."""
        row: Row = self.rows[names]
        first = row.first
        row.places.remove(*queue.place(), queue)
        _put(row, place, until)
        if first is not None and (first[2] is queue or place < first):
            limit = self.limits[row.bench]
            if limit.bench is row:
                self.touched.add(limit)
            else:
                self.changed.add(row)

    def touch(self, name: str) -> SharedLimit:
        """Return a shared limit that is about to change; its entry will be set anew."""
        limit: SharedLimit = self.limits[name]
        self.touched.add(limit)
        return limit

    def put(self, limit: SharedLimit) -> None:
        """Put a shared limit back as it was, with its entry."""
        self.limits[limit.name] = limit
        spot, limit.spot = limit.spot, None
        self._list(limit, spot)

    def settle(self, now: int) -> None:
        """End a step: list anew what it changed, at `now` (ms)."""
        touched = self.touched
        if self.changed:
            self._seat_changed()
        if len(touched) == 1:
            limit = touched.pop()
            spot = self._spot_of(limit, now)
            if spot != limit.spot:
                self._list(limit, spot)
        elif touched:
            self._set_entries(now)

    def seat(self, row: Row, place: Place | None) -> None:
        """List a row on its bench under its first place, or (None) no more."""
        limit: SharedLimit = self.limits[row.bench]
        first, bench, row.first = row.first, limit.bench, place
        if bench is None or bench is row:
            limit.bench = None if place is None else row
            return
        entries = listed_anew(rows_on(bench), first, place, row)
        if entries is not None:
            limit.bench = entries[0][2] if len(entries) == 1 else entries

    def next_queue(self, limit: SharedLimit, now: int) -> Queue | None:
        """Return the queue to serve at `now` (ms) for a shared limit that is first in line.

        If it is closed, its entry is set anew. If another one of its first row is closed, that row
        moves to the other's bench. Then return None.
        """
        bench = limit.bench
        row: Row = bench if isinstance(bench, Row) else bench[0][2]
        if (limit.closed_until if now >= limit.noted_at else limit.held_until(now)) > now:
            self.touch(limit.name)
        else:
            other = None if len(row.names) == 1 else self._closed_other(row, limit.name, now)
            if other is None:
                return None if row.first is None else row.first[2]
            self.move_to_bench(row, other)
        self.settle(now)
        return None

    def held_until(self, names: Names, now: int) -> float:
        """Return when (ms) the holds of these end that stand at `now`; inf if an event ends one."""
        return max((self.limits[name].held_until(now) for name in names), default=0)

    def are_open(self, names: Names, now: int) -> bool:
        """Return whether all of these are open at `now` (ms)."""
        return all(self.limits[name].is_open(now) for name in names)

    def open_rows(self, now: int) -> Iterator[Row]:
        """Iterate over the rows whose shared limits are all open at `now` (ms)."""
        if self.rows:
            is_open = {name for name, limit in self.limits.items() if limit.is_open(now)}
            for names, row in self.rows.items():
                if is_open.issuperset(names):
                    yield row

    def count_uses(self, before: Names, after: Names) -> None:
        """Count for the shared limits of some names that the one uses them that used others."""
        for name in before:
            self.limits[name].uses -= 1
        for name in after:
            self.limits[name].uses += 1

    def doubt(self, start: Spot) -> None:
        """Doubt the places in rows from `start` on, if there are rows."""
        if self.rows:
            self.doubts.doubt_places(start)

    def move_to_bench(self, row: Row, name: str) -> None:
        """Let a row stand on the bench of another of its limits."""
        self.touch(row.bench)
        self.seat(row, None)
        row.bench = name
        self.changed.add(row)

    def bring_to(self, room: int, now: int) -> int:
        """Bring up to `room` doubted limits that are late to `now` (ms); return how many."""
        names = self.doubts.next_limits(self.limits, room)
        for name in names:
            if self.limits[name].is_late(now):
                self.touch(name)
        self.settle(now)
        return len(names)

    def _closed_other(self, row: Row, name: str, now: int) -> str | None:
        """Return the name of a shared limit of `row` that is closed, `name` aside."""
        for other in row.names:
            if other != name and not self.limits[other].is_open(now):
                return other
        return None

    def _seat_changed(self) -> None:
        """List the rows that have changed anew."""
        changed, touched = self.changed, self.touched
        changed.update(limit.bench for limit in touched if isinstance(limit.bench, Row))
        if len(changed) > 1:  # a queue may have gone from one to another, with its place
            for row in changed:
                self.seat(row, None)
        for row in changed:
            touched.add(self.limits[row.bench])
            self.seat(row, row.places.first())
            if row.first is None:
                del self.rows[row.names]
        changed.clear()

    def _set_entries(self, now: int) -> None:
        """Let the touched shared limits stand in line where they are to."""
        spots = [(limit, self._spot_of(limit, now)) for limit in self.touched]
        self.touched.clear()
        for limit, spot in spots:  # a place may have gone from one to another
            if spot != limit.spot:
                self._list(limit, None)
        for limit, spot in spots:
            if spot != limit.spot:
                self._list(limit, spot)

    def _spot_of(self, limit: SharedLimit, now: int) -> Spot | None:
        """Return where a shared limit, which has changed, is to stand in line, if it is to."""
        limiter, bench = limit.limiter, limit.bench
        if limiter.last is not None and limiter.last > now:
            limiter.bring_to(now)
        if limit.has_been_opened(limit.leased, now) and limit.queues:
            self.is_opened = True
        if isinstance(bench, Row):
            first = bench.first = bench.places.first()
        else:
            first = bench and bench[0]
        if first is None:
            return None
        ready_since, number, _ = first
        if limit.closed_until > ready_since:
            ready_since = limit.closed_until
        return None if ready_since == inf else (ready_since, number)

    def _list(self, limit: SharedLimit, spot: Spot | None) -> None:
        """List a shared limit in line, or (None) no more."""
        self.entries = listed_anew(self.entries, limit.spot, spot, limit)
        limit.spot = spot


def rows_on(bench: Any) -> Entries:
    """Return the rows on the bench of a shared limit: (ready since, place number, row)."""
    if isinstance(bench, Row):
        return [] if bench.first is None else [(bench.first[0], bench.first[1], bench)]
    entries: Entries = bench or []
    return entries


def _put(row: Row, place: Place, until: float) -> None:
    """Let a queue stand in a row."""
    if until:
        row.places.add(place)
    else:
        row.places.append(place)


NO_BENCHES: Final = Benches()
"""What a type has until it has a shared limit, so that it pays nothing. It stays empty."""
