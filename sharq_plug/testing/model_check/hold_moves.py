"""Moves of several calls around settings: concurrency, turns, pauses, freezes, lengths, tags."""

from collections.abc import Sequence
from dataclasses import dataclass

from sharq_plug.model import (
    Cancel,
    Extras,
    Fail,
    JobRef,
    LeaseRef,
    NewJob,
    PatchQueue,
    QueueRules,
    Release,
    SettingsPatch,
    Take,
    View,
)
from sharq_plug.testing.model_check.limit_moves import OneQueue
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME, SHORT_LEASE_TIME
from sharq_plug.testing.model_check.operations import Item, Look
from sharq_plug.testing.model_check.walk import JOB_IDS, NOBODYS, Walk


@dataclass(frozen=True, slots=True)
class Crowd:
    """Fill the concurrency of a queue, let a lease end somehow, and dequeue again."""

    queue: OneQueue
    most: int
    ends: str
    watches: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type, queue_id = self.queue.queue_type, self.queue.queue_id
        await self.queue.begin(walk, concurrency=self.most)
        await self.queue.enqueue(walk, [None] * 4)
        await self.queue.look(walk)
        if self.watches:
            await walk.twins.watch(queue_type)
        leases, _ = await self.queue.take_some(walk, 3, SHORT_LEASE_TIME)
        await self.queue.look(walk)
        match self.ends:
            case "release":
                await walk.ask(queue_type, [Release(lease) for lease in leases[:1]])
            case "fail":
                await walk.ask(queue_type, [Fail(lease, dead=True) for lease in leases[:1]])
            case "cancel":
                refs = [JobRef(queue_id, lease.job_id) for lease in leases[:1]]
                await walk.ask(queue_type, [Cancel(ref, leased=True) for ref in refs])
            case "expires":
                await walk.advance(SHORT_LEASE_TIME)
                await self.queue.enqueue(walk, [None], first=4)
            case "more":
                await self.queue.patch(walk, SettingsPatch(concurrency=self.most + 1))
            case _:
                await walk.finish(queue_type, leases[:1])
        if self.watches:
            await walk.twins.leave(queue_type)
        await self.queue.look(walk)
        await self.queue.take_some(walk, 2)


@dataclass(frozen=True, slots=True)
class TakeTurns:
    """Let two queues with weights take turns, and do something to the first meanwhile."""

    queues: tuple[OneQueue, OneQueue]
    weights: tuple[int | None, int | None]
    interval: int
    counts: Sequence[int]
    meanwhile: str

    async def take(self, walk: Walk) -> None:
        """Do it."""
        first = self.queues[0]
        await walk.take(first.queue_type, Take(1000, LONG_LEASE_TIME))
        for queue, weight in zip(self.queues, self.weights, strict=True):
            await queue.begin(walk, weight=weight)
            await queue.enqueue(walk, [None] * 5, self.interval)
        names = tuple(queue.queue_id for queue in self.queues)
        for step, count in enumerate(self.counts):
            take = Take(count, LONG_LEASE_TIME, queues=names if self.interval else None)
            leases = await walk.take(first.queue_type, take)
            if step == 0:
                await self._disturb(walk, first, leases)
            await walk.advance(self.interval)

    async def _disturb(self, walk: Walk, first: OneQueue, leases: Sequence[LeaseRef]) -> None:
        match self.meanwhile:
            case "pause":
                await first.patch(walk, SettingsPatch(paused=True))
                await first.patch(walk, SettingsPatch(paused=None))
            case "weight":
                await first.patch(walk, SettingsPatch(weight=2))
            case "release":
                await walk.ask(first.queue_type, [Release(lease) for lease in leases])
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Rest:
    """Pause or freeze a queue, put jobs into it, and dequeue when that has ended but for `early`.

    `freezes` has a worker freeze it with a lease: by releasing or (`fails`) failing its job, and a
    second one for less time. With `empties` its last job dies of that.
    """

    queue: OneQueue
    how: str
    freeze: int
    empties: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_type, is_pause = self.queue.queue_type, self.how == "pause"
        await self.queue.begin(walk)
        await self.queue.enqueue(walk, [None] if self.empties else [None] * 3)
        leases, _ = await self.queue.take_some(walk, 2)
        if is_pause:
            await self.queue.patch(walk, SettingsPatch(paused=True))
        elif self.how == "patch":
            await self.queue.patch(walk, SettingsPatch(), freeze=self.freeze)
        await self._freeze(walk, leases)
        wrong = [LeaseRef(lease.queue_id, lease.job_id, NOBODYS) for lease in leases[:1]]
        await walk.ask(queue_type, [Release(lease, 0, 2 * self.freeze) for lease in wrong])
        await self.queue.enqueue(walk, [None] * 2, first=3)
        await self.queue.look(walk)
        await self.queue.take_some(walk, 1)
        if is_pause:
            await walk.advance(self.early + 1)
            await self.queue.patch(walk, SettingsPatch(paused=False))
        else:
            await walk.advance(max(0, self.freeze - self.early))
        await self.queue.take_some(walk, 1)

    async def _freeze(self, walk: Walk, leases: Sequence[LeaseRef]) -> None:
        for at, lease in enumerate(leases):
            freeze = self.freeze // (1 + at) if self.how in {"release", "fail"} else 0
            item: Item = Release(lease, 0, freeze)
            if self.how == "fail" or self.empties:
                item = Fail(lease, dead=self.empties, freeze=freeze)
            await walk.ask(self.queue.queue_type, [item])


@dataclass(frozen=True, slots=True)
class MatchTags:
    """Look at a queue, and change its settings twice by the tag that was seen, 1 ms apart."""

    queue: OneQueue
    patches: Sequence[SettingsPatch]
    freeze: int | None

    async def take(self, walk: Walk) -> None:
        """Do it."""
        [view] = await walk.ask(self.queue.queue_type, [Look(self.queue.queue_id)])
        rules = view.rules if isinstance(view, View) else None
        tag = rules.tag() if isinstance(rules, QueueRules) else ""
        queue_id = self.queue.queue_id
        changes = [PatchQueue(queue_id, each, self.freeze, (tag,)) for each in self.patches]
        for change in changes:
            await walk.ask(self.queue.queue_type, [change])
            await walk.advance(1)
        await walk.ask(self.queue.queue_type, [Look(self.queue.queue_id)])


@dataclass(frozen=True, slots=True)
class Overfill:
    """Enqueue more jobs than a queue may hold, some of them leased or delayed."""

    queue: OneQueue
    max_length: int
    leased: int
    delay: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.queue.begin(walk, max_length=self.max_length)
        jobs = [
            NewJob(self.queue.queue_id, job_id, b"", 0, 0, extras=Extras(delay=self.delay))
            for job_id in JOB_IDS
        ]
        await walk.ask(self.queue.queue_type, jobs[:3])
        await self.queue.take_some(walk, self.leased)
        await walk.ask(self.queue.queue_type, jobs[3:])
