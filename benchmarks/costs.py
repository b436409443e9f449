"""What a job costs, in time and memory, as the number of queues grows: one table a store.

Starts the Redis-protocol server of the tests. For each number of ready queues it prints the
microseconds that a job takes: inside Redis, by Redis's own account (INFO commandstats), and in the
memory store by the clock. Then the bytes that a waiting job takes in Redis.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from redis import Redis

from sharq_plug.model import LeasedJob, LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from support.redis_server import RedisServer

Meter: TypeAlias = Callable[[], float]
"""Tells how many microseconds were spent so far."""

TYPE = "sms"
PAYLOAD = b'{"to":"+441632960001","text":"' + b"x" * 68 + b'"}'
STEP = 1000
LEASE = 600_000
SINGLES = 1000
BATCHES, BATCH = 20, 100


def jobs(queues: int, each: int) -> Iterator[list[NewJob]]:
    """Yield `each` jobs for so many queues, in batches, the queues in turn."""
    batch = []
    for number in range(queues * each):
        job_id = str(uuid.UUID(int=number))
        batch.append(NewJob(f"customer-{number % queues:07}", job_id, PAYLOAD, 0))
        if len(batch) == STEP:
            yield batch
            batch = []
    if batch:
        yield batch


async def enqueue_all(store: QueueStore, queues: int, each: int) -> None:
    for batch in jobs(queues, each):
        await store.enqueue(TYPE, batch)


async def dequeue(store: QueueStore, times: int, count: int) -> list[LeasedJob]:
    taken: list[LeasedJob] = []
    for _ in range(times):
        taken += (await store.dequeue(TYPE, count=count, lease=LEASE)).jobs
    return taken


async def costs(store: QueueStore, queues: int, spent: Meter) -> list[float]:
    """Return microseconds a job: enqueue in batches, dequeue one by one and in batches, finish."""
    each = max(2, 2 * (SINGLES + BATCHES * BATCH) // queues)
    figures = []
    begin = spent()
    await enqueue_all(store, queues, each)
    figures.append((spent() - begin) / (queues * each))
    taken: list[LeasedJob] = []
    for times, count in ((SINGLES, 1), (BATCHES, BATCH)):
        begin = spent()
        got = await dequeue(store, times, count)
        figures.append((spent() - begin) / len(got))
        taken += got
    leases = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
    begin = spent()
    for at in range(0, len(leases), BATCH):
        await store.finish(TYPE, leases[at : at + BATCH], receipt_time=60_000)
    figures.append((spent() - begin) / len(leases))
    return figures


def clock() -> float:
    return time.perf_counter() * 1e6


def inside(client: Redis) -> Meter:
    """Return a meter of the time that scripts took inside Redis."""

    def spent() -> float:
        stats = client.info("commandstats")
        scripts = ("cmdstat_evalsha", "cmdstat_eval")
        return float(sum(stats.get(script, {}).get("usec", 0) for script in scripts))

    return spent


async def bytes_a_job(client: Redis, url: str, queues: int) -> float:
    waiting = 100_000
    client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
    async with open_store("redis", {"url": url}) as store:
        await store.ping()
        before = client.info("memory")["used_memory"]
        await enqueue_all(store, queues, waiting // queues)
        await store.counts()
        after = client.info("memory")["used_memory"]
        return float(after - before) / waiting


def show(*cells: object) -> None:
    sys.stdout.write("".join(f"{cell:>16}" for cell in cells) + "\n")
    sys.stdout.flush()


async def main(sizes: list[int]) -> None:
    header = ("ready queues", "enqueue", "dequeue 1", f"dequeue {BATCH}", f"finish {BATCH}")
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        client = server.client()
        about = client.info("server")
        version = about.get("valkey_version") or about["redis_version"]
        name = "Valkey" if "valkey_version" in about else "Redis"
        show(f"{name} {version}", "us a job,", "inside it")
        show(*header)
        for queues in sizes:
            client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
            async with open_store("redis", {"url": server.url}) as store:
                show(queues, *(f"{us:.1f}" for us in await costs(store, queues, inside(client))))
        show("memory store", "us a job")
        show(*header)
        for queues in sizes:
            async with open_store("memory") as store:
                show(queues, *(f"{us:.1f}" for us in await costs(store, queues, clock)))
        show(f"{name} {version}", "bytes a", "waiting job")
        for queues in (1000, 100_000):
            show(queues, f"{await bytes_a_job(client, server.url, queues):.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 10_000, 1_000_000])
    asyncio.run(main(parser.parse_args().sizes))
