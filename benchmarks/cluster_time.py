"""What a job takes in a cluster of one, two and three primaries, by Redis's own account.

`python -m benchmarks.cluster_time` prints the tables of docs/scale.md.

The load is the same everywhere: jobs of 96 types, each with 200 queues, are enqueued, dequeued and
finished, 32 calls at a time. A few cores cannot run so many servers at full speed, so the clock
says nothing. Each server tells what CPU time its main thread used, sockets and replies included
(INFO cpu). All together do as many jobs a second as the busiest primary allows: its time for a job
of the whole load is the figure. Beside them stands a Redis without a cluster. The sides take turns.

What its functions took (INFO commandstats) is printed too. Redis takes that by the clock, so it
holds the time in which another server had the core: it says something for the first two sides only.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from operator import add
from pathlib import Path

from redis import Redis

from benchmarks import machine
from benchmarks.redis_time import RUNS, show
from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all
from support.cores import on_core
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer

TYPES = tuple(f"type-{number}" for number in range(96))
QUEUES = 200
DEPTH = 2
"""Jobs that wait in each queue all the while."""
CALLERS = 32
ROUNDS = 9
CALLS_A_ROUND = {100: 1, 10: 3, 1: 10}
"""Of each verb for each type, by batch."""
SIDES = ("no cluster", "1 primary", "2 primaries", "3 primaries")
PAYLOAD = b'{"to":"+441632960001","text":"' + b"x" * 68 + b'"}'
LEASE = 600_000
VERBS = ("enqueue", "dequeue", "finish")
CYCLE = "cycle"
"""All three."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds a job of the whole load: by functions and by main threads of each server, here."""

    functions: Sequence[float]
    threads: Sequence[float]
    client: float

    def __add__(self, other: "Spent") -> "Spent":
        functions = [*map(add, self.functions, other.functions)]
        threads = [*map(add, self.threads, other.threads)]
        return Spent(functions, threads, self.client + other.client)

    @property
    def share(self) -> float:
        """What part of the work the busiest server does."""
        return max(self.threads) / sum(self.threads)


