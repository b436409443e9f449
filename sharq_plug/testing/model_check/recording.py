"""Writing a history: a recorder for any caller, and a store that records what is asked of it."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self, TypeVar

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
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore
from sharq_plug.store import Wake as TellWatcher
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.operations import (
    ClearStep,
    DiscardRange,
    Item,
    Leave,
    Look,
    Operation,
    Outcome,
    PageStep,
    RedriveRange,
    Tend,
    Wake,
    Watch,
)

OneOutcome = TypeVar("OneOutcome", bound=Outcome)


class Call:
    """A call that was begun; without an `answer` its outcome is unknown."""

    __slots__ = ("_answered", "_begun", "_moment", "_operations", "_outcomes")

    def __init__(
        self, operations: Sequence[Operation], moment: Callable[[], tuple[int, int]]
    ) -> None:
        self._operations = operations
        self._moment = moment
        self._begun = moment()
        self._answered: tuple[int, int] | None = None
        self._outcomes: Sequence[Outcome | None] = [None] * len(operations)

    def answer(self, *outcomes: Outcome) -> None:
        """Note the answer, an outcome for each operation in order."""
        if len(outcomes) != len(self._operations):
            raise ValueError(f"{len(outcomes)} outcomes of {len(self._operations)} operations")
        self._answered = self._moment()
        self._outcomes = outcomes

    def give_up(self) -> None:
        """Note that there was no answer, and that nothing of the call runs on."""
        self._answered = self._moment()

    def events(self, number: int) -> list[Event]:
        """Return the items of this call, as the call of that number."""
        invoked, invoked_at = self._begun
        answered, answered_at = self._answered or (None, None)
        return [
            Event(
                call=number,
                item=item,
                invoked=invoked,
                answered=answered,
                invoked_at=invoked_at,
                answered_at=answered_at,
                operation=operation,
                outcome=outcome,
            )
            for item, (operation, outcome) in enumerate(
                zip(self._operations, self._outcomes, strict=True)
            )
        ]


class Recorder:
    """Keep what is asked of a store and what it answers.

    `now` reads the store's clock (ms), or one that agrees with it; `tick` tells real time as
    `sharq_plug.testing.model_check.history` says. Without `tick` calls are counted: that serves
    where one recorder sees every call.

        call = recorder.begin(Operation("sms", Take(1, 60_000)))
        call.answer(Dequeued((), now=now))
    """

    def __init__(self, now: Callable[[], int], tick: Callable[[], int] | None = None) -> None:
        self._now = now
        self._tick = tick or itertools.count().__next__
        self._calls: list[Call] = []
        self._watchers = itertools.count()

    def begin(self, *operations: Operation) -> Call:
        """Note the items of a call that begins now."""
        call = Call(operations, self._moment)
        self._calls.append(call)
        return call

    def watcher(self) -> int:
        """Return a number for a new watcher."""
        return next(self._watchers)

    def history(self, *, complete: bool) -> History:
        """Return what was recorded so far; `complete` if there were no other calls."""
        return History(tuple(self.events()), complete)

    def events(self, first_call: int = 0) -> list[Event]:
        """Return what was recorded so far, from the call of that number on."""
        calls = enumerate(self._calls[first_call:], first_call)
        return [event for number, call in calls for event in call.events(number)]

    def _moment(self) -> tuple[int, int]:
        return self._tick(), self._now()


class RecordingStore(QueueStore):
    """Pass every call on to a store, and record it."""

    def __init__(self, store: QueueStore, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

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
        return await self._all(queue_type, jobs, self._store.enqueue(queue_type, jobs))

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs."""
        return await self._all(queue_type, takes, self._store.dequeue(queue_type, takes))

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        """Do what workers say of their leases."""
        return await self._all(queue_type, items, self._store.settle(queue_type, items))

    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        """Record each change of a job."""
        return await self._all(queue_type, changes, self._store.amend(queue_type, changes))

    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | Absence]:
        """Record each look at a job."""
        answer = self._store.find(queue_type, jobs, payloads=payloads)
        return await self._all(queue_type, jobs, answer)

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change the intervals of queues."""
        return await self._all(queue_type, changes, self._store.configure(queue_type, changes))

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        """Do what is due."""
        answer = self._store.tend(limit=limit, retention=retention)
        return await self._one(None, Tend(limit, retention), answer)

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Redrive dead letters of a range."""
        answer = self._store.redrive(queue_type, letters, limit=limit)
        return await self._one(queue_type, RedriveRange(letters, limit), answer)

    async def discard(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Remove dead letters of a range."""
        answer = self._store.discard(queue_type, letters, limit=limit)
        return await self._one(queue_type, DiscardRange(letters, limit), answer)

    async def clear(
        self, queue_type: str, what: Clear, *, cursor: str | None = None, limit: int
    ) -> Cleared:
        """Remove jobs of a queue or a type."""
        answer = self._store.clear(queue_type, what, cursor=cursor, limit=limit)
        return await self._one(queue_type, ClearStep(what, cursor, limit), answer)

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Look at a queue, at a type, or at everything."""
        answer = self._store.look(queue_type, queue_id)
        return await self._one(queue_type, Look(queue_id), answer)

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """List something."""
        answer = self._store.page(queue_type, listing, cursor=cursor, limit=limit)
        return await self._one(queue_type, PageStep(listing, cursor, limit), answer)

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Pass on what the store says of itself; nothing is recorded."""
        return await self._store.health(thorough=thorough)

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: TellWatcher) -> AsyncIterator[None]:
        """Watch a type, and record each wake-up."""
        watcher = self._recorder.watcher()

        def woken(delay: int, queue_ids: Collection[str] | None) -> None:
            self._recorder.begin(Operation(queue_type, Wake(watcher, delay))).answer(True)
            wake(delay, queue_ids)

        call = self._recorder.begin(Operation(queue_type, Watch(watcher)))
        async with self._store.watching(queue_type, woken):
            call.answer(True)
            try:
                yield
            finally:
                call = self._recorder.begin(Operation(queue_type, Leave(watcher)))
        call.answer(True)

    async def _one(
        self, queue_type: str | None, item: Item, answer: Awaitable[OneOutcome]
    ) -> OneOutcome:
        call = self._recorder.begin(Operation(queue_type, item))
        outcome = await answer
        call.answer(outcome)
        return outcome

    async def _all(
        self, queue_type: str, items: Sequence[Item], answer: Awaitable[list[OneOutcome]]
    ) -> list[OneOutcome]:
        call = self._recorder.begin(*(Operation(queue_type, item) for item in items))
        outcomes = await answer
        call.answer(*outcomes)
        return outcomes
