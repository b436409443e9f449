"""What a job takes in a cluster of one, two and three primaries, by Redis's own account."""

import asyncio

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import machine
from benchmarks.balance import even_slots, over_mean, owner_of
from benchmarks.cluster_time import CALLS_A_ROUND, CYCLE, SIDES, TYPES, rounds
from sharq_plug.testing.benchmarks import Row, just_once
from support.redis_server import RedisServer

ALONE, ONE, *MORE = SIDES
TOTAL, CLIENT = "all servers", "the client"
NEARLY = 0.75
"""Of what the spread of the types would allow. A server that shares its core with others takes
longer for a job: its caches are cold at each turn."""


@pytest.mark.benchmark(group="cluster")
@pytest.mark.parametrize("batch", CALLS_A_ROUND)
def test_growth_with_primaries(
    benchmark: BenchmarkFixture, tmp_path_factory: pytest.TempPathFactory, *, batch: int
) -> None:
    def measure() -> dict[str, list[float]]:
        folder = tmp_path_factory.mktemp("clusters")
        [taken] = asyncio.run(rounds(folder, batches=[batch])).values()
        found: dict[str, list[float]] = {}
        for side in SIDES:
            cycles = [one[side][CYCLE] for one in taken]
            found[side] = [max(cycle.threads) for cycle in cycles]
            found[f"{side}, {TOTAL}"] = [sum(cycle.threads) for cycle in cycles]
            found[f"{side}, {CLIENT}"] = [cycle.client for cycle in cycles]
        return found

    whole = [
        Row(
            what=f"{side}, {batch} a call",
            side=side,
            against=None if side == ONE else ONE,
            at_least=round(NEARLY * _possible(side), 2) if side in MORE else None,
        )
        for side in SIDES
    ]
    parts = [
        Row(
            what=f"{side}, {part}, {batch} a call",
            side=f"{side}, {part}",
            against=None if side == ONE else f"{ONE}, {part}",
            show="cost",
            unit="µs a job",
        )
        for part in (TOTAL, CLIENT)
        for side in SIDES
    ]
    benchmark.extra_info["redis"] = _version(tmp_path_factory)
    just_once(benchmark, measure, whole + parts)


def _possible(side: str) -> float:
    """Return how many times one primary's jobs so many can do, as the types are spread."""
    ranges = even_slots(int(side[0]))
    owners = [owner_of(name, ranges) for name in TYPES]
    return len(ranges) / over_mean([owners.count(number) for number in range(len(ranges))])


def _version(folders: pytest.TempPathFactory) -> str:
    with RedisServer(folders.mktemp("version")) as server:
        return machine.redis_version(server.client())
