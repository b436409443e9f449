"""The time that a job takes inside Redis, compared with lean scripts.

Both sides have the same number of queues, with three jobs each. The rate of a queue lets it go
once, so each dequeue serves another queue. The sides take turns in one run, a few batches each.
Redis tells what functions and scripts took (INFO commandstats). The head of each lean script says
what it leaves out.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from redis import Redis

from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all
from support.redis_server import RedisServer

TYPE = "sms"
PAYLOAD = b'{"to":"+441632960001","text":"' + b"x" * 68 + b'"}'
QUEUES = 100_000
JOBS_A_QUEUE = 3
INTERVAL = 3_600_000
LEASE = 600_000
STRIDE = 7919
"""Prime, so that successive jobs go to distant queues."""
TURNS = 9
BATCHES_A_TURN = 3
VERBS = ("enqueue", "dequeue", "finish")
RUNS = ("eval", "evalsha", "evalsha_ro", "fcall", "fcall_ro")
"""The commands that run a script or a function."""


class Side(Protocol):
    """One side of the comparison; each call works on the next `count` jobs."""

    async def enqueue(self, count: int) -> None: ...

    async def dequeue(self, count: int) -> None: ...

    async def finish(self, count: int) -> None: ...


class Ours:
    """The Redis store."""

    def __init__(self, store: QueueStore, queues: int) -> None:
        self._store = store
        self._names = names(queues)
        self._leases: list[LeaseRef] = []

    async def enqueue(self, count: int) -> None:
        jobs = [
            NewJob(queue_id, job_id, PAYLOAD, INTERVAL)
            for queue_id, job_id in itertools.islice(self._names, count)
        ]
        await self._store.enqueue(TYPE, jobs)

    async def dequeue(self, count: int) -> None:
        taken = (await dequeue_for_one(self._store, TYPE, count=count, lease_time=LEASE)).jobs
        assert len(taken) == count
        self._leases += (LeaseRef(job.queue_id, job.job_id, job.token) for job in taken)

    async def finish(self, count: int) -> None:
        leases, self._leases = self._leases[:count], self._leases[count:]
        await finish_all(self._store, TYPE, leases, receipt_time=LEASE)


class Lean:
    """The lean scripts."""

    def __init__(self, client: Redis, queues: int) -> None:
        folder = Path(__file__).parent
        self._scripts = {
            verb: client.register_script((folder / f"lean_{verb}.lua").read_text())
            for verb in VERBS
        }
        kinds = ("line", "intervals", "payloads", "leases", "counts", "jobs:")
        self._keys = [f"{{lean:{TYPE}}}:{kind}" for kind in kinds]
        self._names = names(queues)
        self._leases: list[bytes] = []

    async def enqueue(self, count: int) -> None:
        names = itertools.islice(self._names, count)
        self._run("enqueue", *(part for name in names for part in (*name, INTERVAL, PAYLOAD)))

    async def dequeue(self, count: int) -> None:
        reply = self._run("dequeue", count, LEASE)
        assert len(reply) == 3 * count
        for queue_id, job_id in zip(reply[::3], reply[1::3], strict=True):
            self._leases += (queue_id, job_id)

    async def finish(self, count: int) -> None:
        leases, self._leases = self._leases[: 2 * count], self._leases[2 * count :]
        assert all(self._run("finish", *leases))

    def _run(self, verb: str, *arguments: str | bytes | int) -> list[bytes]:
        reply = self._scripts[verb](self._keys, arguments)
        return reply if isinstance(reply, list) else []


def names(queues: int) -> Iterator[tuple[str, str]]:
    """Yield a queue id and a new job id; a queue comes again after all the others."""
    for number in itertools.count():
        yield f"customer-{number * STRIDE % queues:07}", f"01890a5d-ac96-774b-bcce-{number:012}"


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds a job inside Redis, the median of the turns; ratios are medians of the pairs.

    `over_dequeue` is ours over the lean dequeue, whatever the verb.
    """

    ours: float
    lean: float
    ratio: float
    over_dequeue: float


