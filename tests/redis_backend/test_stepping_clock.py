"""Random walks with a clock that steps back: Redis answers as memory does."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from msgspec.structs import replace

from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    Delivery,
    Dequeued,
    EndedLease,
    Finish,
    LeaseRef,
    NewJob,
    QueueView,
    Release,
    SetInterval,
    Take,
    Tended,
    TypeView,
    View,
    counted_minutes,
)
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import list_all, tend_all
from support.one_queue import clear_queue, look_at_queue

pytestmark = pytest.mark.anyio

Answer = TypeVar("Answer")

QUEUES = ["b", "a", "a-", "10", "9"]
JOBS = [f"j{n}" for n in range(6)]
TYPES = ["t", "u"]
INTERVALS = [0, 0, 0, 1, 10, 50, 1000, 70_000, 10**9]
FOR_EVER = 10**13
"""Receipts and attempts here never end: one that had may or may not count again after a step."""
COUNTED = 11 * 60_000
"""How much later (ms) than all that was counted the clock is just before it steps back.

A rate that was paid off may or may not count again after a step, unless both stores have dropped
it; they may keep it for as long as they keep the counts of its queue.
"""
ALL = 1000
"""A limit within which a single step tends all that there is of a type."""
STEPS = 120
WALKS = 40


class SteppingClock(ManualClock):
    """A clock that remembers how far it ever came.

    Minutes that had ended to count by then may or may not count again after a step back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.latest = self.now()

    def advance(self, duration: int) -> None:
        super().advance(duration)
        self.latest = max(self.latest, self.now())


class Pair:
    """Two stores that are asked the same, and by whose answers nobody can tell them apart."""

    def __init__(self, memory: QueueStore, redis: QueueStore, clock: "SteppingClock") -> None:
        self._stores = (memory, redis)
        self._clock = clock
        self._claims: dict[str, list[tuple[LeaseRef, LeaseRef]]] = {name: [] for name in TYPES}
        self.is_tended = True
        """Whether all was tended since the clock stepped back."""

    async def ask(
        self,
        verb: Callable[[QueueStore], Awaitable[Answer]],
        compared: Callable[[Answer], object] = lambda answer: answer,
    ) -> tuple[Answer, Answer]:
        one, other = [await verb(store) for store in self._stores]
        assert compared(one) == compared(other)
        return one, other

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> None:
        answers = await self.ask(
            lambda store: store.dequeue(queue_type, takes),
            lambda dequeued: [without_tokens(answer) for answer in dequeued],
        )
        for one, other in zip(*answers, strict=True):
            for pair in zip(one.jobs, other.jobs, strict=True):
                self._claims[queue_type].append((claim(pair[0]), claim(pair[1])))

    async def settle(self, queue_type: str, chance: random.Random) -> None:
        """Finish, and release, leases that were given lately."""
        if not self._claims[queue_type]:
            return
        picked = [chance.choice(self._claims[queue_type][-12:]) for _ in range(2)]
        finishes = [chance.random() < 0.6 for _ in picked]
        one, other = [
            await store.settle(
                queue_type,
                [
                    Finish(lease, FOR_EVER) if is_finish else Release(lease)
                    for lease, is_finish in zip(leases, finishes, strict=True)
                ],
            )
            for store, leases in zip(self._stores, zip(*picked, strict=True), strict=True)
        ]
        assert one == other, (finishes, picked)

    async def tend(self, limit: int = ALL) -> None:
        """Tend both to the end. How many steps that takes, and in which order, is their own affair.

        While places are looked at after a step back, which leases end between two steps of that is
        too, so all is done in one.
        """
        limit = limit if self.is_tended else ALL
        await self.ask(lambda store: tend_all(store, limit=limit), ended)
        self.is_tended = True

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> None:
        """Clear a queue, with `purge` also if there is none.

        Without, nothing is changed then, and a store need not notice that the clock stepped back.
        """
        seen, _ = await self.ask(lambda store: look_at_queue(store, queue_type, queue_id), lengths)
        purge = purge or not seen.waiting + seen.leased
        await self.ask(lambda store: clear_queue(store, queue_type, queue_id, purge=purge))

    async def look(self, queue_type: str, queue_id: str) -> None:
        """Look at a type, at a queue of it, and at the names of all."""
        minutes = set(counted_minutes(self._clock.latest))

        def seen(view: View) -> object:
            counts = [
                {minute: count for minute, count in counted.items() if minute in minutes}
                for counted in (view.counts.enqueues, view.counts.dequeues)
            ]
            return lengths(view.queue or view.type), view.totals, counts

        await self.ask(lambda store: store.look(queue_type), seen)
        await self.ask(lambda store: store.look(queue_type, queue_id), seen)
        await self.ask(lambda store: list_all(store, queue_type, limit=100))


