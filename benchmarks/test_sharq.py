"""This package and SharQ's library: one process each, one caller, in turns on the same Redis.

SharQ is asked from a thread, so that our loop goes on meanwhile, as a server's does.
"""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.remote import Remote
from benchmarks.sharq_library import NAME
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.benchmarks import Row, Run, Scenario, Side, Workload, in_turns, spaced
from support.redis_server import RedisServer

ROUNDS = 7
SINGLE, BATCH = "1 a call", "100 a call"


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner.get_loop().run_until_complete


@pytest.fixture
def store(redis_server: RedisServer, run: Run) -> Iterator[QueueStore]:
    store = open_store("redis", {"url": redis_server.url})
    run(store.__aenter__())
    yield store
    run(store.__aexit__(None, None, None))


@pytest.mark.benchmark(group="sharq")
@pytest.mark.parametrize(
    ("queues", "jobs", "at_least"),
    [(10, 1000, 4), (1000, 1000, 8), (100_000, 20, 500)],
    ids=["10", "1000", "100000"],
)
def test_dequeue(
    benchmark: BenchmarkFixture,
    store: QueueStore,
    sharq: Remote,
    run: Run,
    *,
    queues: int,
    jobs: int,
    at_least: float,
) -> None:
    def ours(batch: int) -> None:
        run(work.dequeue(batch=batch))

    def theirs() -> None:
        run(asyncio.to_thread(sharq.ask, "dequeue", queue_type="theirs", jobs=jobs))

    depth = 2 + (ROUNDS + 1) * jobs // queues
    run(asyncio.to_thread(sharq.ask, "fill", queue_type="theirs", queues=queues, depth=depth))
    work = Workload(store, Scenario(queues=queues), queue_type="ours")
    run(work.fill())
    sides = {
        side: Side(
            units=1000,
            run=partial(ours, batch),
            after=lambda: run(work.restore()),
        )
        for side, batch in ((SINGLE, 1), (BATCH, 100))
    }
    sides[NAME] = Side(units=jobs, run=theirs)
    ready = f"{spaced(queues)} ready"
    rows = [
        Row(what=f"redis, {ready}, {BATCH}", side=BATCH, against=NAME, at_least=at_least),
        Row(what=f"redis, {ready}, {SINGLE}", side=SINGLE, against=NAME),
        Row(
            what=f"{NAME}, {ready}", side=NAME, show="cost", unit="µs a job", series=NAME, x=queues
        ),
    ]
    in_turns(benchmark, sides, ROUNDS, rows)


@pytest.mark.benchmark(group="sharq")
def test_full_cycle(
    benchmark: BenchmarkFixture, store: QueueStore, sharq: Remote, run: Run
) -> None:
    def ours(batch: int) -> None:
        run(work.cycle(batch=batch))

    def theirs() -> None:
        queues, jobs = scenario.queues, scenario.jobs
        run(asyncio.to_thread(sharq.ask, "cycle", queue_type="theirs", queues=queues, jobs=jobs))

    scenario = Scenario()
    work = Workload(store, scenario, queue_type="ours")
    sides = {
        side: Side(units=scenario.jobs, run=partial(ours, batch))
        for side, batch in ((SINGLE, 1), (BATCH, 100))
    }
    sides[NAME] = Side(units=scenario.jobs, run=theirs)
    rows = [
        Row(what=f"redis, full cycle, {side}", side=side, against=NAME) for side in (BATCH, SINGLE)
    ]
    in_turns(benchmark, sides, ROUNDS, rows)
