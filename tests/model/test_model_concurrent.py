"""Many workers on one Redis at once, by Redis's own clock: what they saw must be explicable."""

import asyncio
import random
import time

import pytest
from model.running import SEED

from sharq_plug import plugins
from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all, release_all
from sharq_plug.testing.model_check import Recorder, RecordingStore, check

pytestmark = pytest.mark.anyio

QUEUE_IDS = ["a", "b", "c", "d"]
JOBS = 300
WORKERS = 8
INTERVAL = 2
LEASE_TIME = 40
PATIENCE = 20.0
"""Seconds in which the jobs must be served; it takes about one."""


async def produce(store: QueueStore, chance: random.Random) -> None:
    for number in range(JOBS):
        job = NewJob(chance.choice(QUEUE_IDS), f"j{number}", str(number).encode(), INTERVAL)
        await store.enqueue("t", [job] * chance.choice([1, 1, 2]))


async def work(store: QueueStore, chance: random.Random, done: asyncio.Event) -> None:
    """Finish most jobs, hand some back, forget some; now and then give up on an answer."""
    while not done.is_set():
        call = asyncio.ensure_future(
            dequeue_for_one(store, "t", count=chance.choice([1, 3]), lease_time=LEASE_TIME)
        )
        if chance.random() < 0.05:
            await asyncio.sleep(0)
            call.cancel()
        [answer] = await asyncio.gather(call, return_exceptions=True)
        if isinstance(answer, BaseException):
            continue
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in answer.jobs]
        match chance.choices(["finish", "release", "forget"], [8, 1, 1])[0]:
            case "finish" if refs:
                await finish_all(store, "t", refs, receipt_time=60_000)
                await finish_all(store, "t", refs[:1], receipt_time=60_000)
            case "release" if refs:
                await release_all(store, "t", refs)
        await asyncio.sleep(0.001)


async def tend_until_empty(store: QueueStore, done: asyncio.Event) -> None:
    while (await store.page("t", limit=100)).names:
        await store.tend(limit=100)
        await asyncio.sleep(0.01)
    done.set()


async def test_what_many_workers_saw_breaks_no_rule(redis_url: str) -> None:
    recorder = Recorder(lambda: time.time_ns() // 1_000_000, time.monotonic_ns)
    done = asyncio.Event()
    async with RecordingStore(plugins.open_store("redis", {"url": redis_url}), recorder) as store:
        workers = [
            asyncio.create_task(work(store, random.Random(SEED + number), done))
            for number in range(WORKERS)
        ]
        async with asyncio.timeout(PATIENCE):
            await produce(store, random.Random(SEED))
            await tend_until_empty(store, done)
            await asyncio.gather(*workers)
        for queue_id in QUEUE_IDS:
            await store.look("t", queue_id)
    history = recorder.history(complete=False)
    assert sum(1 for _ in history.grants()) >= JOBS
    assert not check(history)
