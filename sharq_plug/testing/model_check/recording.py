"""Writing a history: a recorder for any caller, and a store that records what is asked of it."""

import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from sharq_plug.model import (
    Cleared,
    Dequeued,
    EnqueueResult,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Page,
    QueueMetrics,
    Reclaimed,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.model_check.history import (
    Clear,
    Count,
    Dequeue,
    Enqueue,
    Event,
    Finish,
    History,
    Leave,
    ListKnownTypes,
    ListQueues,
    ListTypes,
    Measure,
    Operation,
    Outcome,
    Reclaim,
    Release,
    SetInterval,
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
    `sharq_plug.testing.model_check.history` says. If no tick is given, calls are counted: that
    serves where one recorder sees every call.
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
        call = self._recorder.begin(*(Enqueue(queue_type, job) for job in jobs))
        results = await self._store.enqueue(queue_type, jobs)
        call.answer(*results)
        return results

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease ready jobs."""
        answer = self._store.dequeue(queue_type, count=count, lease=lease, attempt_id=attempt_id)
        return await self._recorded(Dequeue(queue_type, count, lease, attempt_id), answer)

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Callable[[int], None]) -> AsyncIterator[None]:
        """Watch a type, and record each wake-up."""
        watcher = self._recorder.watcher()

        def woken(delay: int) -> None:
            self._recorder.begin(Wake(queue_type, watcher, delay)).answer(True)
            wake(delay)

        call = self._recorder.begin(Watch(queue_type, watcher))
        async with self._store.watching(queue_type, woken):
            call.answer(True)
            try:
                yield
            finally:
                call = self._recorder.begin(Leave(queue_type, watcher))
        call.answer(True)

    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        """End leases, their jobs done."""
        call = self._recorder.begin(*(Finish(queue_type, ref, receipt_time) for ref in leases))
        outcomes = await self._store.finish(queue_type, leases, receipt_time=receipt_time)
        call.answer(*outcomes)
        return outcomes

    async def release(self, queue_type: str, leases: Sequence[LeaseRef]) -> list[LeaseOutcome]:
        """Hand leased jobs back."""
        call = self._recorder.begin(*(Release(queue_type, ref) for ref in leases))
        outcomes = await self._store.release(queue_type, leases)
        call.answer(*outcomes)
        return outcomes

    async def reclaim(self, queue_type: str, *, limit: int) -> Reclaimed:
        """End expired leases."""
        answer = self._store.reclaim(queue_type, limit=limit)
        return await self._recorded(Reclaim(queue_type, limit), answer)

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change the interval of a queue."""
        answer = self._store.set_interval(queue_type, queue_id, interval)
        return await self._recorded(SetInterval(queue_type, queue_id, interval), answer)

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs."""
        answer = self._store.clear(queue_type, queue_id, purge=purge)
        return await self._recorded(Clear(queue_type, queue_id, purge), answer)

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return what there is in one queue."""
        answer = self._store.queue_metrics(queue_type, queue_id)
        return await self._recorded(Measure(queue_type, queue_id), answer)

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type, or of everything."""
        return await self._recorded(Count(queue_type), self._store.counts(queue_type))

    async def queue_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types that have a queue."""
        answer = self._store.queue_types(cursor=cursor, limit=limit)
        return await self._recorded(ListTypes(cursor, limit), answer)

    async def queue_ids(self, queue_type: str, *, cursor: str | None = None, limit: int) -> Page:
        """List the queues of a type that exist."""
        answer = self._store.queue_ids(queue_type, cursor=cursor, limit=limit)
        return await self._recorded(ListQueues(queue_type, cursor, limit), answer)

    async def known_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types on which a reclaim may have something to do."""
        answer = self._store.known_types(cursor=cursor, limit=limit)
        return await self._recorded(ListKnownTypes(cursor, limit), answer)

    async def ping(self) -> None:
        """Make a round trip to where the data is."""
        await self._store.ping()

    async def weaknesses(self) -> Sequence[str]:
        """Say what the store says of itself."""
        return await self._store.weaknesses()

    async def maintain(self) -> None:
        """Do a step of the store's upkeep."""
        await self._store.maintain()

    async def _recorded(
        self, operation: Operation, answer: Coroutine[Any, Any, OneOutcome]
    ) -> OneOutcome:
        call = self._recorder.begin(operation)
        outcome = await answer
        call.answer(outcome)
        return outcome