async def redis_times(server: RedisServer, *, batch: int, queues: int = QUEUES) -> dict[str, Times]:
    """Return the time of a job for each verb. Empties the server."""
    client = server.client()
    client.flushall()
    spent = inside(client)
    async with open_store("redis", {"url": server.url}) as store:
        sides: list[Side] = [Ours(store, queues), Lean(client, queues)]
        for side in sides:
            for _ in range(queues * JOBS_A_QUEUE // 1000):
                await side.enqueue(1000)
        taken: dict[str, list[list[float]]] = {verb: [] for verb in VERBS}
        for _ in range(TURNS):
            for verb in VERBS:
                pair = [await one_turn(getattr(side, verb), batch, spent) for side in sides]
                taken[verb].append(pair)
        yardstick = [lean for _, lean in taken["dequeue"]]
        return {verb: times(pairs, yardstick) for verb, pairs in taken.items()}


async def one_turn(verb: Callable[[int], object], batch: int, spent: Callable[[], int]) -> float:
    """Return the microseconds that a job took on one side."""
    batches = BATCHES_A_TURN * max(1, 30 // batch)
    begin = spent()
    for _ in range(batches):
        await verb(batch)  # type: ignore[misc]  # a method of a Side
    return (spent() - begin) / (batches * batch)


def times(pairs: list[list[float]], yardstick: list[float]) -> Times:
    ours, lean = zip(*pairs, strict=True)
    return Times(
        statistics.median(ours),
        statistics.median(lean),
        ratio=median_ratio(ours, lean),
        over_dequeue=median_ratio(ours, yardstick),
    )


def median_ratio(ours: Iterable[float], others: Iterable[float]) -> float:
    return statistics.median(us / other for us, other in zip(ours, others, strict=True))


async def together_and_apart(server: RedisServer, *, count: int) -> dict[str, tuple[float, float]]:
    """Return what a job takes in one dequeue of `count`, and in a pipeline of single dequeues.

    By name: microseconds inside Redis, and by the clock here. Empties the server.
    """
    client = server.client()
    client.flushall()
    spent = inside(client)
    async with open_store("redis", {"url": server.url}) as store:
        ours = Ours(store, QUEUES)
        for _ in range(QUEUES * JOBS_A_QUEUE // 1000):
            await ours.enqueue(1000)

        async def apart() -> None:
            await asyncio.gather(*(ours.dequeue(1) for _ in range(count)))

        ways: list[Callable[[], Awaitable[None]]] = [lambda: ours.dequeue(count), apart]
        found: list[list[tuple[float, float]]] = [[], []]
        for _ in range(TURNS):
            for way, figures in zip(ways, found, strict=True):
                begin, clock = spent(), time.perf_counter()
                for _ in range(BATCHES_A_TURN):
                    await way()
                us = (time.perf_counter() - clock) * 1e6
                jobs = BATCHES_A_TURN * count
                figures.append(((spent() - begin) / jobs, us / jobs))
        together, apart_ = ([statistics.median(f) for f in zip(*way, strict=True)] for way in found)
        return {
            "inside": (together[0], apart_[0]),
            "by the clock": (together[1], apart_[1]),
        }


def inside(client: Redis) -> Callable[[], int]:
    """Return a meter of the microseconds that scripts and functions took inside Redis."""

    def spent() -> int:
        stats = client.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("usec", 0) for name in RUNS)

    return spent


def show(*cells: object) -> None:
    sys.stdout.write("".join(f"{cell:>12}" for cell in cells) + "\n")
    sys.stdout.flush()


async def main(queues: int) -> None:
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        show("batch", "verb", "ours us", "lean us", "ratio", "/lean deq.")
        for batch in (100, 1):
            for verb, found in (await redis_times(server, batch=batch, queues=queues)).items():
                ratios = (f"{found.ratio:.2f}", f"{found.over_dequeue:.2f}")
                show(batch, verb, f"{found.ours:.1f}", f"{found.lean:.1f}", *ratios)
        show("dequeue", "us a job", "one run", "pipeline")
        for count in (100, 16):
            for name, pair in (await together_and_apart(server, count=count)).items():
                show(count, name, *(f"{us:.1f}" for us in pair))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("queues", nargs="?", type=int, default=QUEUES)
    asyncio.run(main(parser.parse_args().queues))
