"""A crowd at a store of one process: calls overlap, answers are lost, settings change meanwhile.

All of it follows from a seed: time passes by a ManualClock, and the calls wait for each other in
turns of the event loop.
"""

import asyncio
import random
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    ALL_STATES,
    LIVING,
    Clear,
    Delivery,
    Extend,
    Extras,
    Fail,
    Finish,
    JobRef,
    LeaseRef,
    Limit,
    NewJob,
    PatchQueue,
    PatchType,
    QueueRules,
    Release,
    SetInterval,
    Setting,
    SettingsPatch,
    Settlement,
    Take,
    TypeRules,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import History, OpenStore, Recorder, RecordingStore

Answer = TypeVar("Answer")

QUEUE_IDS = ["a", "b", "c"]
WORKERS = 5
JOBS = 120
LEASE_TIME = 40
LIMITS = [
    None,
    (),
    (Limit(1, 5),),
    (Limit(1, 12, burst=4),),
    (Limit(3, 20, burst=6), Limit(1, 2)),
    (Limit(2, 15, 5, "token"), Limit(1, 2)),
    (Limit(1, 2), Limit(2, 15, 5, "token")),
    (Limit(1, 40, 6, "token"),),
]
COSTS = [None, None, {"job": 2}, {"token": 3}, {"token": 4, "job": 4}, {"other": 4}]
ACTUALS = [None, None, {"token": 0}, {"token": 6}, {"job": 1}, {"job": 1, "token": 0}, {"job": 4}]
NO_LIMITS = SettingsPatch(limits=())
PATCHED: Mapping[str, Sequence[Any]] = {
    "limits": LIMITS,
    "concurrency": [None, None, 1, 2, 3],
    "weight": [None, 1, 2, 5],
    "max_length": [None, None, None, None, 2, 8],
    "paused": [None, None, False, True],
}


class Lagging:
    """A store whose calls take a few turns of the loop, before and after their step.

    Now and then an answer is lost, or the call.
    """

    def __init__(self, store: QueueStore, chance: random.Random) -> None:
        self._store, self._chance = store, chance

    async def __aenter__(self) -> "Lagging":
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._store.__aexit__(*exc)

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._lag()
            answer = await verb(*arguments, **named)
            await self._lag()
            return answer

        return call

    async def _lag(self) -> None:
        for _ in range(self._chance.choice([0, 0, 1, 3])):
            await asyncio.sleep(0)
        if self._chance.random() < 0.01:
            raise StoreUnavailable("the answer is lost", public="")


