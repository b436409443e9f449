"""Many workers on one Redis at once, by Redis's own clock: what they saw must be explicable."""

import asyncio
import random
import time

import pytest
from model.running import SEED

from sharq_plug import plugins
from sharq_plug.model import (
    Amendment,
    Cancel,
    Deduplicate,
    Extend,
    Extras,
    Fail,
    Finish,
    JobRef,
    LeaseRef,
    Limit,
    Names,
    NewJob,
    PatchQueue,
    PatchType,
    Release,
    RequeueDelay,
    Reschedule,
    Setting,
    SettingsPatch,
    Settlement,
    Take,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.model_check import Recorder, RecordingStore, check

pytestmark = pytest.mark.anyio

QUEUE_IDS = ["a", "b", "c", "d"]
JOBS = 300
WORKERS = 8
INTERVAL = 2
LEASE_TIME = 40
PATIENCE = 20.0
"""Seconds in which the jobs must be served; it takes about one."""
KEYS = [Deduplicate("k", 20), Deduplicate("k.2", 200)]
LIMITS = [None, (), (Limit(2, 3, burst=4),), (Limit(1, 2), Limit(2, 1, 8, "token"))]
"""Limits of queues, none of which holds a queue for long."""
ACTUALS = [None, None, {"token": 0}, {"token": 6}, {"job": 2}]
LASTING = [
    *([None] * 4),
    Extras(delay=20),
    Extras(priority=3, headers={"traceparent": "00-1-2-01"}),
    Extras(requeue_delay=RequeueDelay(5, 2, 20), delay=2),
    Extras(cost={"token": 5}, priority=1),
]
"""Extras of jobs that are served for sure."""
PASSING = [Extras(ttl=30), Extras(ttl=5, delay=10), *(Extras(deduplicate=key) for key in KEYS)]
"""Extras of jobs that may die first, or are duplicates."""


async def produce(store: QueueStore, chance: random.Random) -> None:
    """Enqueue jobs that last, some of them twice, and now and then one that need not be served."""
    for number in range(JOBS):
        queue_id, payload = chance.choice(QUEUE_IDS), str(number).encode()
        job = NewJob(queue_id, f"j{number}", payload, INTERVAL, extras=chance.choice(LASTING))
        await store.enqueue("t", [job] * chance.choice([1, 1, 2]))
        if chance.random() < 0.3:
            extras = chance.choice(PASSING)
            await store.enqueue("t", [NewJob(queue_id, f"p{number}", b"", INTERVAL, extras=extras)])
            await amend(store, queue_id, number, chance)


async def amend(store: QueueStore, queue_id: str, number: int, chance: random.Random) -> None:
    """Cancel a job that need not be served, or give another one another priority or time."""
    passing, lasting = JobRef(queue_id, f"p{number}"), JobRef(queue_id, f"j{number}")
    changes: list[Amendment] = [
        Cancel(passing, leased=True),
        Cancel(passing),
        Reschedule(lasting, priority=chance.choice([0, 5])),
        Reschedule(lasting, delay=chance.choice([0, 10])),
    ]
    await store.amend("t", [chance.choice(changes)])
    await store.find("t", [passing, lasting], payloads=True)


def drawn_take(chance: random.Random) -> Take:
    names = chance.choice([None, None, ("a", "b")])
    together = chance.random() < 0.2
    return Take(chance.choice([1, 3]), LEASE_TIME, None, names, together)


async def operate(store: QueueStore, chance: random.Random, queued: asyncio.Event) -> None:
    """Change settings of queues and of the type, until all jobs are queued; then lift all holds."""
    while not queued.is_set():
        patch = SettingsPatch(
            limits=chance.choice(LIMITS),
            concurrency=chance.choice([None, 2]),
            weight=chance.choice([None, 3]),
            paused=chance.choice([None, None, True]),
        )
        queue_id, freeze = chance.choice(QUEUE_IDS), chance.choice([None, 0, 10])
        gate = SettingsPatch(limits=chance.choice([None, (Limit(2, 1, 10),)]), concurrency=6)
        defaults = SettingsPatch(limits=chance.choice(LIMITS), weight=chance.choice([None, 2]))
        changes: list[Setting] = [PatchQueue(queue_id, patch, freeze), PatchType(gate, defaults)]
        await store.configure("t", changes[: chance.choice([1, 1, 2])])
        await store.look("t", queue_id)
        await store.look("t")
        await asyncio.sleep(chance.uniform(0, 0.02))
    lifted = SettingsPatch(limits=None, concurrency=None, paused=None)
    await store.configure("t", [PatchQueue(queue_id, lifted, 0) for queue_id in QUEUE_IDS])


async def work(store: QueueStore, chance: random.Random, done: asyncio.Event) -> None:
    """Finish most jobs, hand some back, forget some; now and then give up on an answer."""
    while not done.is_set():
        call = asyncio.ensure_future(store.dequeue("t", [drawn_take(chance)]))
        if chance.random() < 0.05:
            await asyncio.sleep(0)
            call.cancel()
        [answers] = await asyncio.gather(call, return_exceptions=True)
        if isinstance(answers, BaseException):
            continue
        [answer] = answers
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in answer.jobs]
        if refs:
            await settle(store, refs, chance)
        await asyncio.sleep(0.001)


async def settle(store: QueueStore, refs: list[LeaseRef], chance: random.Random) -> None:
    """Say something of leases, or nothing at all."""
    settled: list[Settlement] = []
    match chance.choices(["finish", "release", "fail", "extend", "forget"], [8, 1, 1, 1, 1])[0]:
        case "finish":
            settled = [Finish(ref, 60_000, chance.choice(ACTUALS)) for ref in refs]
            await store.settle("t", settled[:1])
        case "release":
            settled = [Release(ref, chance.choice([0, 10]), chance.choice([0, 5])) for ref in refs]
        case "fail":
            delay = chance.choice([None, 0, 10])
            settled = [Fail(ref, "it broke", delay, freeze=chance.choice([0, 5])) for ref in refs]
        case "extend":
            settled = [Extend(ref, chance.choice([5, 2 * LEASE_TIME])) for ref in refs]
    if settled:
        await store.settle("t", settled)


async def tend_until_empty(store: QueueStore, done: asyncio.Event) -> None:
    while (await store.page("t", Names(), limit=100)).items:
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
            queued = asyncio.Event()
            operator = asyncio.create_task(operate(store, random.Random(SEED), queued))
            await produce(store, random.Random(SEED))
            queued.set()
            await operator
            await tend_until_empty(store, done)
            await asyncio.gather(*workers)
        for queue_id in QUEUE_IDS:
            await store.look("t", queue_id)
    history = recorder.history(complete=False)
    assert sum(1 for _ in history.grants()) >= JOBS
    assert not check(history)
