"""The store: the machine of the memory backend, with a journal."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self

from sharq_memory.machine import Machine
from sharq_memory.tokens import tokens
from sharq_memory.watching import Watchers
from sharq_plug.clock import Clock
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    EnqueueResult,
    JobRef,
    JobView,
    LetterRange,
    LettersMoved,
    Listing,
    NewJob,
    Page,
    Retention,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
    View,
    check_name,
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore, Wake
from sharq_sqlite.journal import Journal, UnreadableJournal, apply, drawn


class SqliteStore(QueueStore):
    """Keep queues in memory, and each call in one SQLite database, for one process.

    A call is made and written before it is answered. If it cannot be written, what is in memory is
    thrown away: the next call reads the database again.
    """

    CALLS_KEPT = 10_000

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._opened: tuple[Journal, Machine] | None = None
        self._tokens = tokens()
        self._watchers = Watchers()

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
        self._close()

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        results: list[EnqueueResult] = self._call("enqueue", queue_type, jobs)
        return results

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs."""
        answers: list[Dequeued] = self._call("dequeue", queue_type, takes)
        return answers

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        """Call `wake` after each call that gives queues of a type new places."""
        with self._watchers.watching(check_name("queue_type", queue_type), wake):
            yield

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        """Do what workers say of their leases."""
        outcomes: list[Settled] = self._call("settle", queue_type, items)
        return outcomes

    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        """Change jobs by their ids, and dead letters."""
        outcomes: list[AmendOutcome] = self._call("amend", queue_type, changes)
        return outcomes

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Redrive dead letters of a range."""
        moved: LettersMoved = self._call("redrive", queue_type, letters, limit)
        return moved

    async def discard(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Remove dead letters of a range."""
        moved: LettersMoved = self._call("discard", queue_type, letters, limit)
        return moved

    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | Absence]:
        """Look at jobs by their ids."""
        with self._machine() as (_, machine):
            return machine.find(queue_type, jobs, self._clock.now(), payloads=payloads)

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change settings."""
        outcomes: list[ChangeOutcome] = self._call("configure", queue_type, changes)
        return outcomes

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        """Do what is due."""
        tended: Tended = self._call("tend", limit, retention)
        return tended

    async def clear(
        self, queue_type: str, what: Clear, *, cursor: str | None = None, limit: int
    ) -> Cleared:
        """Take one step of a clearing."""
        cleared: Cleared = self._call("clear", queue_type, what, cursor, limit)
        return cleared

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Look at a queue, at a type, or at everything."""
        with self._machine() as (_, machine):
            return machine.look(queue_type, queue_id, self._clock.now())

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """Return one page of a listing."""
        with self._machine() as (_, machine):
            return machine.page(queue_type, listing, cursor, limit, self._clock.now())

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Write as a dequeue does; change nothing."""
        with self._machine() as (journal, _):
            journal.probe()
        if not thorough:
            return []
        slow = f"the sqlite backend writes all that it holds after each {self.CALLS_KEPT} calls"
        if self._path != ":memory:":
            return [slow]
        return ["the sqlite backend without a path forgets every job when this process ends", slow]

    def _call(self, verb: str, *items: Any) -> Any:
        """Make a call that may change the machine, write it, and wake the watchers."""
        now = self._clock.now()
        with self._machine() as (journal, machine):
            if verb == "dequeue":
                used: list[str] = []
                answer = apply(machine, verb, now, *items, drawn(self._tokens, used))
                items = (*items, used)
            else:
                answer = apply(machine, verb, now, *items)
            journal.write(machine, verb, now, *items)
        self._watchers.wake_given(machine.given, now)
        return answer

    @contextmanager
    def _machine(self) -> Iterator[tuple[Journal, Machine]]:
        """Yield the journal and the machine; open the database first, if need be."""
        try:
            if self._opened is None:
                journal = Journal(self._path, self.CALLS_KEPT)
                self._opened = journal, journal.read()
            yield self._opened
        except (sqlite3.Error, UnreadableJournal) as error:
            self._close()
            raise StoreUnavailable(f"SQLite: {error}") from error

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None
