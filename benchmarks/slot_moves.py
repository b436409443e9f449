"""How long the calls of a type wait while its slot moves to another server.

`python -m benchmarks.slot_moves` prints a table; with `--case 10000,100` that of a type with so
many jobs and queues.

Three primaries run. Four types are called all the while, each by four callers that enqueue a job
and then pause for 2 ms: the type that moves, another one on the server that gives, one on the
server that takes, and one on the third, which has no part in it and shows what this machine does by
itself. The *gap* of a type is the longest time between two successive answers. A slot moves as
`redis-cli --cluster reshard` moves it, with GETKEYSINSLOT and MIGRATE for 10 keys at once; the same
with more keys at once; and in Valkey 9's atomic way.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_redis.routing.slots import slot_of
from support.redis_cluster import RedisCluster, ask
from support.redis_keys import tag
from support.waiting import comes_true

CASES = (
    (1000, 10),
    (1000, 1000),
    (10_000, 100),
    (10_000, 10_000),
    (100_000, 1),
    (100_000, 100),
    (100_000, 100_000),
)
"""Jobs and queues of the type that moves."""
AT_ONCE = (10, 100, 1000)
ATOMIC = "atomic"
RUNS = 3
CALLERS = 4
PAUSE = 0.002
SETTLED = 0.5
"""Seconds of calls before a move and after it."""
PAYLOAD = b'{"to":"+441632960001","text":"' + b"x" * 68 + b'"}'
PARTS = ("gives", "takes", "third")


class Calls:
    """The calls of one type: when they were answered, and how many were refused."""

    def __init__(self, store: QueueStore, queue_type: str) -> None:
        self._store = store
        self._type = queue_type
        self.answers: list[float] = []
        self.refused = 0

    async def call(self, is_over: asyncio.Event) -> None:
        """Call again and again."""
        while not is_over.is_set():
            job = NewJob("called", str(uuid.uuid4()), PAYLOAD, 0)
            try:
                await self._store.enqueue(self._type, [job])
            except StoreUnavailable:
                self.refused += 1
            else:
                self.answers.append(time.perf_counter())
            await asyncio.sleep(PAUSE)

    def was_answered_after(self, instant: float) -> bool:
        """Tell whether a call was answered after an instant."""
        return bool(self.answers) and self.answers[-1] > instant

    @property
    def gap(self) -> float:
        """The longest time in seconds between two answers."""
        return longest_gap(self.answers)


def longest_gap(instants: Sequence[float]) -> float:
    """Return the longest time between two successive instants."""
    return max(later - one for one, later in pairwise(instants))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one move took: keys and seconds; what its type saw; the gaps of the others."""

    keys: int
    took: float
    gap: float
    answered: int
    refused: int
    others: Sequence[float]


async def fill(store: QueueStore, queue_type: str, jobs: int, queues: int) -> None:
    """Give a type jobs, spread over queues."""
    for first in range(0, jobs, 1000):
        numbers = range(first, min(first + 1000, jobs))
        new = [NewJob(f"customer-{n % queues:07}", f"job-{n:032}", PAYLOAD, 0) for n in numbers]
        await store.enqueue(queue_type, new)


async def see(cluster: RedisCluster, store: QueueStore, name: str, way: int | str) -> Seen:
    """Move a type's slot to the next server while it and others are called."""
    slot, source = slot_of(tag(name)), cluster.of_type(name)
    at = cluster.primaries.index(source)
    target, third = cluster.primaries[at - 2], cluster.primaries[at - 1]
    keys: int = ask(source, "CLUSTER", "COUNTKEYSINSLOT", slot)
    names = [f"other-{number}" for number in range(1000)]
    others = [
        next(one for one in names if cluster.of_type(one) is server and slot_of(tag(one)) != slot)
        for server in (source, target, third)
    ]
    calls = [Calls(store, one) for one in (name, *others)]
    is_over = asyncio.Event()
    calling = [asyncio.create_task(one.call(is_over)) for one in calls for _ in range(CALLERS)]
    await asyncio.sleep(SETTLED)
    move: Callable[[], None] = partial(cluster.move_atomically, slot, target)
    if isinstance(way, int):
        move = partial(cluster.move, slot, target, at_once=way)
    began = time.perf_counter()
    await asyncio.to_thread(move)
    took = time.perf_counter() - began
    await asyncio.sleep(SETTLED)
    for one in calls:
        await comes_true(partial(one.was_answered_after, began + took))
    is_over.set()
    await asyncio.gather(*calling)
    mine, *theirs = calls
    gaps = [one.gap for one in theirs]
    return Seen(keys, took, mine.gap, len(mine.answers), mine.refused, gaps)


async def rows(cluster: RedisCluster, jobs: int, queues: int, runs: int) -> None:
    """Print a line for each way."""
    ways: list[int | str] = [*AT_ONCE]
    if cluster.moves_atomically:
        ways.append(ATOMIC)
    seen: dict[int | str, list[Seen]] = {way: [] for way in ways}
    cluster.flush()
    async with open_store("redis", cluster.options) as store:
        await fill(store, "moves", jobs, queues)
        for _ in range(runs):
            for way in ways:
                seen[way].append(await see(cluster, store, "moves", way))
    for way, found in seen.items():
        others = zip(*(one.others for one in found), strict=True)
        show(
            jobs,
            queues,
            found[0].keys,
            way,
            f"{statistics.median(one.took for one in found):.2f}",
            f"{statistics.median(one.gap for one in found):.2f}",
            f"{max(one.gap for one in found):.2f}",
            max(one.refused for one in found),
            *(f"{statistics.median(gaps):.3f}" for gaps in others),
        )


def show(*cells: object) -> None:
    sys.stdout.write("".join(f"{cell:>11}" for cell in cells) + "\n")
    sys.stdout.flush()


async def main(cases: Sequence[Sequence[int]], runs: int) -> None:
    show("jobs", "queues", "keys", "at once", "move s", "gap s", "worst s", "refused", *PARTS)
    with tempfile.TemporaryDirectory() as folder, RedisCluster(Path(folder)) as cluster:
        for jobs, queues in cases:
            await rows(cluster, jobs, queues, runs)


def _case(text: str) -> tuple[int, int]:
    jobs, queues = map(int, text.split(","))
    return jobs, queues


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", type=_case, metavar="JOBS,QUEUES")
    parser.add_argument("--runs", type=int, default=RUNS)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.case or CASES, chosen.runs))
