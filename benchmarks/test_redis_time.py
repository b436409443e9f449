"""The time that a job takes inside Redis, compared with lean scripts."""

import asyncio

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.redis_time import QUEUES, inside, redis_times
from sharq_plug.plugins import open_store
from sharq_plug.testing.benchmarks import Row, Scenario, Workload, just_once, spaced
from support.redis_server import RedisServer

BARS = {"enqueue": 1.5, "dequeue": 2.0, "finish": 1.0}
"""Ratios over one yardstick, a lean dequeue."""
BATCH = 100
LEAN = "lean"
SIZES = (100, 1_000_000)
ROUNDS = 50


@pytest.mark.benchmark(group="redis_time")
def test_redis_time(benchmark: BenchmarkFixture, redis_server: RedisServer) -> None:
    def measure() -> dict[str, list[float]]:
        found = asyncio.run(redis_times(redis_server, batch=BATCH))
        ours = {verb: [times.ours] for verb, times in found.items()}
        return ours | {f"{LEAN} {verb}": [times.lean] for verb, times in found.items()}

    def row(verb: str, against: str, bar: float | None) -> Row:
        return Row(
            what=f"{verb}, {BATCH} a call, {spaced(QUEUES)} queues",
            side=verb,
            against=f"{LEAN} {against}",
            show="value",
            unit="µs a job",
            at_most=bar,
        )

    over_a_dequeue = [row(verb, "dequeue", bar) for verb, bar in BARS.items()]
    over_its_like = [row(verb, verb, None) for verb in ("enqueue", "finish")]
    just_once(benchmark, measure, over_a_dequeue + over_its_like)


@pytest.mark.benchmark(group="growth_in_redis")
def test_growth(benchmark: BenchmarkFixture, redis_server: RedisServer) -> None:
    async def measure() -> dict[str, list[float]]:
        client = redis_server.client()
        spent = inside(client)
        found = {_ready(size): list[float]() for size in SIZES}
        async with open_store("redis", {"url": redis_server.url}) as store:
            works = {}
            for size in SIZES:
                scenario = Scenario(queues=size, jobs=BATCH)
                works[_ready(size)] = Workload(store, scenario, queue_type=f"ready-{size}")
                await works[_ready(size)].fill()
            for _ in range(ROUNDS):
                for side, work in works.items():
                    before = spent()
                    await work.dequeue(batch=BATCH)
                    found[side].append((spent() - before) / BATCH)
                    await work.restore()
        return found

    few, many = (_ready(size) for size in SIZES)
    row = Row(
        what=f"redis, {many}", side=many, against=few, show="value", unit="µs a job", at_most=1.3
    )
    just_once(benchmark, lambda: asyncio.run(measure()), [row])


def _ready(size: int) -> str:
    return f"{spaced(size)} ready"
