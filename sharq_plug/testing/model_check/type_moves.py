"""Moves of several calls around settings of a type: its gate, and the defaults of its queues."""

from collections.abc import Sequence
from dataclasses import dataclass

from sharq_plug.model import (
    NO_CHANGE,
    Fail,
    LeaseRef,
    Limit,
    NewJob,
    PatchType,
    Release,
    SetInterval,
    SettingsPatch,
    Take,
    TypeRules,
    View,
)
from sharq_plug.testing.model_check.limit_moves import Cost, OneQueue
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME, SHORT_LEASE_TIME
from sharq_plug.testing.model_check.operations import Look
from sharq_plug.testing.model_check.walk import (
    DEFAULTS_TAKEN_BACK,
    GATE_TAKEN_BACK,
    JOB_IDS,
    Walk,
)


@dataclass(frozen=True, slots=True)
class OneType:
    """A type that a move is about, and two queues of it."""

    queue_type: str
    queue_ids: tuple[str, str]

    @property
    def queues(self) -> tuple[OneQueue, OneQueue]:
        """Return its two queues."""
        first, second = self.queue_ids
        return OneQueue(self.queue_type, first), OneQueue(self.queue_type, second)

    async def begin(self, walk: Walk) -> None:
        """Empty the queues, and take all settings back."""
        change = PatchType(GATE_TAKEN_BACK, DEFAULTS_TAKEN_BACK, freeze=0)
        await walk.ask(self.queue_type, [change])
        for queue in self.queues:
            await queue.begin(walk)

    async def patch(
        self,
        walk: Walk,
        patch: SettingsPatch = NO_CHANGE,
        defaults: SettingsPatch = NO_CHANGE,
        *,
        freeze: int | None = None,
    ) -> None:
        """Change settings of the type."""
        await walk.ask(self.queue_type, [PatchType(patch, defaults, freeze)])

    async def enqueue(self, walk: Walk, costs: Sequence[Cost], interval: int | None = 0) -> None:
        """Enqueue a job of each cost into each queue."""
        for queue in self.queues:
            await queue.enqueue(walk, costs, interval)

    async def look(self, walk: Walk) -> None:
        """Look at the type and at both queues."""
        await walk.ask(self.queue_type, [Look()])
        for queue in self.queues:
            await queue.look(walk)


@dataclass(frozen=True, slots=True)
class PassGate:
    """Let the limits or the concurrency of a type hold its queues, and dequeue as they let go.

    In between the first job is finished with what it took, or (`ends`) fails or is released.
    """

    of: OneType
    limits: tuple[Limit, ...] | None
    concurrency: int | None
    costs: Sequence[Cost]
    ends: str
    watches: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type = self.of.queue_type
        await self.of.begin(walk)
        change = SettingsPatch(limits=self.limits, concurrency=self.concurrency)
        await self.of.patch(walk, change)
        await self.of.enqueue(walk, self.costs)
        leases = await walk.take(queue_type, Take(3, SHORT_LEASE_TIME))
        await self.of.look(walk)
        if self.watches:
            await walk.twins.watch(queue_type)
        match self.ends:
            case "fail":
                await walk.ask(queue_type, [Fail(lease) for lease in leases[:1]])
            case "release":
                await walk.ask(queue_type, [Release(lease) for lease in leases[:1]])
            case "expire":
                await walk.advance(SHORT_LEASE_TIME)
            case "lift":
                await self.of.patch(walk, GATE_TAKEN_BACK)
            case _:
                await walk.finish(queue_type, leases[:1])
        if self.watches:
            await walk.twins.leave(queue_type)
        await self.of.look(walk)
        await self.of.queues[0].take_on(walk, self.early, 2)
        await walk.take(queue_type, Take(2, LONG_LEASE_TIME))