def claim(job: Delivery) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)


def lengths(view: QueueView | TypeView | None) -> tuple[int, ...]:
    assert view is not None
    return view.waiting, view.leased, view.dead, view.delayed


def without_tokens(answer: Dequeued) -> object:
    jobs = [replace(job, token="") for job in answer.jobs]
    return jobs, answer.next_ready_at, answer.now, names_of(answer.ended), answer.is_repeated


def ended(steps: Sequence[Tended]) -> object:
    return names_of([lease for step in steps for lease in step.ended])


def names_of(leases: Sequence[EndedLease]) -> object:
    return sorted(
        (lease.queue_type, lease.queue_id, lease.job_id, lease.is_dead) for lease in leases
    )


def any_jobs(chance: random.Random) -> list[NewJob]:
    return [
        NewJob(
            chance.choice(QUEUES),
            chance.choice(JOBS),
            b"x",
            chance.choice(INTERVALS),
            chance.choice([-1, 0, 1]),
            chance.choice([None, None, 0, 2]),
        )
        for _ in range(chance.randint(1, 4))
    ]


def any_take(chance: random.Random) -> Take:
    attempt_id = chance.choice([None, None, "x", "y"])
    lease_time = (
        chance.choice([1, 20, 1000, 100_000, 10**6, 10**7]) if attempt_id is None else FOR_EVER
    )
    return Take(chance.choice([1, 1, 3, 10]), lease_time, attempt_id)


async def take_step(pair: Pair, clock: SteppingClock, chance: random.Random) -> None:
    queue_type, queue_id = chance.choice([*TYPES, TYPES[0]]), chance.choice(QUEUES)
    match chance.choice("EEEDDDSSSTTICAAAGL"):
        case "E":
            jobs = any_jobs(chance)
            await pair.ask(lambda store: store.enqueue(queue_type, jobs))
        case "D":
            await pair.dequeue(queue_type, [any_take(chance) for _ in range(chance.randint(1, 2))])
        case "S":
            await pair.settle(queue_type, chance)
        case "T":
            await pair.tend(chance.choice([1, 2, ALL]))
        case "I":
            changes = [
                SetInterval(queue_id, chance.choice(INTERVALS)),
                SetInterval(chance.choice(QUEUES), chance.choice(INTERVALS)),
            ]
            await pair.ask(lambda store: store.configure(queue_type, changes))
        case "C":
            await pair.clear(queue_type, queue_id, purge=chance.random() < 0.5)
        case "A":
            clock.advance(chance.choice([1, 1, 5, 20, 49, 200, 1000, 60_000, 600_000, 10**9]))
        case "G":
            ahead = clock.latest - clock.now() + COUNTED
            clock.advance(ahead)
            await pair.tend()
            clock.step_back(ahead + chance.choice([1, 9, 50, 1000, 60_000, 600_000, 700_000]))
            pair.is_tended = False
        case "L":
            for name in TYPES:
                await pair.look(name, queue_id)


@pytest.mark.parametrize("seed", range(WALKS))
async def test_redis_answers_as_memory_does_whichever_way_the_clock_goes(
    seed: int, redis_url: str
) -> None:
    clock, chance = SteppingClock(), random.Random(seed)
    async with (
        MemoryStore(clock) as memory,
        open_store("redis", {"url": redis_url}, clock=clock) as redis,
    ):
        pair = Pair(memory, redis, clock)
        for _ in range(STEPS):
            await take_step(pair, clock, chance)
        await pair.tend()


async def test_a_purge_of_a_queue_that_is_gone_notices_the_step(redis_url: str) -> None:
    clock = SteppingClock()
    async with (
        MemoryStore(clock) as memory,
        open_store("redis", {"url": redis_url}, clock=clock) as redis,
    ):
        pair = Pair(memory, redis, clock)
        jobs = [NewJob("q", "j", b"x", 5000)]
        await pair.ask(lambda store: store.enqueue("t", jobs))
        await pair.dequeue("t", [Take(1, FOR_EVER)])
        await pair.clear("t", "q", purge=False)
        clock.step_back(60_000)
        await pair.clear("t", "q", purge=True)
        clock.advance(4999)
        await pair.ask(lambda store: store.enqueue("t", jobs))
        await pair.dequeue("t", [Take(1, FOR_EVER)])
        clock.advance(1)
        [served] = await redis.dequeue("t", [Take(1, FOR_EVER)])
        assert [job.job_id for job in served.jobs] == ["j"]
