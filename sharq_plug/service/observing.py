"""A store whose calls are observed: how long they take, and what their answers tell of times."""

from collections.abc import Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from types import TracebackType
from typing import Protocol, Self, TypeVar

from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    Ended,
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
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore, Wake

T = TypeVar("T")


class Observer(Protocol):
    """What hears of the calls of a store. Its methods are quick, and do not raise."""

    def called(self, verb: str, seconds: float) -> None:
        """Note a call that has ended, well or not."""

    def delivered(self, queue_type: str, milliseconds: int) -> None:
        """Note the first delivery of a job, and how long it could have gone before."""

    def ended(self, queue_type: str, milliseconds: int) -> None:
        """Note how long a lease was held that a worker has ended."""


class ObservedStore(QueueStore):
    """Does what another store does, and tells an observer."""

    def __init__(self, store: QueueStore, observer: Observer) -> None:
        self._store = store
        self._observer = observer

    async def __aenter__(self) -> Self:
        """Open the store."""
        await self._store.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store."""
        await self._store.__aexit__(exc_type, exc, traceback)

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        began = perf_counter()
        try:
            return await self._store.enqueue(queue_type, jobs)
        finally:
            self._observer.called("enqueue", perf_counter() - began)

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs. A repeated answer is no delivery."""
        began = perf_counter()
        try:
            answers = await self._store.dequeue(queue_type, takes)
        finally:
            self._observer.called("dequeue", perf_counter() - began)
        for answer in answers:
            if answer.is_repeated:
                continue
            for job in answer.jobs:
                if job.attempt == 1:
                    due_at, since = job.due_at, job.enqueued_at
                    if due_at is not None and due_at > since:
                        since = due_at
                    self._observer.delivered(queue_type, max(0, answer.now - since))
        return answers

    def watching(self, queue_type: str, wake: Wake) -> AbstractAsyncContextManager[None]:
        """Have `wake` called when a job of a type may be ready earlier than was foreseen."""
        return self._store.watching(queue_type, wake)

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        """Do what workers say of their leases."""
        began = perf_counter()
        try:
            outcomes = await self._store.settle(queue_type, items)
        finally:
            self._observer.called("settle", perf_counter() - began)
        for outcome in outcomes:
            if type(outcome) is Ended:
                self._observer.ended(queue_type, outcome.held)
        return outcomes

    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        """Change jobs by their ids."""
        return await self._timed("amend", self._store.amend(queue_type, changes))

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Redrive dead letters of a range."""
        return await self._timed("redrive", self._store.redrive(queue_type, letters, limit=limit))

    async def discard(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Remove dead letters of a range."""
        return await self._timed("discard", self._store.discard(queue_type, letters, limit=limit))

    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | Absence]:
        """Return what is known of jobs."""
        return await self._timed("find", self._store.find(queue_type, jobs, payloads=payloads))

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change settings."""
        return await self._timed("configure", self._store.configure(queue_type, changes))

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        """Do what is due."""
        return await self._timed("tend", self._store.tend(limit=limit, retention=retention))

    async def clear(
        self, queue_type: str, what: Clear, *, cursor: str | None = None, limit: int
    ) -> Cleared:
        """Remove jobs."""
        step = self._store.clear(queue_type, what, cursor=cursor, limit=limit)
        return await self._timed("clear", step)

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Return what there is in a queue or a type."""
        return await self._timed("look", self._store.look(queue_type, queue_id))

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """Return one page of a listing."""
        step = self._store.page(queue_type, listing, cursor=cursor, limit=limit)
        return await self._timed("page", step)

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Make sure that the store answers."""
        return await self._timed("health", self._store.health(thorough=thorough))

    async def _timed(self, verb: str, call: Awaitable[T]) -> T:
        began = perf_counter()
        try:
            return await call
        finally:
            self._observer.called(verb, perf_counter() - began)
