"""Moves of several calls around who uses shared limits: names that are brought, set or dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Deduplicate,
    DropLimit,
    Extras,
    Fail,
    Limit,
    NewJob,
    PatchLimit,
    PatchType,
    SettingsPatch,
    Take,
    Use,
)
from sharq_plug.testing.model_check.limit_moves import OneQueue
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME
from sharq_plug.testing.model_check.operations import RedriveRange
from sharq_plug.testing.model_check.shared_moves import Names, Sharers
from sharq_plug.testing.model_check.walk import JOB_IDS, LIMIT_NAMES, TAKEN_BACK, Walk


@dataclass(frozen=True, slots=True)
class DropUsed:
    """Drop a shared limit while something names it, and again when nothing does any more.

    `names_it` says what: the queue's settings, the defaults, what it has taken up, what was brought
    to it, or a lease.
    """

    of: Sharers
    name: str
    names_it: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue, uses = self.of.queues[0], SettingsPatch(uses=(self.name,))
        none, drop = SettingsPatch(uses=None), [DropLimit(self.name)]
        await self.of.begin(walk, sets=False)
        if self.names_it in {"defaults", "taken up"}:
            await walk.ask(queue.queue_type, [PatchType(defaults=uses)])
        elif self.names_it != "brought":
            await queue.patch(walk, uses)
        brought = (Use(self.name),) if self.names_it == "brought" else None
        jobs = [
            NewJob(queue.queue_id, job_id, b"", 0, 0, extras=Extras(uses=brought))
            for job_id in JOB_IDS[:2]
        ]
        await walk.ask(queue.queue_type, jobs if self.names_it != "defaults" else [])
        await walk.ask(queue.queue_type, drop)
        leases, _ = await queue.take_some(walk, 1)
        if self.names_it != "settings":
            await queue.patch(walk, SettingsPatch(uses=() if self.names_it == "brought" else None))
        await walk.ask(queue.queue_type, [PatchType(defaults=none)])
        await walk.ask(queue.queue_type, drop)
        await walk.finish(queue.queue_type, leases)
        await walk.ask(queue.queue_type, drop)
        await walk.clear(queue.queue_type, Clear(queue.queue_id))
        await walk.ask(queue.queue_type, drop)
        await queue.patch(walk, TAKEN_BACK)
        await walk.ask(queue.queue_type, [*drop, *drop])
        await self.of.look(walk)


@dataclass(frozen=True, slots=True)
class BringNames:
    """Bring names to a queue by its jobs and by duplicates, and let one die and be redriven.

    Before that (`drops`) the second name may be dropped.
    """

    queue: OneQueue
    brought: tuple[tuple[Use, ...] | None, tuple[Use, ...] | None]
    defaults: Names | None
    refuses: bool
    drops: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type, queue_id = self.queue.queue_type, self.queue.queue_id
        sharers = Sharers(queue_type, {queue_id: ()})
        await sharers.begin(walk, sets=False)
        await walk.ask(queue_type, [DropLimit(name) for name in LIMIT_NAMES])
        await walk.ask(queue_type, [PatchType(defaults=SettingsPatch(uses=self.defaults))])
        await walk.ask(queue_type, self._jobs())
        await sharers.look(walk)
        leases, _ = await self.queue.take_some(walk, 1)
        await walk.ask(queue_type, [Fail(lease, dead=True) for lease in leases])
        await walk.clear(queue_type, Clear(queue_id))
        await sharers.look(walk)
        if self.drops:
            await walk.ask(queue_type, [DropLimit(LIMIT_NAMES[-1])])
        await walk.move_letters(queue_type, queue_id, RedriveRange, 2)
        await sharers.look(walk)

    def _jobs(self) -> list[NewJob]:
        """Return two jobs that bring the names, and a duplicate or one that is refused between."""
        first, second = self.brought
        key = Deduplicate("k", 50)
        refused = 0 if self.refuses else None
        middle = JOB_IDS[1] if self.refuses else JOB_IDS[0]
        queue_id = self.queue.queue_id
        return [
            NewJob(queue_id, JOB_IDS[0], b"", 0, extras=Extras(uses=first, deduplicate=key)),
            NewJob(queue_id, middle, b"", 0, -1, refused, extras=Extras(uses=second)),
            NewJob(queue_id, JOB_IDS[2], b"", 0, extras=Extras(uses=second, deduplicate=key)),
            NewJob(queue_id, JOB_IDS[3], b"", 0),
        ]


@dataclass(frozen=True, slots=True)
class ChangeUses:
    """Let queues use other shared limits, by settings or by defaults, while some are closed.

    `how` says what lets them take up the defaults.
    """

    of: Sharers
    before: Names | None
    after: Names | None
    closed: str
    how: str
    watches: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type = self.of.queue_type
        await self.of.begin(walk, sets=False)
        await self._set(walk, self.before)
        await self.of.enqueue(walk, [None] * 3)
        leases = await self.of.take(walk, 1)
        await self.of.patch(walk, self.closed, SettingsPatch(paused=True))
        await self.of.take(walk, 1)
        if self.watches:
            await walk.twins.watch(queue_type)
        await self._set(walk, self.after)
        match self.how:
            case "tend":
                await walk.tend(1)
            case "finish":
                await walk.finish(queue_type, leases)
            case "enqueue":
                await self.of.enqueue(walk, [None], first=4)
            case _:
                pass
        if self.watches:
            await walk.twins.leave(queue_type)
        await self.of.look(walk)
        await self.of.take(walk, 2)
        await self.of.patch(walk, self.closed, SettingsPatch(paused=False))
        await self.of.take(walk, 2)
        await self.of.look(walk)

    async def _set(self, walk: Walk, names: Names | None) -> None:
        patch = SettingsPatch(uses=names)
        if self.how == "settings":
            for queue in self.of.queues:
                await queue.patch(walk, patch)
        else:
            await walk.ask(self.of.queue_type, [PatchType(defaults=patch)])


@dataclass(frozen=True, slots=True)
class Throng:
    """Close a shared limit that many rows use besides one of their own, and dequeue twice.

    At the end the type is cleared, and all its shared limits that nothing uses are dropped.
    """

    queue_type: str
    count: int
    limits: Sequence[Limit]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        names = [f"m{number}" for number in range(self.count)]
        uses = [(Use(name, ()), Use("y", tuple(self.limits))) for name in names]
        jobs = [
            NewJob(name, name, b"", 0, extras=Extras(uses=used))
            for name, used in zip(names, uses, strict=True)
        ]
        await walk.clear(self.queue_type, Clear(None, ALL_STATES), limit=100)
        await walk.ask(self.queue_type, jobs)
        await walk.ask(self.queue_type, [PatchLimit("y", SettingsPatch(paused=True))])
        await walk.ask(self.queue_type, [NewJob("b", JOB_IDS[0], b"", 0)])
        takes = [Take(1, LONG_LEASE_TIME)] * 2
        await walk.ask(self.queue_type, takes)
        await walk.ask(self.queue_type, takes)
        await walk.ask(self.queue_type, [PatchLimit("y", SettingsPatch(paused=False))])
        await walk.ask(self.queue_type, [Take(2, LONG_LEASE_TIME)])
        await walk.clear(self.queue_type, Clear(None, ALL_STATES), limit=100)
        await walk.ask(self.queue_type, [DropLimit(name) for name in names])
