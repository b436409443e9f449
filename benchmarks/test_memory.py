"""The bytes of a waiting job."""

import asyncio
import tracemalloc
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from redis import Redis

from benchmarks.remote import Remote
from benchmarks.sharq_library import NAME
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.benchmarks import Row, Scenario, Workload, just_once, spaced
from sharq_plug.testing.calls import counts_of
from support.redis_server import RedisServer

JOBS = 100_000
SPREADS = [1000, 100_000]
"""The numbers of queues that hold the jobs."""


async def growth(store: QueueStore, queues: int, used: Callable[[], int]) -> float:
    """Return the bytes that a waiting job adds."""
    async with store:
        work = Workload(store, Scenario(queues=queues))
        before = used()
        await work.fill(depth=JOBS // queues)
        await counts_of(store)  # what is owed to a store is written by then
        return (used() - before) / JOBS


def in_redis(client: Redis) -> int:
    used: int = client.info("memory")["used_memory"]
    return used


def row(backend: str, queues: int, against: str) -> Row:
    return Row(
        what=f"{backend}, {spaced(JOBS)} jobs on {spaced(queues)} queues",
        side=backend,
        against=against,
        show="value",
        unit="bytes a job",
    )


@pytest.mark.benchmark(group="memory")
@pytest.mark.parametrize("queues", SPREADS)
def test_redis(
    benchmark: BenchmarkFixture, redis_server: RedisServer, sharq: Remote, *, queues: int
) -> None:
    def measure() -> dict[str, list[float]]:
        client = redis_server.client()
        store = open_store("redis", {"url": redis_server.url})
        ours = asyncio.run(growth(store, queues, lambda: in_redis(client)))
        before = in_redis(client)
        sharq.ask("fill", queue_type="theirs", queues=queues, depth=JOBS // queues)
        return {"redis": [ours], NAME: [(in_redis(client) - before) / JOBS]}

    just_once(benchmark, measure, [row("redis", queues, NAME)])


@pytest.mark.benchmark(group="memory")
@pytest.mark.parametrize("queues", SPREADS)
def test_memory(benchmark: BenchmarkFixture, redis_server: RedisServer, *, queues: int) -> None:
    def measure() -> dict[str, list[float]]:
        client = redis_server.client()
        store = open_store("redis", {"url": redis_server.url})
        theirs = asyncio.run(growth(store, queues, lambda: in_redis(client)))
        tracemalloc.start()
        ours = asyncio.run(
            growth(open_store("memory"), queues, lambda: tracemalloc.get_traced_memory()[0])
        )
        tracemalloc.stop()
        return {"memory": [ours], "redis": [theirs]}

    just_once(benchmark, measure, [row("memory", queues, "redis")])