class Side:
    """A cluster, or a Redis alone, with the load on it."""

    def __init__(self, store: QueueStore, servers: Sequence[RedisServer]) -> None:
        self._store = store
        self._clients = [server.client() for server in servers]
        self._numbers = {name: itertools.count() for name in TYPES}
        self._leases: dict[str, list[LeaseRef]] = {name: [] for name in TYPES}

    async def fill(self) -> None:
        """Enqueue what waits all the while."""
        for _ in range(QUEUES * DEPTH // 100):
            await self._for_each(self._enqueue, 100)

    async def round(self, batch: int) -> dict[str, Spent]:
        """Return what a round took, by verb."""
        acts = (self._enqueue, self._dequeue, self._finish)
        spent = {
            verb: await self._measured(act, batch) for verb, act in zip(VERBS, acts, strict=True)
        }
        enqueue, dequeue, finish = spent.values()
        return spent | {CYCLE: enqueue + dequeue + finish}

    async def _measured(self, act: "Act", batch: int) -> Spent:
        functions, threads = self._meters()
        here = time.process_time()
        for _ in range(CALLS_A_ROUND[batch]):
            await self._for_each(act, batch)
        here = time.process_time() - here
        jobs = CALLS_A_ROUND[batch] * batch * len(TYPES)
        used, busy = self._meters()
        return Spent(
            [(end - begin) / jobs for begin, end in zip(functions, used, strict=True)],
            [(end - begin) / jobs for begin, end in zip(threads, busy, strict=True)],
            here / jobs,
        )

    async def _for_each(self, act: "Act", batch: int) -> None:
        for first in range(0, len(TYPES), CALLERS):
            names = TYPES[first : first + CALLERS]
            await asyncio.gather(*(act(name, batch) for name in names))

    async def _enqueue(self, name: str, count: int) -> None:
        numbers = itertools.islice(self._numbers[name], count)
        await self._store.enqueue(name, [_job(number) for number in numbers])

    async def _dequeue(self, name: str, count: int) -> None:
        got = (await dequeue_for_one(self._store, name, count=count, lease_time=LEASE)).jobs
        assert len(got) == count
        self._leases[name] += (LeaseRef(job.queue_id, job.job_id, job.token) for job in got)

    async def _finish(self, name: str, count: int) -> None:
        leases, self._leases[name] = self._leases[name][:count], self._leases[name][count:]
        await finish_all(self._store, name, leases, receipt_time=LEASE)

    def _meters(self) -> tuple[list[float], list[float]]:
        """Return the seconds that functions and main threads of each server have used so far."""
        return [*map(_functions, self._clients)], [*map(thread_of, self._clients)]


Act = Callable[[str, int], Awaitable[None]]
"""A verb on the next jobs of a type."""
Rounds = list[dict[str, dict[str, Spent]]]
"""By side and verb."""


def _job(number: int) -> NewJob:
    return NewJob(f"customer-{number % QUEUES:07}", f"job-{number:032}", PAYLOAD, 0)


def _functions(client: "Redis") -> float:
    stats = client.info("commandstats")
    return float(sum(stats.get(f"cmdstat_{name}", {}).get("usec", 0) for name in RUNS)) / 1e6


def thread_of(client: "Redis") -> float:
    """Return the seconds that the main thread of a server has used so far."""
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"])


async def rounds(
    folder: Path, *, batches: Sequence[int] = (*CALLS_A_ROUND,), count: int = ROUNDS
) -> dict[int, Rounds]:
    """Return what each round took, by batch; before them is one for warming up."""
    async with AsyncExitStack() as stack:
        sides = {name: await stack.enter_async_context(_side(folder, name)) for name in SIDES}
        found: dict[int, Rounds] = {}
        for batch in batches:
            taken: Rounds = []
            for _ in range(1 + count):
                taken.append({name: await side.round(batch) for name, side in sides.items()})
            found[batch] = taken[1:]
        return found


@asynccontextmanager
async def _side(folder: Path, name: str) -> AsyncIterator[Side]:
    with started(folder, name) as (servers, options):
        async with open_store("redis", options) as store:
            side = Side(store, servers)
            await side.fill()
            yield side


@contextmanager
def started(
    folder: Path, name: str
) -> Iterator[tuple[Sequence[RedisServer], Mapping[str, object]]]:
    """Start what a side is called; return its servers, and the store's options."""
    with ExitStack() as stack:
        with on_core(machine.OTHER):
            if name == SIDES[0]:
                server = stack.enter_context(RedisServer(folder / "alone"))
                servers = [server]
                options: Mapping[str, object] = {"url": server.url}
            else:
                cluster = RedisCluster(folder / name[0], primaries=int(name[0]))
                stack.enter_context(cluster)
                servers, options = cluster.primaries, cluster.options
        yield servers, options


def median(taken: Rounds, side: str, verb: str, of: Callable[[Spent], float]) -> float:
    """Return the median of a figure over the rounds."""
    return statistics.median(of(round_[side][verb]) for round_ in taken)


def ratio(taken: Rounds, side: str, verb: str, of: Callable[[Spent], float]) -> float:
    """Return the median of a figure's ratios to that of one primary, round by round."""
    return statistics.median(of(one[side][verb]) / of(one[SIDES[1]][verb]) for one in taken)


FIGURES: dict[str, Callable[[Spent], float]] = {
    "functions": lambda spent: sum(spent.functions),
    "threads": lambda spent: sum(spent.threads),
    "client": lambda spent: spent.client,
}


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, on_core(machine.MEASURED):
        found = await rounds(Path(folder), count=count)
    for batch, taken in found.items():
        show("a call", "us a job", *SIDES)
        for verb in (*VERBS, CYCLE):
            for name, of in FIGURES.items():
                cells = (1e6 * median(taken, side, verb, of) for side in SIDES)
                show(batch, f"{verb[:4]} {name[:7]}", *(f"{us:.1f}" for us in cells))
    for batch, taken in found.items():
        show("a call", "", "us each", "share", "jobs/s", "ratio")
        for side in SIDES:
            each = zip(*(one[side][CYCLE].threads for one in taken), strict=True)
            us = "/".join(f"{1e6 * statistics.median(node):.0f}" for node in each)
            share = median(taken, side, CYCLE, lambda spent: spent.share)
            busiest = median(taken, side, CYCLE, lambda spent: max(spent.threads))
            more = ratio(taken, side, CYCLE, lambda spent: 1 / max(spent.threads))
            show(batch, side, us, f"{share:.2f}", f"{1 / busiest:,.0f}", f"{more:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asyncio.run(main(parser.parse_args().rounds))
