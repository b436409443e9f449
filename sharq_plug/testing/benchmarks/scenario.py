"""The work of a measured store: fill it, dequeue from it, keep it full."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Self

from sharq_plug.model import (
    MAX_BATCH,
    ChangeOutcome,
    Delivery,
    LeaseRef,
    Limit,
    NewJob,
    PatchLimit,
    PatchQueue,
    Setting,
    SettingsPatch,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all

LEASE_TIME = 600_000
"""ms, longer than any measurement."""
RECEIPT_TIME = 60_000
LIMITS = SettingsPatch(limits=(Limit(1_000_000, 1, burst=1000),))
"""A limit that is paid and never holds a queue."""
MIXED = (
    LIMITS,
    SettingsPatch(weight=3),
    SettingsPatch(
        limits=(Limit(1_000_000, 1, burst=1000), Limit(1_000_000, 1, burst=1000, unit="token")),
        concurrency=1_000_000,
        weight=2,
    ),
    SettingsPatch(),
)
PAUSED = SettingsPatch(paused=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The amount of work.

    The comparison of batches uses `queues` ready queues. The measurement of growth uses each of
    `sizes`, compared with `base_size`. No queue is held (its interval is 0): it is ready while a
    job waits in it. The queues have these `settings` in turn, and `held` more queues with a job
    each have the settings `held_by`. These may use the `shared` limits. A round does `jobs` jobs,
    one call after the other, for each of the `batches`. A job's id has 36 characters, its payload
    about `payload_size` bytes.
    """

    queues: int = 1000
    held: int = 0
    held_by: SettingsPatch = PAUSED
    settings: tuple[SettingsPatch, ...] = ()
    shared: tuple[PatchLimit, ...] = ()
    jobs: int = 1000
    payload_size: int = 100
    batches: tuple[int, ...] = (1, 10, 100)
    sizes: tuple[int, ...] = (1, 100, 10_000, 100_000, 1_000_000)
    base_size: int = 100
    rounds: int = 15

    def sharing(self, limits: int) -> Self:
        """Return the same with each queue using one of so many shared limits, in turn.

        Deliveries pay to them, and they hold no queue.
        """
        names = [f"limit-{number}" for number in range(limits)]
        return replace(
            self,
            settings=tuple(SettingsPatch(uses=(name,)) for name in names),
            shared=tuple(PatchLimit(name, LIMITS) for name in names),
        )

    def beside_a_closed_limit(self, queues: int) -> Self:
        """Return the same with so many more queues that use one shared limit, which is closed."""
        behind, closed = SettingsPatch(uses=("closed",)), PatchLimit("closed", PAUSED)
        return replace(self, held=queues, held_by=behind, shared=(closed,))


class Workload:
    """The jobs of one queue type of an open store, and one caller that works on them."""

    def __init__(
        self, store: QueueStore, scenario: Scenario, *, queue_type: str = "benchmark"
    ) -> None:
        self._store = store
        self._scenario = scenario
        self._type = queue_type
        self._taken: list[Delivery] = []
        self._numbers = count(1_000_000)
        self._text = b"x" * (scenario.payload_size - len(b'{"number":1000000,"text":""}'))

    async def fill(self, depth: int | None = None) -> None:
        """Enqueue `depth` jobs into each queue; by default enough for two rounds."""
        queues, held = self._scenario.queues, self._scenario.held
        await self._configure(self._scenario.shared)
        await self._configure(_patches("queue", queues, self._scenario.settings))
        await self._configure(_patches("held", held, (self._scenario.held_by,)))
        await self._put((f"held-{number}" for number in range(held)), MAX_BATCH)
        depth = depth or max(2, 2 * self._scenario.jobs // queues)
        await self._put(self._queue_ids(queues * depth), MAX_BATCH)

    async def enqueue(self, *, batch: int) -> None:
        """Enqueue a round's jobs, the queues in turn."""
        await self._put(self._queue_ids(self._scenario.jobs), batch)

    async def dequeue(self, *, batch: int) -> None:
        """Dequeue a round's jobs."""
        wanted, taken = self._scenario.jobs, list[Delivery]()
        while len(taken) < wanted:
            size = min(batch, wanted - len(taken))
            dequeued = await dequeue_for_one(
                self._store, self._type, count=size, lease_time=LEASE_TIME
            )
            assert dequeued.jobs, "the store ran out of ready jobs"
            taken += dequeued.jobs
        self._taken = taken

    async def finish(self, *, batch: int) -> None:
        """Finish what the latest round dequeued."""
        claims = (LeaseRef(job.queue_id, job.job_id, job.token) for job in self._taken)
        while some := list(islice(claims, batch)):
            await finish_all(self._store, self._type, some, receipt_time=RECEIPT_TIME)

    async def cycle(self, *, batch: int) -> None:
        """Enqueue a round's jobs, dequeue as many, finish them."""
        await self.enqueue(batch=batch)
        await self.dequeue(batch=batch)
        await self.finish(batch=batch)

    async def restore(self) -> None:
        """Finish what the latest round dequeued, and enqueue as much into the same queues."""
        await self.finish(batch=MAX_BATCH)
        await self._put((job.queue_id for job in self._taken), MAX_BATCH)

    async def _configure(self, changes: Iterable[Setting]) -> None:
        changes = iter(changes)
        while some := list(islice(changes, MAX_BATCH)):
            outcomes = await self._store.configure(self._type, some)
            assert set(outcomes) == {ChangeOutcome.CHANGED}

    def _queue_ids(self, jobs: int) -> Iterator[str]:
        return (f"queue-{number % self._scenario.queues}" for number in range(jobs))

    async def _put(self, queue_ids: Iterator[str], batch: int) -> None:
        while some := [self._job(queue_id) for queue_id in islice(queue_ids, batch)]:
            await self._store.enqueue(self._type, some)

    def _job(self, queue_id: str) -> NewJob:
        number = next(self._numbers)
        payload = b'{"number":%d,"text":"%b"}' % (number, self._text)
        return NewJob(queue_id, str(uuid.UUID(int=number)), payload, interval=0)


def _patches(name: str, queues: int, settings: Sequence[SettingsPatch]) -> Iterator[PatchQueue]:
    """Iterate over what gives so many queues these settings, in turn."""
    for number in range(queues if settings else 0):
        yield PatchQueue(f"{name}-{number}", settings[number % len(settings)])