@dataclass(frozen=True, slots=True)
class CloseGate:
    """Pause or freeze a type that has jobs, and open it again, `early` ms before a freeze ends."""

    of: OneType
    freeze: int | None
    watches: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type = self.of.queue_type
        await self.of.begin(walk)
        await self.of.enqueue(walk, [None, None])
        is_pause = self.freeze is None
        change = SettingsPatch(paused=True) if is_pause else NO_CHANGE
        await self.of.patch(walk, change, freeze=self.freeze)
        if self.watches:
            await walk.twins.watch(queue_type)
        await self.of.queues[0].enqueue(walk, [None], first=3)
        await walk.take(queue_type, Take(2, LONG_LEASE_TIME))
        await self.of.look(walk)
        await walk.advance(max(1, (self.freeze or 5) - self.early))
        await walk.take(queue_type, Take(1, LONG_LEASE_TIME))
        await self.of.patch(walk, SettingsPatch(paused=None), freeze=0)
        if self.watches:
            await walk.twins.leave(queue_type)
        await walk.take(queue_type, Take(2, LONG_LEASE_TIME))


@dataclass(frozen=True, slots=True)
class ChangeDefaults:
    """Change the defaults of queues that owe something, and let one of them take them up somehow.

    `own` settings of the first queue come before them.
    """

    of: OneType
    before: SettingsPatch
    after: SettingsPatch
    own: SettingsPatch
    costs: Sequence[Cost]
    waits: int
    how: str
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type = self.of.queue_type
        await self.of.begin(walk)
        await self.of.patch(walk, defaults=self.before)
        await self.of.queues[0].patch(walk, self.own)
        await self.of.enqueue(walk, self.costs, 10)
        leases = await walk.take(queue_type, Take(3, LONG_LEASE_TIME))
        await walk.advance(self.waits)
        await self.of.patch(walk, defaults=self.after)
        await self.of.look(walk)
        await self._touch(walk, leases)
        await self.of.look(walk)
        await walk.take(queue_type, Take(2, LONG_LEASE_TIME))
        await self.of.queues[1].take_on(walk, self.early)
        await self.of.look(walk)

    async def _touch(self, walk: Walk, leases: Sequence[LeaseRef]) -> None:
        """Let the second queue be changed, or none."""
        queue = self.of.queues[1]
        match self.how:
            case "enqueue":
                await queue.enqueue(walk, [None], None, first=4)
            case "finish":
                theirs = [lease for lease in leases if lease.queue_id == queue.queue_id]
                await walk.finish(queue.queue_type, theirs[:1])
            case "tend":
                await walk.tend(1)
            case "tend all":
                await walk.twins.tend_all()
            case "patch":
                await queue.patch(walk, SettingsPatch(weight=2))
            case "interval":
                await walk.ask(queue.queue_type, [SetInterval(queue.queue_id, 20)])
            case _:
                pass


@dataclass(frozen=True, slots=True)
class RefuseByDefaults:
    """Change the defaults, and enqueue by the present ones what a queue has not taken up yet."""

    of: OneType
    before: SettingsPatch
    after: SettingsPatch
    interval: int | None

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue = self.of.queues[0]
        await self.of.begin(walk)
        await self.of.patch(walk, defaults=self.before)
        await queue.enqueue(walk, [None, None], 10)
        await self.of.patch(walk, defaults=self.after)
        jobs = [NewJob(queue.queue_id, job_id, b"", self.interval) for job_id in JOB_IDS[1:4]]
        await walk.ask(queue.queue_type, jobs)
        await walk.ask(queue.queue_type, [SetInterval(queue.queue_id, 20)])
        await queue.look(walk)


@dataclass(frozen=True, slots=True)
class MatchTypeTags:
    """Look at a type, and change its settings twice by the tag that was seen."""

    queue_type: str
    patches: Sequence[SettingsPatch]
    defaults: Sequence[SettingsPatch]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        [view] = await walk.ask(self.queue_type, [Look()])
        rules = view.rules if isinstance(view, View) else None
        tag = rules.tag() if isinstance(rules, TypeRules) else ""
        for patch, defaults in zip(self.patches, self.defaults, strict=True):
            await walk.ask(self.queue_type, [PatchType(patch, defaults, None, (tag,))])
        await walk.ask(self.queue_type, [Look()])
