"""The store: the types' states, one clock, and nothing that waits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from types import TracebackType
from typing import Self

from sortedcontainers import SortedDict

from sharq_memory.check import check_state
from sharq_memory.state import TypeState
from sharq_memory.tally import Tally
from sharq_memory.watching import Wake, Watchers
from sharq_plug.clock import Clock, SystemClock
from sharq_plug.model import (
    Cleared,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
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


class MemoryStore(QueueStore):
    """Keep everything in this process, for as long as it lives.

    A verb runs from start to end without awaiting, so each is one atomic step.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._types = SortedDict()  # queue type -> TypeState
        self._tally = Tally()
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
        state = self._types.get(queue_type)
        if state is None:
            state = self._types[check_name("queue_type", queue_type)] = TypeState()
        results = [state.enqueue(job, now) for job in jobs]
        queued = sum(result.outcome is EnqueueOutcome.QUEUED for result in results)
        for tally in (state.tally, self._tally):
            tally.add(now, enqueues=queued)
        self._wake_watchers(queue_type, state, now)
        return results

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` ready jobs."""
        now = self._clock.now()
        state = self._state(queue_type)
        if attempt_id is None:
            dequeued = state.dequeue(count, lease, now)
        else:
            repeated = state.repeat(check_name("attempt_id", attempt_id), now)
            if repeated:
                return Dequeued(repeated, now=now)
            dequeued = state.dequeue(count, lease, now)
            state.attempts.keep(attempt_id, dequeued.jobs, now + lease)
        for tally in (state.tally, self._tally):
            tally.add(now, dequeues=len(dequeued.jobs))
        return dequeued

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        """Have `wake` called at the end of each verb that gives queues of a type places."""
        with self._watchers.watching(check_name("queue_type", queue_type), wake):
            yield

    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        """End leases, their jobs done."""
        now = self._clock.now()
        state = self._state(queue_type)
        return [state.finish(lease, receipt_time, now) for lease in leases]

    async def release(self, queue_type: str, leases: Sequence[LeaseRef]) -> list[LeaseOutcome]:
        """Hand leased jobs back."""
        now = self._clock.now()
        state = self._state(queue_type)
        outcomes = [state.release(lease, now) for lease in leases]
        self._wake_watchers(queue_type, state, now)
        return outcomes

    async def reclaim(self, queue_type: str, *, limit: int) -> Reclaimed:
        """End expired leases, and forget what is done with."""
        now = self._clock.now()
        state = self._state(queue_type)
        reclaimed = state.reclaim(limit, now)
        self._wake_watchers(queue_type, state, now)
        if state.is_empty(now):
            self._types.pop(queue_type, None)
        return reclaimed

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change the interval of a queue that exists."""
        now = self._clock.now()
        state = self._state(queue_type)
        exists = state.set_interval(queue_id, interval, now)
        self._wake_watchers(queue_type, state, now)
        return exists

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs."""
        state = self._state(queue_type)
        state.settle(queue_id, self._clock.now())
        return state.clear(queue_id, purge=purge)

    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return what there is in one queue."""
        return self._state(queue_type).metrics(queue_id, self._clock.now())

    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type, or of everything."""
        tally = self._tally if queue_type is None else self._state(queue_type).tally
        return tally.counts(self._clock.now())

    async def queue_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types that have a queue."""
        page = _page(self._types, cursor, limit)
        names = tuple(name for name in page.names if self._types[name].existing)
        return Page(names, page.cursor)

    async def queue_ids(self, queue_type: str, *, cursor: str | None = None, limit: int) -> Page:
        """List the queues of a type that exist."""
        queues = self._state(queue_type).queues
        page = _page(queues, cursor, limit)
        return Page(tuple(name for name in page.names if queues[name].jobs), page.cursor)

    async def known_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List every type that holds anything."""
        return _page(self._types, cursor, limit)

    async def ping(self) -> None:
        """Do nothing: in this process a dequeue and a finish can always run."""

    async def weaknesses(self) -> Sequence[str]:
        """Say that nothing outlives the process."""
        return ("the memory backend forgets every job when this process ends",)

    def _state(self, queue_type: str) -> TypeState:
        """Return the state of a type; one that nobody keeps if the type is not known."""
        state: TypeState | None = self._types.get(queue_type)
        if state is None:
            check_name("queue_type", queue_type)
            state = TypeState()
        return state

    def _wake_watchers(self, queue_type: str, state: TypeState, now: int) -> None:
        soonest = state.places_given(now)
        if soonest is not None:
            self._watchers.wake(queue_type, max(0, soonest - now))

    def _check(self) -> None:
        """Raise AssertionError if an invariant does not hold. For tests; reads everything."""
        for state in self._types.values():
            check_state(state, self._clock.now())


def _page(names: SortedDict, cursor: str | None, limit: int) -> Page:
    """Return up to `limit` names that sort after `cursor`."""
    following = names.irange(minimum=cursor, inclusive=(False, True))
    found = tuple(islice(following, limit))
    return Page(found, found[-1] if len(found) == limit else None)