class Crowd:
    """Producers, workers and an operator at a store.

    A `steady` one sets weights first, and no limits; then jobs come faster than they go.
    """

    def __init__(self, open_store: OpenStore, seed: int, *, steady: bool = False) -> None:
        self._steady = steady
        self._clock = ManualClock()
        self._chance = random.Random(seed)
        self._recorder = Recorder(self._clock.now)
        lagging: Any = Lagging(open_store(self._clock), self._chance)
        self._store = RecordingStore(lagging, self._recorder)
        self._queued = self._done = False
        self._number = 0

    async def history(self) -> History:
        """Let the crowd work until every job has had a time to go, and return what it saw."""
        async with self._store, asyncio.TaskGroup() as group:
            if self._steady:
                await self._weigh()
            working = [group.create_task(self._work()) for _ in range(WORKERS)]
            operating = group.create_task(self._operate())
            passing = group.create_task(self._pass_time())
            await self._produce()
            self._queued = True
            await operating
            for _ in range(300):
                await asyncio.sleep(0)
            self._done = True
            await asyncio.gather(passing, *working)
        return self._recorder.history(complete=False)

    async def _weigh(self) -> None:
        """Set weights and no limits, of queues or of the type. Those may reach queues later."""
        chance = self._chance
        by_defaults = chance.random() < 0.3
        slow = SettingsPatch(limits=(Limit(1, 30),), weight=chance.choice([None, 3]))
        changes: list[Setting] = [PatchType(defaults=slow)] if by_defaults else []
        for queue_id in QUEUE_IDS:
            weight = chance.choice([UNSET if by_defaults else None, 1, 2, 5])
            patch = SettingsPatch(limits=UNSET if by_defaults else (), weight=weight)
            changes.append(PatchQueue(queue_id, patch))
        await self._try(self._store.configure("t", changes))
        if by_defaults:
            await self._try(self._store.enqueue("t", [self._new_job(JOBS + 1)]))
            await self._try(self._store.configure("t", [PatchType(defaults=NO_LIMITS)]))

    async def _pass_time(self) -> None:
        while not self._done:
            self._clock.advance(self._chance.choice([0, 0, 0, 1, 1, 2, 5]))
            if self._chance.random() < 0.05:
                await self._try(self._store.tend(limit=100))
            await asyncio.sleep(0)

    async def _produce(self) -> None:
        chance, at_once = self._chance, 30 if self._steady else 1
        for first in range(0, JOBS, at_once):
            jobs = [self._new_job(number) for number in range(first, first + at_once)]
            await self._try(self._store.enqueue("t", jobs))
            if chance.random() < 0.1:
                again = msgspec.structs.replace(jobs[0], interval=None)
                await self._try(self._store.enqueue("t", [again]))
            for _ in range(0 if self._steady else chance.choice([0, 0, 1, 4])):
                await asyncio.sleep(0)

    def _new_job(self, number: int) -> NewJob:
        chance = self._chance
        cost, priority = chance.choice(COSTS), chance.choice([0, 0, 0, 3])
        delay = None if self._steady else chance.choice([None, None, None, None, 10])
        extras = Extras(delay=delay, priority=priority, cost=cost)
        interval = chance.choice([0, 0, 0, 3, 8, None])
        self._number = number
        return NewJob(chance.choice(QUEUE_IDS), f"j{number}", b"", interval, extras=extras)

    async def _operate(self) -> None:
        while not (self._queued or self._steady):
            await self._try(self._store.configure("t", [self._change()]))
            if self._chance.random() < 0.6:
                await self._look()
            if self._chance.random() < 0.05:
                queue_id, is_whole = self._chance.choice(QUEUE_IDS), self._chance.random() < 0.5
                states = ALL_STATES if is_whole else LIVING
                what = Clear(queue_id, states, counts=is_whole)
                await self._try(self._store.clear("t", what, limit=100))
            for _ in range(self._chance.choice([2, 10, 30])):
                await asyncio.sleep(0)
        resumed = SettingsPatch(paused=None)
        changes = [PatchQueue(queue_id, resumed, 0) for queue_id in QUEUE_IDS]
        await self._try(self._store.configure("t", [*changes, PatchType(resumed, freeze=0)]))

    async def _look(self) -> None:
        queue_id = self._chance.choice(QUEUE_IDS)
        refs = [JobRef(queue_id, f"j{number}") for number in range(JOBS)]
        await self._try(self._store.find("t", refs[: self._number][-20:]))
        await self._try(self._store.look("t", queue_id))
        await self._try(self._store.look("t"))

    def _change(self) -> Setting:
        chance = self._chance
        queue_id = chance.choice(QUEUE_IDS)
        freeze = chance.choice([None, None, None, 0, 10, 25])
        kind = chance.random()
        if kind < 0.15:
            return SetInterval(queue_id, chance.choice([0, 3, 8]))
        if kind < 0.35:
            patch = self._patch("limits", "concurrency", "paused")
            defaults = self._patch("limits", "concurrency", "weight", "max_length")
            tags = chance.choice([None, None, (TypeRules().tag(),)])
            return PatchType(patch, defaults, freeze, tags)
        tags = chance.choice([None, None, None, (QueueRules().tag(),)])
        return PatchQueue(queue_id, self._patch(*PATCHED), freeze, tags)

    def _patch(self, *names: str) -> SettingsPatch:
        chance = self._chance
        fields = {name: chance.choice(PATCHED[name]) for name in names if chance.random() < 0.4}
        return SettingsPatch(**fields)

    async def _work(self) -> None:
        chance = self._chance
        number = 0
        while not self._done:
            number += 1
            attempt_id = chance.choice([None, f"{id(asyncio.current_task())}-{number}"])
            names = None if self._steady else chance.choice([None, None, None, None, ("a", "c")])
            together = not self._steady and chance.random() < 0.1
            take = Take(chance.choice([1, 1, 3]), LEASE_TIME, attempt_id, names, together)
            for _ in range(2):
                answers = await self._try(self._store.dequeue("t", [take]))
                if answers or attempt_id is None:
                    break
            for job in answers[0].jobs if answers else ():
                await self._settle(job)
            await asyncio.sleep(0)

    async def _settle(self, job: Delivery) -> None:
        chance = self._chance
        lease = LeaseRef(job.queue_id, job.job_id, job.token)
        for _ in range(chance.choice([0, 1, 3, 8, 20])):
            await asyncio.sleep(0)
        settled: Settlement | None = None
        match chance.choices(["finish", "release", "fail", "extend", "forget"], [8, 1, 1, 1, 1])[0]:
            case "finish":
                settled = Finish(lease, 60_000, chance.choice(ACTUALS))
            case "release":
                settled = Release(lease, chance.choice([0, 10]), chance.choice([0, 0, 15]))
            case "fail":
                delay, is_dead = chance.choice([None, 0, 10]), chance.random() < 0.3
                settled = Fail(lease, "it broke", delay, is_dead, freeze=5)
            case "extend":
                settled = Extend(lease, chance.choice([5, 2 * LEASE_TIME]))
        while settled is not None:
            if await self._try(self._store.settle("t", [settled])) is not None:
                break
        if chance.random() < 0.1:
            await self._try(self._store.settle("t", [Release(lease, freeze=25)]))

    async def _try(self, call: Awaitable[Answer]) -> Answer | None:
        try:
            return await call
        except StoreUnavailable:
            return None


def crowded(open_store: OpenStore, seed: int, *, steady: bool = False) -> History:
    """Return what a crowd saw of a store."""
    return asyncio.run(Crowd(open_store, seed, steady=steady).history())
