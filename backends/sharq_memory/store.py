"""The store: the machine with a clock, tokens and watchers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from sharq_memory.check import check_machine
from sharq_memory.machine import Machine
from sharq_memory.tokens import tokens
from sharq_memory.watching import Watchers
from sharq_plug.clock import Clock, SystemClock
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


class MemoryStore(QueueStore):
    """Keep everything in this process, for as long as it lives.

    A verb runs from start to end without awaiting, so each is one atomic step.
    """

    def __init__(self, clock: Clock | None = None, machine: Machine | None = None) -> None:
        self._clock = clock or SystemClock()
        self._machine = machine or Machine()
        self._tokens = tokens()
        self._watchers = Watchers()

    async def __aenter__(self) -> Self:
        """Open the store."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        now = self._clock.now()
        results = self._machine.enqueue(queue_type, jobs, now)
        if self._machine.given:
            self._wake_watchers(now)
        return results

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs."""
        now = self._clock.now()
        answers = self._machine.dequeue(queue_type, takes, now, self._tokens)
        if self._machine.given:
            self._wake_watchers(now)
        return answers

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        """Have `wake` called at the end of each verb that gives queues of a type places."""
        with self._watchers.watching(check_name("queue_type", queue_type), wake):
            yield

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        """Do what workers say of their leases."""
        now = self._clock.now()
        outcomes = self._machine.settle(queue_type, items, now)
        if self._machine.given:
            self._wake_watchers(now)
        return outcomes

    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        """Change jobs by their ids, and dead letters."""
        now = self._clock.now()
        outcomes = self._machine.amend(queue_type, changes, now)
        if self._machine.given:
            self._wake_watchers(now)
        return outcomes

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Redrive dead letters of a range."""
        now = self._clock.now()
        moved = self._machine.redrive(queue_type, letters, limit, now)
        if self._machine.given:
            self._wake_watchers(now)
        return moved

    async def discard(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Remove dead letters of a range."""
        return self._machine.discard(queue_type, letters, limit, self._clock.now())

    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | Absence]:
        """Look at jobs by their ids."""
        return self._machine.find(queue_type, jobs, self._clock.now(), payloads=payloads)

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change settings."""
        now = self._clock.now()
        outcomes = self._machine.configure(queue_type, changes, now)
        if self._machine.given:
            self._wake_watchers(now)
        return outcomes

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        """Do what is due."""
        now = self._clock.now()
        tended = self._machine.tend(limit, retention, now)
        if self._machine.given:
            self._wake_watchers(now)
        return tended

    async def clear(
        self, queue_type: str, what: Clear, *, cursor: str | None = None, limit: int
    ) -> Cleared:
        """Take one step of a clearing."""
        now = self._clock.now()
        cleared = self._machine.clear(queue_type, what, cursor, limit, now)
        if self._machine.given:
            self._wake_watchers(now)
        return cleared

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Look at a queue, at a type, or at everything."""
        return self._machine.look(queue_type, queue_id, self._clock.now())

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """Return one page of a listing."""
        return self._machine.page(queue_type, listing, cursor, limit, self._clock.now())

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Say that nothing outlives the process; in it a dequeue and a finish can always run."""
        forgets = "the memory backend forgets every job when this process ends"
        return (forgets,) if thorough else ()

    def _wake_watchers(self, now: int) -> None:
        """Wake those who watch the types whose queues got places in the call at `now` (ms)."""
        self._watchers.wake_given(self._machine.given, now)

    def _check(self) -> None:
        """Raise AssertionError if an invariant does not hold. For tests; reads everything."""
        check_machine(self._machine, self._clock.now())
