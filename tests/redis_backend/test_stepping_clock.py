"""Random walks with a clock that steps back: Redis answers as memory does."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.model import Dequeued, LeasedJob, LeaseRef, NewJob, Reclaimed
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

QUEUES = ["b", "a", "a-", "10", "9"]
JOBS = [f"j{n}" for n in range(6)]
TYPES = ["t", "u"]
INTERVALS = [0, 0, 0, 1, 10, 50, 1000, 70_000, 10**9]
FOR_EVER = 10**13
"""Receipts and attempts here never end: one that had may or may not count again after a step."""
STEPS = 120
WALKS = 40


class Pair:
    """Two stores that are asked the same, and by whose answers nobody can tell them apart."""

    def __init__(self, memory: QueueStore, redis: QueueStore) -> None:
        self._stores = (memory, redis)
        self._claims: dict[str, list[tuple[LeaseRef, LeaseRef]]] = {name: [] for name in TYPES}

    async def ask(
        self, verb: str, *arguments: Any, compared: Callable[[Any], Any] | None = None, **how: Any
    ) -> tuple[Any, Any]:
        one, other = [await getattr(store, verb)(*arguments, **how) for store in self._stores]
        compared = compared or (lambda answer: answer)
        assert compared(one) == compared(other), (verb, arguments, how)
        return one, other

    async def dequeue(self, queue_type: str, **how: Any) -> None:
        answers = await self.ask("dequeue", queue_type, compared=without_tokens, **how)
        for one, other in zip(*(answer.jobs for answer in answers), strict=True):
            self._claims[queue_type].append((claim(one), claim(other)))

    async def end(self, verb: str, queue_type: str, chance: random.Random, **how: Any) -> None:
        if self._claims[queue_type]:
            picks = [chance.choice(self._claims[queue_type][-12:]) for _ in range(2)]
            one, other = [
                await getattr(store, verb)(queue_type, list(refs), **how)
                for store, refs in zip(self._stores, zip(*picks, strict=True), strict=True)
            ]
            assert one == other, (verb, picks)


def claim(job: LeasedJob) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)


def without_tokens(answer: Dequeued) -> object:
    jobs = [replace(job, token="") for job in answer.jobs]
    return jobs, answer.next_ready_at, answer.now


def ended(answer: Reclaimed) -> object:
    return answer.requeued, answer.dead


async def take_step(pair: Pair, clock: ManualClock, chance: random.Random) -> None:
    queue_type, queue_id = chance.choice([*TYPES, TYPES[0]]), chance.choice(QUEUES)
    match chance.choice("EEEDDDFFLRRSCAAAGM"):
        case "E":
            jobs = [
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
            await pair.ask("enqueue", queue_type, jobs)
        case "D":
            attempt = chance.choice([None, None, "x", "y"])
            lease = chance.choice([1, 20, 1000, 100_000]) if attempt is None else FOR_EVER
            count = chance.choice([1, 1, 3, 10])
            await pair.dequeue(queue_type, count=count, lease=lease, attempt_id=attempt)
        case "F":
            await pair.end("finish", queue_type, chance, receipt_time=FOR_EVER)
        case "L":
            await pair.end("release", queue_type, chance)
        case "R":
            await pair.ask("reclaim", queue_type, limit=chance.choice([1, 2, 100]), compared=ended)
        case "S":
            await pair.ask("set_interval", queue_type, queue_id, chance.choice(INTERVALS))
        case "C":
            await pair.ask("clear", queue_type, queue_id, purge=chance.random() < 0.5)
        case "A":
            clock.advance(chance.choice([1, 1, 5, 20, 49, 200, 1000, 60_000, 600_000, 10**9]))
        case "G":
            for name in TYPES * 3:
                await pair.ask("reclaim", name, limit=100, compared=ended)
            clock.step_back(chance.choice([1, 9, 50, 1000, 60_000, 600_000, 700_000]))
        case "M":
            for name in TYPES:
                await pair.ask("queue_ids", name, limit=100, compared=lambda page: {*page.names})
                await pair.ask("queue_metrics", name, queue_id, compared=lambda found: found.leased)


@pytest.mark.parametrize("seed", range(WALKS))
async def test_redis_answers_as_memory_does_whichever_way_the_clock_goes(
    seed: int, redis_url: str
) -> None:
    clock, chance = ManualClock(), random.Random(seed)
    async with (
        MemoryStore(clock) as memory,
        open_store("redis", {"url": redis_url}, clock=clock) as redis,
    ):
        pair = Pair(memory, redis)
        for _ in range(STEPS):
            await take_step(pair, clock, chance)
