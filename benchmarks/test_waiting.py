"""Long polls: how soon a waiting worker gets a job, and what a thousand idle workers cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import quantiles
from typing import TypeAlias

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from redis import Redis

from benchmarks.redis_time import RUNS
from benchmarks.remote import Remote
from benchmarks.servers import load, sharq_server
from sharq_plug.testing.benchmarks import Row, just_once
from support.cores import cpu_time
from support.redis_server import RedisServer

ROUNDS = 5
JOBS, PAUSE = 300, 0.005
"""Jobs in a round; seconds between two of them."""
WORKERS = 10
IDLE_WORKERS, IDLE_SECONDS = 1000, 20.0
MOST_LOOKS = (IDLE_SECONDS / 5 + 1) / IDLE_SECONDS
"""A look every 5 s, and one more at the edge."""
ASKED = "enqueue, then dequeue"
WAITING, NOBODY = "1000 waiting", "nobody waiting"

Meters: TypeAlias = dict[str, Callable[[], float]]


@pytest.fixture
def waiters() -> Iterator[Remote]:
    with load("benchmarks.waiters") as remote:
        yield remote


def on_redis(server: RedisServer) -> dict[str, str]:
    return {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_URL": server.url}


def measure_latency(
    waiters: Remote, enqueue_port: int, dequeue_port: int
) -> Callable[[], dict[str, list[float]]]:
    """Return a measurement of p50 and p99 (ms): of a wait, and of enqueue and dequeue."""
    how = {"jobs": JOBS, "pause": PAUSE}
    ports = {"enqueue_port": enqueue_port, "dequeue_port": dequeue_port}

    def measure() -> dict[str, list[float]]:
        waited, asked = list[float](), list[float]()
        for _ in range(ROUNDS):
            waited += waiters.ask("wait", workers=WORKERS, **ports, **how)
            asked += waiters.ask("ask", port=enqueue_port, **how)
        return {
            f"{side}, p{part}": [quantiles(samples, n=100)[part - 1]]
            for side, samples in (("wait", waited), (ASKED, asked))
            for part in (50, 99)
        }

    return measure


def latency_rows(what: str, at_most: float | None = None) -> list[Row]:
    return [
        Row(
            what=f"{what}, p{part}",
            side=f"wait, p{part}",
            against=f"{ASKED}, p{part}",
            show="value",
            unit="ms",
            bar_for="figure",
            at_most=at_most if part == 99 else None,
        )
        for part in (50, 99)
    ]


@pytest.mark.benchmark(group="waiting")
@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_wake_up_on_the_same_server(
    benchmark: BenchmarkFixture, backend: str, waiters: Remote, request: pytest.FixtureRequest
) -> None:
    redis = backend == "redis"
    environ = on_redis(request.getfixturevalue("redis_server")) if redis else {}
    with sharq_server(environ) as server:
        measure = measure_latency(waiters, server.port, server.port)
        just_once(benchmark, measure, latency_rows(f"{backend}, same server", at_most=5))


@pytest.mark.benchmark(group="waiting")
def test_wake_up_on_another_server(
    benchmark: BenchmarkFixture, redis_server: RedisServer, waiters: Remote
) -> None:
    environ = on_redis(redis_server)
    with sharq_server(environ) as one, sharq_server(environ) as other:
        measure = measure_latency(waiters, one.port, other.port)
        just_once(benchmark, measure, latency_rows("redis, another server"))


@pytest.mark.benchmark(group="idle")
@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_idle_workers(
    benchmark: BenchmarkFixture, backend: str, waiters: Remote, request: pytest.FixtureRequest
) -> None:
    redis = request.getfixturevalue("redis_server") if backend == "redis" else None
    room = str(2 * IDLE_WORKERS)
    environ = {"SHARQ_SERVER_MAX_CONNECTIONS": room, "SHARQ_SERVER_MAX_IN_FLIGHT": room}
    with sharq_server(environ | (on_redis(redis) if redis else {})) as server:

        def measure() -> dict[str, list[float]]:
            meters: Meters = {"CPU": lambda: 100 * cpu_time(server.process.pid)}
            if redis:
                client = redis.client()
                meters["commands"] = lambda: calls(client)
                meters["scripts"] = lambda: calls(client, RUNS)
            found = dict[str, list[float]]()
            look(meters, NOBODY, found)
            waiters.ask("settle", port=server.port, workers=IDLE_WORKERS)
            look(meters, WAITING, found)
            waiters.ask("leave")
            return found

        rows = [idle_row(f"{backend}, CPU of the server", "CPU", "% of a core", 2)]
        if redis:
            looks = idle_row("redis, script runs", "scripts", "a second", MOST_LOOKS)
            rows += [looks, idle_row("redis, all commands", "commands", "a second")]
        just_once(benchmark, measure, rows)


def look(meters: Meters, side: str, found: dict[str, list[float]]) -> None:
    """Measure how much each meter rises in a second."""
    before = {name: meter() for name, meter in meters.items()}
    began = time.monotonic()
    time.sleep(IDLE_SECONDS)
    seconds = time.monotonic() - began
    for name, meter in meters.items():
        found[f"{side}, {name}"] = [(meter() - before[name]) / seconds]


def idle_row(what: str, meter: str, unit: str, at_most: float | None = None) -> Row:
    return Row(
        what=what,
        side=f"{WAITING}, {meter}",
        against=f"{NOBODY}, {meter}",
        show="value",
        unit=unit,
        bar_for="figure",
        at_most=at_most,
    )


def calls(client: Redis, commands: Sequence[str] | None = None) -> float:
    """Return how often Redis has run these commands so far, or any but INFO."""
    stats = client.info("commandstats")
    chosen = {f"cmdstat_{name}" for name in commands} if commands else stats.keys()
    return float(sum(stats[name]["calls"] for name in stats.keys() & chosen - {"cmdstat_info"}))
