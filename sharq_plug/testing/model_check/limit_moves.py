"""Moves of several calls around limits and costs: debts, corrections, changes, precedence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Dequeued,
    Extras,
    Finish,
    JobRef,
    LeaseRef,
    Limit,
    NewJob,
    PatchQueue,
    SetInterval,
    SettingsPatch,
    Take,
)
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME
from sharq_plug.testing.model_check.operations import Item, Look
from sharq_plug.testing.model_check.walk import (
    JOB_IDS,
    RECEIPT_TIME,
    TAKEN_BACK,
    Walk,
)

Cost = Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class OneQueue:
    """A queue that a move is about."""

    queue_type: str
    queue_id: str

    async def begin(self, walk: Walk, **settings: object) -> None:
        """Empty the queue, end its freeze, and let it have these settings alone."""
        await walk.clear(self.queue_type, Clear(self.queue_id, ALL_STATES))
        await self.patch(walk, replace(TAKEN_BACK, **settings), freeze=0)

    async def patch(self, walk: Walk, patch: SettingsPatch, *, freeze: int | None = None) -> None:
        """Change settings of the queue."""
        await walk.ask(self.queue_type, [PatchQueue(self.queue_id, patch, freeze)])

    async def enqueue(
        self, walk: Walk, costs: Sequence[Cost], interval: int | None = 0, *, first: int = 0
    ) -> None:
        """Enqueue a job of each cost."""
        jobs = [
            NewJob(
                self.queue_id,
                job_id,
                b"",
                interval,
                1,
                extras=None if cost is None else Extras(cost=cost),
            )
            for job_id, cost in zip(JOB_IDS[first:], costs, strict=False)
        ]
        await walk.ask(self.queue_type, jobs)

    async def look(self, walk: Walk) -> None:
        """Look at the queue, and at its jobs."""
        await walk.ask(self.queue_type, [Look(self.queue_id)])
        await walk.ask(self.queue_type, [JobRef(self.queue_id, job_id) for job_id in JOB_IDS[:4]])

    async def take_some(
        self, walk: Walk, count: int, lease_time: int = LONG_LEASE_TIME
    ) -> tuple[list[LeaseRef], int]:
        """Dequeue from the queue; return the leases, and when to come back (ms)."""
        take = Take(count, lease_time, queues=(self.queue_id,))
        [answer] = await walk.ask(self.queue_type, [take])
        if not isinstance(answer, Dequeued):
            raise TypeError(f"{answer!r} is no outcome of a take")
        leases = [LeaseRef(job.queue_id, job.job_id, job.token) for job in answer.jobs]
        return leases, max(answer.next_ready_at or 0, walk.now)

    async def take_on(self, walk: Walk, early: int, count: int = 5) -> list[LeaseRef]:
        """Dequeue, and again `early` ms before that can succeed."""
        leases, ready_at = await self.take_some(walk, count)
        await walk.advance(max(0, ready_at - early - walk.now))
        more, _ = await self.take_some(walk, 1)
        return leases + more


@dataclass(frozen=True, slots=True)
class PayLimits:
    """Let a queue with limits give jobs of some costs, and more `early` ms before it may.

    After the first ones, `waits` ms pass. With `empties` the queue is cleared before, and all come
    anew.
    """

    queue: OneQueue
    limits: tuple[Limit, ...]
    costs: Sequence[Cost]
    waits: int
    empties: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.queue.begin(walk, limits=self.limits)
        await self.queue.enqueue(walk, self.costs, None)
        await self.queue.look(walk)
        leases, _ = await self.queue.take_some(walk, len(self.costs) if self.empties else 2)
        if self.empties:
            await walk.clear(self.queue.queue_type, Clear(self.queue.queue_id))
        await walk.advance(self.waits)
        if self.empties:
            await self.queue.enqueue(walk, self.costs)
        await self.queue.look(walk)
        await self.queue.take_on(walk, self.early)
        await walk.finish(self.queue.queue_type, leases)


@dataclass(frozen=True, slots=True)
class Correct:
    """Finish a job that took more or less than it cost, and dequeue as soon as that allows.

    With `limits` None an interval is brought. With `changes` the limits change in between.
    """

    queue: OneQueue
    limits: tuple[Limit, ...] | None
    interval: int
    cost: Cost
    actual: Mapping[str, int]
    waits: int
    changes: tuple[Limit, ...] | None
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.queue.begin(walk, limits=self.limits)
        await self.queue.enqueue(walk, [self.cost] * 4, self.interval)
        leases, _ = await self.queue.take_some(walk, 1)
        await walk.advance(self.waits)
        finishes: list[Item] = [Finish(lease, RECEIPT_TIME, self.actual) for lease in leases]
        await walk.ask(self.queue.queue_type, [*finishes, *finishes])
        if self.changes is not None:
            await self.queue.patch(walk, SettingsPatch(limits=self.changes))
        await self.queue.look(walk)
        await self.queue.take_on(walk, self.early)


@dataclass(frozen=True, slots=True)
class ChangeLimits:
    """Change the limits of a queue that owes something, and dequeue as soon as it may again.

    `empties` says whether it has jobs then.
    """

    queue: OneQueue
    before: tuple[Limit, ...] | None
    after: tuple[Limit, ...] | None
    interval: int
    waits: int
    empties: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.queue.begin(walk, limits=self.before)
        await self.queue.enqueue(walk, [{"token": 2}, {"job": 2, "token": 1}, None], self.interval)
        leases, _ = await self.queue.take_some(walk, 2)
        await walk.advance(self.waits)
        if self.empties:
            await walk.clear(self.queue.queue_type, Clear(self.queue.queue_id))
        await self.queue.patch(walk, SettingsPatch(limits=self.after))
        await self.queue.look(walk)
        await self.queue.enqueue(walk, [None, {"token": 1}], self.interval, first=3)
        await self.queue.take_on(walk, self.early)
        await walk.finish(self.queue.queue_type, leases)


@dataclass(frozen=True, slots=True)
class Precede:
    """Bring intervals to a queue whose limits are set, and take these back.

    Meanwhile it may be emptied, with its counts and letters.
    """

    queue: OneQueue
    limits: tuple[Limit, ...]
    intervals: tuple[int, int]
    empties: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        first, second = self.intervals
        await self.queue.begin(walk, limits=self.limits)
        await self.queue.enqueue(walk, [None] * 3, first)
        await self.queue.take_on(walk, self.early)
        if self.empties:
            what = Clear(self.queue.queue_id, ALL_STATES, counts=True)
            await walk.clear(self.queue.queue_type, what)
            await self.queue.look(walk)
        await self.queue.enqueue(walk, [None] * 3, None)
        await walk.ask(self.queue.queue_type, [SetInterval(self.queue.queue_id, second)])
        await self.queue.take_on(walk, self.early)
        await self.queue.patch(walk, TAKEN_BACK)
        await self.queue.look(walk)
        await walk.ask(self.queue.queue_type, [SetInterval(self.queue.queue_id, second)])
        await self.queue.enqueue(walk, [None] * 2, None)
        await self.queue.take_on(walk, self.early)
