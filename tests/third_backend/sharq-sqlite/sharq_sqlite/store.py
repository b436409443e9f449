"""The store: each verb is one transaction."""

import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self

from sharq_plug.clock import Clock
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    ChangeOutcome,
    Cleared,
    Dequeued,
    EnqueueResult,
    LeaseOutcome,
    NewJob,
    Page,
    Setting,
    Settlement,
    Take,
    Tended,
    View,
    check_name,
)
from sharq_plug.store import QueueStore
from sharq_sqlite.dequeuing import Dequeue
from sharq_sqlite.items import Items
from sharq_sqlite.tables import Tables

Wake = Callable[[int], None]


class SqliteStore(QueueStore):
    """Keep everything in one SQLite database, for one process."""

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._opened: tuple[Tables, Items] | None = None
        self._watchers: defaultdict[str, list[Wake]] = defaultdict(list)

    async def __aenter__(self) -> Self:
        """Open the store; the first call opens the database."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the database."""
        if self._opened is not None:
            self._tables.db.close()

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        with self._step(queue_type) as now:
            return [self._items.enqueue(queue_type, job, now) for job in jobs]

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs."""
        with self._step(queue_type) as now:
            call = Dequeue(self._items, queue_type, now)
            return [call.take(take) for take in takes]

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        """Call `wake` after each transaction that gives queues of a type new places."""
        watchers = self._watchers[check_name("queue_type", queue_type)]
        watchers.append(wake)
        try:
            yield
        finally:
            watchers.remove(wake)

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[LeaseOutcome]:
        """Finish and release leases."""
        with self._step(queue_type) as now:
            return [self._items.settle(queue_type, item, now) for item in items]

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change the intervals of queues that exist."""
        with self._step(queue_type) as now:
            return [self._items.configure(queue_type, change, now) for change in changes]

    async def tend(self, *, limit: int) -> Tended:
        """End expired leases, forget old rows, and move places that lie too far ahead."""
        with self._step() as now:
            ended = self._items.end_leases(now, limit)
            moved = self._items.set_places_anew(now, limit)
            more = self._tables.forget(now, limit) or limit in {len(ended), moved}
            return Tended(tuple(ended), more)

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs."""
        this_queue = "WHERE type = ? AND queue = ?"
        with self._step(queue_type) as now:
            queue = self._tables.queue(queue_type, queue_id, now)
            waiting, leased, dead = queue.waiting, queue.leased, 0
            self._tables.run(f"DELETE FROM job {this_queue}", queue_type, queue_id)
            queue.waiting = queue.leased = 0
            self._tables.save(queue, now)
            if purge:
                letters = f"DELETE FROM dead {this_queue}"
                dead = self._tables.run(letters, queue_type, queue_id).rowcount
                self._tables.run(f"DELETE FROM minute {this_queue}", queue_type, queue_id)
            return Cleared(waiting, leased, dead)

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Look at a queue, at a type, or at everything."""
        with self._step(queue_type) as now:
            counts = self._tables.counts(queue_type or "", queue_id or "", now)
            if queue_type is None or queue_id is None:
                return View(counts)
            queue = self._tables.queue(queue_type, queue_id, now)
            letters = "SELECT count(*) FROM dead WHERE type = ? AND queue = ?"
            [dead] = self._tables.the(letters, queue_type, queue_id)
            return View(counts, queue.waiting, queue.leased, dead)

    async def page(
        self, queue_type: str | None = None, *, cursor: str | None = None, limit: int
    ) -> Page:
        """List types, or the queues of a type, in order."""
        existing = "FROM queue WHERE waiting + leased > 0"
        with self._step(queue_type):
            if queue_type is None:
                least = f"SELECT min(type) {existing} AND type > ?"
                names = self._tables.names_after(cursor, limit, least)
            else:
                least = f"SELECT min(id) {existing} AND type = ? AND id > ?"
                names = self._tables.names_after(cursor, limit, least, queue_type)
            return Page(tuple(names), names[-1] if len(names) == limit else None)

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Read and write in a transaction, as a dequeue does; change nothing."""
        with self._step():
            self._tables.run("UPDATE counter SET number = number")
        if not thorough:
            return []
        slow = "the sqlite backend clears a queue in one step: a million jobs take some seconds"
        if self._path != ":memory:":
            return [slow]
        return ["the sqlite backend without a path forgets every job when this process ends", slow]

    @property
    def _tables(self) -> Tables:
        return self._open()[0]

    @property
    def _items(self) -> Items:
        return self._open()[1]

    def _open(self) -> tuple[Tables, Items]:
        if self._opened is None:
            tables = Tables(self._path)
            self._opened = tables, Items(tables)
        return self._opened

    @contextmanager
    def _step(self, queue_type: str | None = None) -> Iterator[int]:
        """Make a call one transaction at the instant given; afterwards wake the watchers."""
        if queue_type is not None:
            check_name("queue_type", queue_type)
        with _failures(), self._tables.db:
            self._tables.run("BEGIN IMMEDIATE")
            now = self._clock.now()
            yield now
        for placed_type, soonest in self._items.places_given().items():
            for wake in tuple(self._watchers.get(placed_type, ())):
                wake(max(0, soonest - now))


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"SQLite: {error}") from error
