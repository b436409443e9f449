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
    MAX_DEQUEUE_BYTES,
    Cleared,
    Dequeued,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Page,
    QueueMetrics,
    Reclaimed,
    check_name,
)
from sharq_plug.store import QueueStore
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

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` ready jobs."""
        with self._step(queue_type) as now:
            if attempt_id is not None:
                repeated = self._items.repeat(queue_type, attempt_id, now)
                if repeated:
                    return Dequeued(tuple(repeated), now=now)
            jobs = self._dequeue(queue_type, count, lease, now)
            if attempt_id is not None:
                self._items.remember(queue_type, attempt_id, jobs)
            is_short = len(jobs) < count
            ready_at = self._items.next_ready_at(queue_type, now) if is_short else None
            return Dequeued(tuple(jobs), ready_at, now=now)

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        """Have `wake` called after each transaction that gives queues of a type places."""
        watchers = self._watchers[check_name("queue_type", queue_type)]
        watchers.append(wake)
        try:
            yield
        finally:
            watchers.remove(wake)

    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        """End leases, their jobs done."""
        with self._step(queue_type) as now:
            until = now + receipt_time
            return [self._items.finish(queue_type, ref, now, until) for ref in leases]

    async def release(self, queue_type: str, leases: Sequence[LeaseRef]) -> list[LeaseOutcome]:
        """Hand leased jobs back."""
        with self._step(queue_type) as now:
            return [self._items.release(queue_type, ref, now) for ref in leases]

    async def reclaim(self, queue_type: str, *, limit: int) -> Reclaimed:
        """End expired leases, and forget what is done with."""
        with self._step(queue_type) as now:
            expired = self._tables.run(
                "SELECT queue, id, requeues FROM job WHERE type = ? AND token IS NOT NULL "
                "AND expires_at <= ? ORDER BY expires_at, queue, number LIMIT ?",
                *(queue_type, now, limit),
            ).fetchall()
            for queue_id, job_id, requeues in expired:
                if requeues == 0:
                    self._items.die(queue_type, queue_id, job_id, now)
                else:
                    self._items.come_back(queue_type, queue_id, job_id, now, cost=int(requeues > 0))
            dead = sum(requeues == 0 for *_, requeues in expired)
            anew = self._items.set_places_anew(queue_type, now, limit)
            more = self._tables.forget(queue_type, now, limit) or limit in {len(expired), anew}
            return Reclaimed(len(expired) - dead, dead, more)

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change the interval of a queue that exists."""
        with self._step(queue_type) as now:
            return self._items.set_interval(queue_type, queue_id, interval, now)

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

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return what there is in one queue."""
        with self._step(queue_type) as now:
            queue = self._tables.queue(queue_type, queue_id, now)
            letters = "SELECT count(*) FROM dead WHERE type = ? AND queue = ?"
            [dead] = self._tables.the(letters, queue_type, queue_id)
            counts = self._tables.counts(queue_type, queue_id, now)
            return QueueMetrics(queue.waiting, queue.leased, dead, counts)

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type, or of everything."""
        with self._step(queue_type) as now:
            return self._tables.counts(queue_type or "", "", now)

    async def queue_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types that have a queue, in order."""
        least = "SELECT min(type) FROM queue WHERE waiting + leased > 0 AND type > ?"
        with self._step():
            return _page(self._tables.names_after(cursor, limit, least), limit)

    async def queue_ids(self, queue_type: str, *, cursor: str | None = None, limit: int) -> Page:
        """List the queues of a type that exist, in order."""
        least = "SELECT min(id) FROM queue WHERE waiting + leased > 0 AND type = ? AND id > ?"
        with self._step(queue_type):
            return _page(self._tables.names_after(cursor, limit, least, queue_type), limit)

    async def known_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types that have rows of any kind but dead letters, in order."""
        least = (
            "WITH after(seen) AS (VALUES (?)) "
            "SELECT min(least) FROM (SELECT min(type) AS least FROM queue, after WHERE type > seen "
            "UNION ALL SELECT min(type) FROM receipt, after WHERE type > seen "
            "UNION ALL SELECT min(type) FROM minute, after WHERE type > seen)"
        )
        with self._step():
            return _page(self._tables.names_after(cursor, limit, least), limit)

    async def ping(self) -> None:
        """Read and write in a transaction, as a dequeue does; change nothing."""
        with self._step():
            self._tables.run("UPDATE counter SET number = number")

    async def weaknesses(self) -> Sequence[str]:
        """Say what a database in memory forgets, and what all of them are slow at."""
        slow = "the sqlite backend clears a queue in one go: a million jobs take some seconds"
        if self._path != ":memory:":
            return [slow]
        return ["the sqlite backend without a path forgets every job at its end", slow]

    async def maintain(self) -> None:
        """Forget old minutes that count everything."""
        with self._step() as now:
            self._tables.forget("", now, 100)

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
        """Make one transaction of a call, at the instant given; then wake who has to know."""
        if queue_type is not None:
            check_name("queue_type", queue_type)
        with _failures(), self._tables.db:
            self._tables.run("BEGIN IMMEDIATE")
            now = self._clock.now()
            yield now
        soonest = self._items.places_given()
        if queue_type is not None and soonest is not None:
            for wake in tuple(self._watchers.get(queue_type, ())):
                wake(max(0, soonest - now))

    def _dequeue(self, queue_type: str, count: int, lease: int, now: int) -> list[LeasedJob]:
        jobs: list[LeasedJob] = []
        room = MAX_DEQUEUE_BYTES
        while len(jobs) < count:
            queue = self._items.first_ready(queue_type, now)
            if queue is None or (jobs and self._items.next_size(queue) > room):
                break
            jobs.append(self._items.dequeue(queue, lease, now))
            room -= len(jobs[-1].payload)
        return jobs


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"SQLite: {error}") from error


def _page(names: list[str], limit: int) -> Page:
    return Page(tuple(names), names[-1] if len(names) == limit else None)
