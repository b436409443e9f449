"""Servers of two versions share a Redis: each keeps what it does not know of a record."""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import msgspec
import pytest
from redis import Redis

from sharq_plug.model import (
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Delivery,
    Discard,
    EnqueueOutcome,
    JobRef,
    LeaseOutcome,
    LeaseRef,
    LetterRange,
    LetterRef,
    Limit,
    NewJob,
    Redrive,
    SetInterval,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, finish_all, release_all, tend_type
from sharq_plug.testing.conformance.setting import rules, set_defaults
from support.one_queue import clear_queue
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

TYPE, QUEUE = "sms", "q"
RECORDS = f"{tag(TYPE)}/queues/{TYPE}"
JOBS, ONE, LEFT, DEAD = (
    f"{tag(TYPE)}/{kind}/{TYPE}/{QUEUE}" for kind in ("jobs", "one", "left", "dead")
)
TAIL = msgspec.msgpack.encode({"of": "a later version"})
FIELD = TAIL[1:]
"""What a tail has of it, whatever stands beside it."""
VERSION_1, TAILED = 0x10, 0x02
"""In the first byte of a record."""
TAILED_JOB = 2 << 5
"""In the first byte of a job: a tail stands before its payload."""
HEAD_AT = 26
"""Where a record has the length of its head's id, and then that."""
JOB_HEADER = 6 + 2
"""When it was enqueued, requeues and attempts, both below 128."""
INTERVAL = 1000


@dataclass(frozen=True, slots=True)
class Scene:
    """A queue whose record, jobs and leases have tails, and what is known of its leases."""

    store: QueueStore
    clock: ManualClock
    keys: Redis
    leases: list[Delivery]

    def refs(self) -> list[LeaseRef]:
        """Return claims to all leases."""
        return [LeaseRef(QUEUE, leased.job_id, leased.token) for leased in self.leases]


def read(found: object) -> bytes:
    """Return what was found, b"" if nothing was."""
    return found if isinstance(found, bytes) else b""


def fields_of(keys: Redis) -> dict[bytes, bytes]:
    """Return the hash of the queue's jobs and leases."""
    return cast(dict[bytes, bytes], keys.hgetall(JOBS))


def record_with_tail(raw: bytes) -> bytes:
    """Return a record as a server writes it that keeps something more of its queue."""
    assert raw[0] & 0xF0 == VERSION_1
    others_at = HEAD_AT + 1 + raw[HEAD_AT]
    tail_at = others_at + 1 + raw[others_at]
    tail = struct.pack(">H", len(TAIL)) + TAIL
    return bytes([raw[0] | TAILED]) + raw[1:tail_at] + tail + raw[tail_at:]


def job_with_tail(raw: bytes) -> bytes:
    """Return a job as a server writes it that keeps something more of it."""
    kind = raw[0] & 0x1F | TAILED_JOB
    return bytes([kind]) + raw[1:JOB_HEADER] + TAIL + raw[JOB_HEADER:]


def give_tails(keys: Redis) -> None:
    """Give everything that is kept of the queue a tail."""
    record = read(keys.hget(RECORDS, QUEUE))
    tailed = record_with_tail(record)
    if has_only_lease(keys):
        tailed += TAIL
    keys.hset(RECORDS, QUEUE, tailed)
    alone = read(keys.get(ONE))
    if alone:
        keys.set(ONE, job_with_tail(alone))
    for field, raw in fields_of(keys).items():
        keys.hset(JOBS, field, raw + TAIL if field.startswith(b"=") else job_with_tail(raw))


def has_only_lease(keys: Redis) -> bool:
    """Return whether the record of the queue ends with its only lease."""
    return not any(field.startswith(b"=") for field in fields_of(keys))


async def crowded(store: QueueStore, clock: ManualClock, keys: Redis) -> Scene:
    """Leave four jobs, of which two are leased."""
    jobs = [NewJob(QUEUE, f"job-{n}", b"{}", 0, 1) for n in range(4)]
    return await tailed(store, clock, keys, jobs, leased=2)


async def half_leased(store: QueueStore, clock: ManualClock, keys: Redis) -> Scene:
    """Leave two jobs, of which one is leased."""
    jobs = [NewJob(QUEUE, f"job-{n}", b"{}", 0, 1) for n in range(2)]
    return await tailed(store, clock, keys, jobs, leased=1)


async def alone(store: QueueStore, clock: ManualClock, keys: Redis) -> Scene:
    """Leave one job, which is leased."""
    return await tailed(store, clock, keys, [NewJob(QUEUE, "job-0", b"{}", 0, 1)], leased=1)


async def tailed(
    store: QueueStore, clock: ManualClock, keys: Redis, jobs: list[NewJob], *, leased: int
) -> Scene:
    await store.enqueue(TYPE, jobs)
    leases = (await dequeue_for_one(store, TYPE, count=leased, lease_time=1000)).jobs
    assert len(leases) == leased
    give_tails(keys)
    return Scene(store, clock, keys, [*leases])


async def enqueue(scene: Scene) -> None:
    [result] = await scene.store.enqueue(TYPE, [NewJob(QUEUE, "new", b"{}", 0)])
    assert result.outcome is EnqueueOutcome.QUEUED


async def enqueue_again(scene: Scene) -> None:
    [result] = await scene.store.enqueue(TYPE, [NewJob(QUEUE, "job-0", b"{}", INTERVAL)])
    assert result.outcome is EnqueueOutcome.DUPLICATE


async def dequeue(scene: Scene) -> None:
    for leased in (await dequeue_for_one(scene.store, TYPE, count=1, lease_time=5)).jobs:
        assert leased.payload == b"{}"


async def repeat(scene: Scene) -> None:
    for _ in range(2):
        take = await dequeue_for_one(scene.store, TYPE, count=1, lease_time=5, attempt_id="a")
        assert {leased.payload for leased in take.jobs} <= {b"{}"}


async def finish(scene: Scene) -> None:
    for ref in scene.refs():
        outcomes = await finish_all(scene.store, TYPE, [ref], receipt_time=1)
        assert outcomes == [LeaseOutcome.ENDED]


async def finish_one(scene: Scene) -> None:
    outcomes = await finish_all(scene.store, TYPE, scene.refs()[:1], receipt_time=1)
    assert outcomes == [LeaseOutcome.ENDED]


async def release(scene: Scene) -> None:
    outcomes = await release_all(scene.store, TYPE, scene.refs())
    assert set(outcomes) == {LeaseOutcome.ENDED}


async def reclaim(scene: Scene) -> None:
    scene.clock.advance(1000)
    assert (await tend_type(scene.store, TYPE, limit=10)).requeued == len(scene.leases)


async def set_interval(scene: Scene) -> None:
    outcomes = await scene.store.configure(TYPE, [SetInterval(QUEUE, INTERVAL)])
    assert outcomes == [ChangeOutcome.CHANGED]


async def step_back(scene: Scene) -> None:
    await set_interval(scene)
    scene.clock.step_back(10)
    while (await scene.store.tend(limit=10)).more:
        pass


VERBS = [
    *(enqueue, enqueue_again, dequeue, repeat, finish, finish_one, release, reclaim),
    *(set_interval, step_back),
]


@pytest.mark.parametrize("scenery", [crowded, half_leased, alone])
@pytest.mark.parametrize("verb", VERBS)
async def test_a_tail_that_is_not_known_is_kept_by_every_verb(
    verb: Callable[[Scene], Awaitable[None]],
    scenery: Callable[[QueueStore, ManualClock, Redis], Awaitable[Scene]],
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
) -> None:
    scene = await scenery(store, clock, keys)
    tailed_jobs = {name for name, raw in all_jobs(keys).items() if FIELD in raw}
    tailed_leases = {field for field in fields_of(keys) if field.startswith(b"=")}
    await verb(scene)
    record = read(keys.hget(RECORDS, QUEUE)) or read(keys.get(LEFT))
    if record:
        assert record[0] & TAILED
        assert struct.pack(">H", len(TAIL)) + TAIL in record
        if record.endswith(b"job-0" + TAIL):
            assert scene.leases[0].token.encode() in record
    for name, raw in all_jobs(keys).items():
        assert (FIELD in raw) == (name in tailed_jobs)
    for field, lease in fields_of(keys).items():
        assert field not in tailed_leases or lease.endswith(TAIL)


def all_jobs(keys: Redis) -> dict[bytes, bytes]:
    """Return the stored jobs of the queue."""
    jobs = {name: raw for name, raw in fields_of(keys).items() if not name.startswith(b"=")}
    alone = read(keys.get(ONE))
    return jobs | {b"job-0": alone} if alone else jobs


async def test_a_queue_that_ceases_to_exist_and_comes_back_keeps_its_tail(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    scene = await crowded(store, clock, keys)
    await set_interval(scene)
    await clear_queue(store, TYPE, QUEUE, purge=False)
    assert TAIL in read(keys.get(LEFT))
    await store.enqueue(TYPE, [NewJob(QUEUE, "new", b"{}", INTERVAL)])
    assert TAIL in read(keys.hget(RECORDS, QUEUE))
    assert TAIL not in read(keys.get(ONE))


@pytest.mark.parametrize("scenery", [crowded, half_leased, alone])
async def test_a_queue_that_takes_up_defaults_keeps_what_is_not_known_of_it(
    scenery: Callable[[QueueStore, ManualClock, Redis], Awaitable[Scene]],
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
) -> None:
    scene = await scenery(store, clock, keys)
    limits = (Limit(3, 1000, 2),)
    await set_defaults(store, limits=limits, weight=2)
    await release(scene)
    assert FIELD in read(keys.hget(RECORDS, QUEUE))
    assert (await rules(store, QUEUE)).in_effect.limits == limits
    await set_defaults(store, limits=None, weight=None)
    await enqueue(scene)
    assert struct.pack(">H", len(TAIL)) + TAIL in read(keys.hget(RECORDS, QUEUE))


async def test_the_tail_of_a_lease_moves_with_it_when_a_second_one_comes(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    scene = await half_leased(store, clock, keys)
    assert read(keys.hget(RECORDS, QUEUE)).endswith(TAIL)
    assert (await dequeue_for_one(store, TYPE, count=1, lease_time=1000)).jobs
    assert read(keys.hget(JOBS, "=job-0")).endswith(TAIL)
    await finish(scene)


async def test_a_dead_letter_has_the_tail_of_its_job(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob(QUEUE, "job-0", b"{}", 0, 0)])
    assert (await dequeue_for_one(store, TYPE, count=1, lease_time=1000)).jobs
    give_tails(keys)
    clock.advance(1000)
    assert (await tend_type(store, TYPE, limit=10)).dead == 1
    assert read(keys.hget(DEAD, "#1")).endswith(TAIL + b"{}")


async def test_a_redriven_job_has_the_tail_that_it_died_with(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob(QUEUE, "job-0", b"{}", 0, 0)])
    assert (await dequeue_for_one(store, TYPE, count=1, lease_time=1000)).jobs
    give_tails(keys)
    clock.advance(1000)
    await tend_type(store, TYPE, limit=10)
    assert await store.amend(TYPE, [Redrive(LetterRef(1))]) == [AmendOutcome.DONE]
    assert FIELD in read(keys.get(ONE))


@pytest.mark.parametrize("version", [1, 3])
async def test_a_letter_of_a_version_that_is_not_known_is_left_alone(
    version: int, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob(QUEUE, "job-0", b"{}", 0, 0)])
    assert (await dequeue_for_one(store, TYPE, count=1, lease_time=1000)).jobs
    clock.advance(1000)
    await tend_type(store, TYPE, limit=10)
    letter = read(keys.hget(DEAD, "#1"))
    other = letter[:1] + bytes([version]) + letter[2:]
    keys.hset(DEAD, "#1", other)
    changes: list[Amendment] = [Redrive(LetterRef(1)), Discard(JobRef(QUEUE, "job-0"))]
    assert set(await store.amend(TYPE, changes)) == {AmendOutcome.BROKEN}
    assert (await store.discard(TYPE, LetterRange(), limit=10)).broken == 1
    assert keys.hget(DEAD, "#1") == other


@pytest.mark.parametrize("version", [0, 2, 15])
async def test_a_record_of_a_version_that_is_not_known_is_left_alone(
    version: int, store: QueueStore, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob(QUEUE, "job-0", b"{}", 0)])
    record = read(keys.hget(RECORDS, QUEUE))
    later = bytes([version << 4 | record[0] & 0x0F]) + record[1:]
    keys.hset(RECORDS, QUEUE, later)
    [result] = await store.enqueue(TYPE, [NewJob(QUEUE, "job-1", b"{}", 0)])
    assert result.outcome is EnqueueOutcome.BROKEN
    assert keys.hget(RECORDS, QUEUE) == later
