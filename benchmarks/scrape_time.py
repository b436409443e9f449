"""The time that a scrape of 200 types takes inside Redis.

Each scrape reads the figures as GET /-/metrics does. Redis tells what the commands took (INFO
commandstats), and what its main thread used in all, reading and writing the socket included. The
listing of the types, which is not repeated in each scrape, is shown apart. So is the longest single
command (LATENCY would tell, and SLOWLOG does).
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from sharq_plug.model import (
    Extras,
    Fail,
    Figures,
    KnownTypes,
    LeaseRef,
    Limit,
    NewJob,
    PatchType,
    SettingsPatch,
    TypeFigures,
    Use,
)
from sharq_plug.plugins import open_store
from sharq_plug.service.figures import STEP
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from support.redis_server import RedisServer

TYPES = 200
LIMITS = 20
"""Shared limits of a type, each with a row of its own."""
ROUNDS = 15
HOUR = 3_600_000
OPEN, SHUT = Limit(1000, 1000, 1000), Limit(1, HOUR)
ENQUEUED_AT_ONCE = 1000
NOT_COUNTED = ("cmdstat_info", "cmdstat_slowlog|get", "cmdstat_slowlog|reset")

Fill = Callable[[QueueStore, str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds for 200 types, medians: commands, the main thread, the longest command."""

    commands: float
    thread: float
    longest: float
    listing: float


async def plain(store: QueueStore, name: str, queues: int) -> None:
    """Give a type queues with jobs of every state."""
    await _enqueue(store, name, [NewJob(f"q{at}", "j", b"{}", 1000) for at in range(queues)])
    later = [NewJob(f"q{at}", "later", b"{}", 1000, extras=Extras(delay=HOUR)) for at in (0, 1)]
    await _enqueue(store, name, later)
    taken = (await dequeue_for_one(store, name, count=4, lease_time=HOUR)).jobs
    for job in taken[:2]:
        lease = LeaseRef(job.queue_id, job.job_id, job.token)
        await store.settle(name, [Fail(lease, dead=True)])


async def open_gates(store: QueueStore, name: str, queues: int) -> None:
    """The same behind a gate that is open: type-wide limits and a concurrency."""
    await store.configure(name, [PatchType(SettingsPatch(limits=(OPEN,), concurrency=1000))])
    await plain(store, name, queues)


async def closed_gates(store: QueueStore, name: str, queues: int) -> None:
    """The same behind a gate that is closed."""
    await plain(store, name, queues)
    await store.configure(name, [PatchType(SettingsPatch(limits=(SHUT,)))])
    await dequeue_for_one(store, name, count=1, lease_time=HOUR)


async def shared(store: QueueStore, name: str, queues: int) -> None:
    """Queues that use one of 20 shared limits, half of which are closed by a delivery."""
    uses = [(Use(f"limit-{at}", (SHUT if at % 2 else OPEN,)),) for at in range(LIMITS)]
    jobs = [
        NewJob(f"q{at}", f"j{number}", b"{}", 0, extras=Extras(uses=uses[at % LIMITS]))
        for number in range(2)
        for at in range(max(queues, LIMITS))
    ]
    await _enqueue(store, name, jobs)
    await dequeue_for_one(store, name, count=LIMITS, lease_time=HOUR)


CASES: dict[str, Fill] = {
    "plain": plain,
    "open gates": open_gates,
    "closed gates": closed_gates,
    "20 shared limits": shared,
}


async def scrape_times(server: RedisServer, case: str, queues: int) -> Times:
    """Return what a scrape of 200 types takes inside Redis, each with so many queues."""
    client = server.client()
    client.flushall()
    client.config_set("slowlog-log-slower-than", 0)
    client.config_set("slowlog-max-len", 10_000)
    async with open_store("redis", {"url": server.url}) as store:
        names = [f"type-{number}" for number in range(TYPES)]
        for name in names:
            await CASES[case](store, name, queues)
        await _figures(store, names)
        scrapes = [await _spent(client, lambda: _figures(store, names)) for _ in range(ROUNDS)]
        listings = [await _spent(client, lambda: _listing(store)) for _ in range(ROUNDS)]
    commands, thread, longest = ([*values] for values in zip(*scrapes, strict=True))
    return Times(
        statistics.median(commands),
        statistics.median(thread),
        statistics.median(longest),
        statistics.median(listing for listing, *_ in listings),
    )


async def _enqueue(store: QueueStore, name: str, jobs: Sequence[NewJob]) -> None:
    for first in range(0, len(jobs), ENQUEUED_AT_ONCE):
        await store.enqueue(name, jobs[first : first + ENQUEUED_AT_ONCE])


async def _figures(store: QueueStore, names: Sequence[str]) -> None:
    """Read the figures of types as a scrape does."""
    for first in range(0, len(names), STEP):
        part = tuple(names[first : first + STEP])
        page = await store.page(None, Figures(part), limit=STEP)
        assert all(isinstance(one, TypeFigures) and one.queues for one in page.items)
        assert len(page.items) == len(part)


async def _listing(store: QueueStore) -> None:
    """List the types as a scrape does."""
    cursor, count = None, 0
    while True:
        page = await store.page(None, KnownTypes(), cursor=cursor, limit=STEP)
        cursor, count = page.cursor, count + len(page.items)
        if cursor is None:
            break
    assert count >= TYPES


async def _spent(client: "Redis", act: Callable[[], Awaitable[None]]) -> tuple[float, float, float]:
    """Return the ms that Redis spent: in its commands, in its main thread, in the longest."""
    client.slowlog_reset()
    commands, thread = _commands(client), _thread(client)
    await act()
    thread, commands = _thread(client) - thread, _commands(client) - commands
    longest = max(entry["duration"] for entry in client.slowlog_get(10_000))
    return commands, thread, longest / 1000


def _commands(client: "Redis") -> float:
    stats = client.info("commandstats")
    return float(sum(one["usec"] for name, one in stats.items() if name not in NOT_COUNTED)) / 1000


def _thread(client: "Redis") -> float:
    cpu = client.info("cpu")
    user = cpu.get("used_cpu_user_main_thread", cpu["used_cpu_user"])
    return 1000 * float(user + cpu.get("used_cpu_sys_main_thread", cpu["used_cpu_sys"]))


def show(*cells: object) -> None:
    sys.stdout.write("".join(f"{cell:>18}" for cell in cells) + "\n")
    sys.stdout.flush()


async def main(cases: Sequence[str], sizes: Sequence[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        show("types", "queues", "commands ms", "thread ms", "longest ms", "listing ms")
        for case in cases:
            for queues in sizes:
                times = await scrape_times(server, case, queues)
                figures = (times.commands, times.thread, times.longest, times.listing)
                show(case, queues, *(f"{ms:.2f}" for ms in figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--queues", action="append", type=int)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.case or [*CASES], chosen.queues or [10, 1000]))
