"""Moves of several calls around shared limits: paying, closing and opening, counts, two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from sharq_plug.model import (
    Fail,
    Finish,
    FreezeLimit,
    LeaseRef,
    Limit,
    Overdue,
    PatchLimit,
    PatchType,
    Release,
    Remaining,
    SettingsPatch,
    SharedLimits,
    Take,
)
from sharq_plug.testing.model_check.limit_moves import Cost, OneQueue
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME, SHORT_LEASE_TIME
from sharq_plug.testing.model_check.operations import Item, Look
from sharq_plug.testing.model_check.walk import (
    DEFAULTS_TAKEN_BACK,
    GATE_TAKEN_BACK,
    LIMIT_NAMES,
    RECEIPT_TIME,
    Walk,
)

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sharers:
    """Queues of a type, and the names of the shared limits that each of them uses."""

    queue_type: str
    uses: Mapping[str, Names]

    @property
    def queues(self) -> list[OneQueue]:
        """Return the queues."""
        return [OneQueue(self.queue_type, queue_id) for queue_id in self.uses]

    async def begin(self, walk: Walk, *, sets: bool = True) -> None:
        """Empty the queues, open all shared limits, and let (`sets`) the queues use theirs."""
        gate = PatchType(GATE_TAKEN_BACK, DEFAULTS_TAKEN_BACK, freeze=0)
        await walk.ask(self.queue_type, [gate])
        for queue in self.queues:
            await queue.begin(walk)
        for name in LIMIT_NAMES:
            await self.patch(walk, name, GATE_TAKEN_BACK, freeze=0, remaining=None)
        for queue in self.queues if sets else []:
            await queue.patch(walk, SettingsPatch(uses=self.uses[queue.queue_id]))

    async def patch(self, walk: Walk, name: str, patch: SettingsPatch, **other: object) -> None:
        """Change a shared limit."""
        await walk.ask(self.queue_type, [replace(PatchLimit(name, patch), **other)])

    async def enqueue(self, walk: Walk, costs: Sequence[Cost], *, first: int = 0) -> None:
        """Enqueue a job of each cost into each queue."""
        for queue in self.queues:
            await queue.enqueue(walk, costs, first=first)

    async def look(self, walk: Walk) -> None:
        """Look at the type, its queues and its shared limits."""
        await walk.ask(self.queue_type, [Look()])
        for queue in self.queues:
            await queue.look(walk)
        for listing in (SharedLimits(), Overdue()):
            await walk.twins.follow(self.queue_type, listing, limit=2)

    async def take(
        self, walk: Walk, count: int, lease_time: int = LONG_LEASE_TIME
    ) -> list[LeaseRef]:
        """Dequeue from any queue of the type."""
        return await walk.take(self.queue_type, Take(count, lease_time))


@dataclass(frozen=True, slots=True)
class PayShared:
    """Let a shared limit hold its queues, let a lease end somehow, and dequeue as it lets go.

    The queues may use another one by then (`leaves`).
    """

    of: Sharers
    name: str
    limits: tuple[Limit, ...] | None
    concurrency: int | None
    costs: Sequence[Cost]
    ends: str
    actual: Mapping[str, int]
    leaves: bool
    watches: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.of.begin(walk)
        patch = SettingsPatch(limits=self.limits, concurrency=self.concurrency)
        await self.of.patch(walk, self.name, patch)
        await self.of.enqueue(walk, self.costs)
        leases = await self.of.take(walk, 3, SHORT_LEASE_TIME)
        await self.of.look(walk)
        if self.leaves:
            await self.of.queues[0].patch(walk, SettingsPatch(uses=(LIMIT_NAMES[-1],)))
        if self.watches:
            await walk.twins.watch(self.of.queue_type)
        await self._end(walk, leases)
        if self.watches:
            await walk.twins.leave(self.of.queue_type)
        await self.of.look(walk)
        await self.of.queues[0].take_on(walk, self.early, 2)
        await self.of.take(walk, 2)

    async def _end(self, walk: Walk, leases: Sequence[LeaseRef]) -> None:
        items: list[Item] = []
        match self.ends:
            case "fail":
                items = [Fail(lease) for lease in leases[:1]]
            case "release":
                items = [Release(lease) for lease in leases[:1]]
            case "freeze":
                freeze = FreezeLimit(self.name, 30)
                items = [Release(lease, freeze_limit=freeze) for lease in leases[:2]]
            case "expire":
                await walk.advance(SHORT_LEASE_TIME)
            case "lift":
                await self.of.patch(walk, self.name, GATE_TAKEN_BACK)
            case _:
                items = [Finish(lease, RECEIPT_TIME, self.actual) for lease in leases[:1]]
        await walk.ask(self.of.queue_type, items)


@dataclass(frozen=True, slots=True)
class CloseShared:
    """Close a shared limit somehow while its queues get jobs, and open it by an event or by time.

    With `by_time` the event comes only when a freeze has ended but for `early`.
    """

    of: Sharers
    name: str
    how: str
    by_time: bool
    watches: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type = self.of.queue_type
        await self.of.begin(walk)
        await self.of.queues[0].enqueue(walk, [None, None])
        leases = await self.of.take(walk, 1) if self.how in {"full", "worker"} else []
        await self._close(walk, leases)
        if self.watches:
            await walk.twins.watch(queue_type)
        await self.of.enqueue(walk, [None], first=2)
        await self.of.take(walk, 2)
        await self.of.look(walk)
        if self.by_time:
            await walk.advance(max(1, 20 - self.early))
            await self.of.take(walk, 1)
        patch = SettingsPatch(paused=None, limits=None)
        remaining = {"remaining": None} if self.how == "count" else {}
        await walk.finish(queue_type, leases)
        await self.of.patch(walk, self.name, patch, freeze=0, **remaining)
        if self.watches:
            await walk.twins.leave(queue_type)
        await self.of.look(walk)
        await self.of.take(walk, 3)

    async def _close(self, walk: Walk, leases: Sequence[LeaseRef]) -> None:
        patch = SettingsPatch()
        other: dict[str, object] = {}
        match self.how:
            case "pause":
                patch = SettingsPatch(paused=True)
            case "full":
                patch = SettingsPatch(concurrency=1)
            case "count":
                other = {"remaining": Remaining(0, walk.now + 20)}
            case "worker":
                freeze = FreezeLimit(self.name, 20)
                items = [Fail(lease, delay=0, freeze_limit=freeze) for lease in leases]
                await walk.ask(self.of.queue_type, items)
            case _:
                other = {"freeze": 20}
        await self.of.patch(walk, self.name, patch, **other)


@dataclass(frozen=True, slots=True)
class TwoLimits:
    """Close one of two shared limits, then the other one, and dequeue meanwhile.

    So rows move to the other's bench. The second is closed before (`both`) or after the first
    opens.
    """

    of: Sharers
    names: tuple[str, str]
    patches: Sequence[SettingsPatch]
    counts: Sequence[int]
    both: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        first, second = self.names
        await self.of.begin(walk)
        for name, patch in zip(self.names, self.patches, strict=True):
            await self.of.patch(walk, name, patch)
        await self.of.enqueue(walk, [None] * 3)
        await self.of.patch(walk, second, SettingsPatch(), freeze=20)
        for count in self.counts:
            await self.of.take(walk, count)
        await self.of.look(walk)
        if self.both:
            await self.of.patch(walk, first, SettingsPatch(paused=True))
        await walk.advance(20 - self.early)
        if not self.both:
            await self.of.patch(walk, first, SettingsPatch(paused=True))
        await self.of.enqueue(walk, [None], first=4)
        for count in self.counts:
            await self.of.take(walk, count)
        await self.of.look(walk)
        await self.of.patch(walk, first, SettingsPatch(paused=False))
        for count in self.counts:
            await self.of.take(walk, count)


@dataclass(frozen=True, slots=True)
class CountDown:
    """Tell what is left of a unit, twice, let jobs take it, correct that, and wait for the end.

    `counts` and `lasts` (ms) are those that are told.
    """

    of: Sharers
    name: str
    counts: tuple[int, int]
    lasts: tuple[int, int]
    unit: str
    cost: Cost
    actual: Mapping[str, int]
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.of.begin(walk)
        await self.of.enqueue(walk, [self.cost] * 3)
        begun = walk.now
        leases: list[LeaseRef] = []
        for count, lasts in zip(self.counts, self.lasts, strict=True):
            remaining = Remaining(count, begun + lasts, self.unit)
            await self.of.patch(walk, self.name, SettingsPatch(), remaining=remaining)
            leases += await self.of.take(walk, 2)
            await self.of.look(walk)
        finishes = [Finish(lease, RECEIPT_TIME, self.actual) for lease in leases]
        await walk.ask(self.of.queue_type, finishes)
        await self.of.look(walk)
        await self.of.take(walk, 1)
        await walk.advance(max(0, begun + max(self.lasts) - self.early - walk.now))
        await self.of.take(walk, 3)
        await self.of.look(walk)


@dataclass(frozen=True, slots=True)
class MatchLimitTags:
    """Look at a shared limit, and change its settings twice by the tag that was seen."""

    of: Sharers
    name: str
    patches: Sequence[SettingsPatch]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        listing = SharedLimits(self.name)
        views = await walk.twins.follow(self.of.queue_type, listing, limit=1)
        tags = tuple(view.rules.tag() for view in views) or ("",)
        changes = [PatchLimit(self.name, patch, if_match=tags) for patch in self.patches]
        for change in changes:
            await walk.ask(self.of.queue_type, [change])
        await walk.twins.follow(self.of.queue_type, listing, limit=1)
