"""Memory stores that are broken on purpose, one fault each: who is woken, and when."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_memory.watching import Watchers
from sharq_plug.model import (
    ChangeOutcome,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    Retention,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
)
from sharq_plug.store import DEFAULT_RETENTION, Wake
from sharq_plug.testing import ManualClock


class Silent(MemoryStore):
    """A store that can keep its wake-ups to itself."""

    is_silent = False

    def _wake_watchers(self, now: int) -> None:
        watchers = self._watchers
        if self.is_silent:
            self._watchers = Watchers()
        super()._wake_watchers(now)
        self._watchers = watchers


class TendingWakesNobody(Silent):
    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        self.is_silent = True
        tended = await super().tend(limit=limit, retention=retention)
        self.is_silent = False
        return tended


class ReleaseWakesNobody(Silent):
    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        self.is_silent = True
        outcomes = await super().settle(queue_type, items)
        self.is_silent = False
        return outcomes


class DequeueThatEndsLeasesWakesNobody(Silent):
    """Other watchers do not hear of the places that it gave."""

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.is_silent = True
        answers = await super().dequeue(queue_type, takes)
        self.is_silent = False
        return answers


class NewIntervalWakesNobody(Silent):
    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        self.is_silent = True
        outcomes = await super().configure(queue_type, changes)
        self.is_silent = False
        return outcomes


class DuplicateWakesNobody(MemoryStore):
    """Though its interval brings the queue forward."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        results = []
        for job in jobs:
            watching, self._watchers = self._watchers, Watchers()
            results += await super().enqueue(queue_type, [job])
            self._watchers = watching
            if results[-1].outcome is EnqueueOutcome.QUEUED:
                queue = self._machine.types[queue_type].queues[job.queue_id]
                delay = max(0, queue.ready_since - self._clock.now())
                self._watchers.wake(queue_type, delay, [job.queue_id])
        return results


class DelayedJobsWakeNobody(Silent):
    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        self.is_silent = all(job.extras is not None and job.extras.delay for job in jobs)
        results = await super().enqueue(queue_type, jobs)
        self.is_silent = False
        return results


class LateWatchers(Watchers):
    def wake(self, queue_type: str, delay: int, queue_ids: Collection[str] | None) -> None:
        super().wake(queue_type, delay + (delay > 0), queue_ids)


class WakesComeLate(MemoryStore):
    """Where the first place is not ready yet, by 1 ms."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._watchers = LateWatchers()


class FirstWatchers(Watchers):
    def wake(self, queue_type: str, delay: int, queue_ids: Collection[str] | None) -> None:
        for wake in self._by_type.get(queue_type, [])[:1]:
            wake(delay, queue_ids)


class OneWatcherOfManyIsWoken(MemoryStore):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._watchers = FirstWatchers()


class LastPlaceTellsWhen(MemoryStore):
    """In a batch, the latest of the new places, not the first."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        watching, self._watchers = self._watchers, Watchers()
        results = await super().enqueue(queue_type, jobs)
        self._watchers = watching
        queues = (self._machine.types.get(queue_type) or TypeState(queue_type)).queues
        places = [
            queues[job.queue_id].ready_since
            for job in jobs
            if job.queue_id in queues and queues[job.queue_id].ready_since is not None
        ]
        if places:
            self._watchers.wake(queue_type, max(0, max(places) - self._clock.now()), tuple(queues))
        return results


class WatcherIsWokenOnce(MemoryStore):
    """However much happens after."""

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        has_been = False

        def once(delay: int, queue_ids: Collection[str] | None) -> None:
            nonlocal has_been
            if not has_been:
                has_been = True
                wake(delay, queue_ids)

        async with super().watching(queue_type, once):
            yield


class WhoLeftIsStillWoken(MemoryStore):
    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        await super().watching(queue_type, wake).__aenter__()
        yield
