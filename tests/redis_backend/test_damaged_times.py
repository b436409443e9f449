"""The keys of what few jobs bring are damaged in turn, under every verb: nothing is half done."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from sharq_plug.errors import BrokenQueue
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    ChangeOutcome,
    Deduplicate,
    Delivery,
    EnqueueOutcome,
    Extend,
    Extras,
    Fail,
    Finish,
    JobRef,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Release,
    RequeueDelay,
    Reschedule,
    SetInterval,
    Settlement,
    Take,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from support.one_queue import clear_queue, look_at_queue
from support.redis_damage import (
    KEY,
    QUEUE,
    RECORD,
    TYPE,
    Damage,
    Scene,
    Stage,
    every_damage,
    wrong_type,
)
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

EXPIRED, STANDING, LATE = 1000, 10**7, 10**8
KINDS = [RECORD, "one", "jobs", "rest", "leases", "delayed", "ending", "key", "dead", "deaths"]
ENQUEUED = ("leased", "held", "ended", "job-0", "job-1", "due", "later", "keyed")


def job(job_id: str, requeue_limit: int = 3, queue_id: str = QUEUE, **extras: Any) -> NewJob:
    found = Extras(**extras) if extras else None
    return NewJob(queue_id, job_id, b"{}", 0, requeue_limit, extras=found)


@dataclass(frozen=True, slots=True)
class CrowdedScene(Scene):
    """A queue whose jobs are in every state."""

    leases: dict[str, Delivery]
    jobs: frozenset[str]


async def crowded(store: QueueStore, clock: ManualClock, keys: Redis) -> CrowdedScene:
    """Leave jobs in every state, most of them with a ttl or a key."""
    requeue_delay = RequeueDelay(50)
    first = [
        job("leased", ttl=LATE, deduplicate=Deduplicate(KEY, LATE), requeue_delay=requeue_delay),
        job("held", ttl=LATE, requeue_delay=requeue_delay),
    ]
    await store.enqueue(TYPE, first)
    taken = (await dequeue_for_one(store, TYPE, count=1, lease_time=EXPIRED)).jobs
    taken += (await dequeue_for_one(store, TYPE, count=1, lease_time=STANDING)).jobs
    rest = [
        job("ended", priority=1, ttl=EXPIRED),
        job("job-0", ttl=LATE),
        job("job-1"),
        job("due", delay=EXPIRED, ttl=LATE),
        job("later", delay=LATE, ttl=LATE),
        job("keyed", deduplicate=Deduplicate("other", LATE)),
    ]
    await store.enqueue(TYPE, rest)
    clock.advance(EXPIRED)
    return CrowdedScene(store, clock, keys, {job.job_id: job for job in taken}, frozenset(ENQUEUED))


async def lone_lease(store: QueueStore, clock: ManualClock, keys: Redis) -> CrowdedScene:
    """Leave one job, whose lease has expired."""
    await store.enqueue(TYPE, [job("leased", ttl=LATE, deduplicate=Deduplicate(KEY, LATE))])
    taken = (await dequeue_for_one(store, TYPE, count=1, lease_time=EXPIRED)).jobs
    clock.advance(EXPIRED)
    return CrowdedScene(store, clock, keys, {"leased": taken[0]}, frozenset({"leased"}))


async def lone_delayed(store: QueueStore, clock: ManualClock, keys: Redis) -> CrowdedScene:
    """Leave one job, which has become due."""
    extras: dict[str, Any] = {"delay": EXPIRED, "ttl": LATE, "deduplicate": Deduplicate(KEY, LATE)}
    await store.enqueue(TYPE, [job("due", **extras)])
    clock.advance(EXPIRED)
    return CrowdedScene(store, clock, keys, {}, frozenset({"due"}))


async def none(store: QueueStore, clock: ManualClock, keys: Redis) -> CrowdedScene:
    """Leave no job at all."""
    return CrowdedScene(store, clock, keys, {}, frozenset())


Scenery = Callable[[QueueStore, ManualClock, Redis], Awaitable[CrowdedScene]]


Verb = Callable[[CrowdedScene], Awaitable[bool]]
"""Calls the store; returns whether the queue was said to be broken."""


def enqueueing(job_id: str, **extras: Any) -> Verb:
    async def call(scene: CrowdedScene) -> bool:
        fine = job("j", queue_id="fine")
        results = await scene.store.enqueue(TYPE, [job(job_id, **extras), fine])
        assert results[1].outcome is EnqueueOutcome.QUEUED
        return results[0].outcome is EnqueueOutcome.BROKEN

    return call


def settling(item: Callable[[LeaseRef], Settlement], job_id: str) -> Verb:
    async def call(scene: CrowdedScene) -> bool:
        leased = scene.leases.get(job_id)
        lease = LeaseRef(QUEUE, job_id, None if leased is None else leased.token)
        [outcome] = await scene.store.settle(TYPE, [item(lease)])
        return outcome is LeaseOutcome.BROKEN

    return call


def amending(change: Amendment) -> Verb:
    async def call(scene: CrowdedScene) -> bool:
        [outcome] = await scene.store.amend(TYPE, [change])
        return outcome is AmendOutcome.BROKEN

    return call


async def find(scene: CrowdedScene) -> bool:
    refs = [JobRef(QUEUE, job_id) for job_id in ENQUEUED]
    before = scene.snapshot()
    found = await scene.store.find(TYPE, refs, payloads=True)
    assert scene.snapshot() == before
    return Absence.BROKEN in found


async def look(scene: CrowdedScene) -> bool:
    try:
        await scene.store.look(TYPE, QUEUE)
    except BrokenQueue:
        return True
    return False


async def set_interval(scene: CrowdedScene) -> bool:
    [outcome] = await scene.store.configure(TYPE, [SetInterval(QUEUE, 5)])
    return outcome is ChangeOutcome.BROKEN


SETTLEMENTS: dict[str, Callable[[LeaseRef], Settlement]] = {
    "finish": lambda lease: Finish(lease, 1000),
    "release": Release,
    "release with a delay": lambda lease: Release(lease, 70),
    "fail": lambda lease: Fail(lease, "e"),
    "fail with a delay": lambda lease: Fail(lease, delay=70),
    "fail with dead": lambda lease: Fail(lease, "e", dead=True),
    "extend": lambda lease: Extend(lease, 5000),
}
VERBS: dict[str, Verb] = {
    "enqueue": enqueueing("new"),
    "enqueue a delayed one": enqueueing("new", delay=500),
    "enqueue one with a ttl": enqueueing("new", ttl=500, priority=2),
    "enqueue with the key": enqueueing("new", deduplicate=Deduplicate(KEY, 1000)),
    "enqueue with another key": enqueueing("new", deduplicate=Deduplicate("new", 1000)),
    "enqueue again": enqueueing("later", delay=5),
    "set_interval": set_interval,
    "find": find,
    "look": look,
    **{
        f"{name} {job_id}": settling(item, job_id)
        for name, item in SETTLEMENTS.items()
        for job_id in ("leased", "held")
    },
    **{
        f"cancel {job_id}": amending(Cancel(JobRef(QUEUE, job_id), leased=True))
        for job_id in ENQUEUED
    },
    **{
        f"reschedule {job_id} {change}": amending(Reschedule(JobRef(QUEUE, job_id), **change))
        for job_id in ENQUEUED
        for change in ({"priority": 3}, {"delay": 90}, {"delay": 0})
    },
}


def dequeueing(**how: Any) -> Verb:
    async def call(scene: CrowdedScene) -> bool:
        await scene.store.dequeue(TYPE, [Take(1, STANDING, **how)])
        return True

    return call


async def tend(scene: CrowdedScene) -> bool:
    await tend_all(scene.store)
    return True


STEPS: dict[str, Verb] = {
    "dequeue": dequeueing(),
    "dequeue it": dequeueing(queues=("no", QUEUE)),
    "dequeue together": dequeueing(together=True),
    "tend": tend,
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_scenery = pytest.mark.parametrize("scenery", [crowded, lone_lease, lone_delayed, none])


@contextmanager
def damaged_for_a_while(scene: CrowdedScene, kind: str) -> Iterator[None]:
    """Let a key be of a wrong type, and put back what was there."""
    key = scene.key(kind)
    before = scene.keys.dump(key)
    wrong_type(scene, kind)
    yield
    scene.keys.delete(key)
    if before is not None:
        scene.keys.restore(key, 0, before)


@every_scenery
@every_damage
@every_kind
async def test_a_verb_that_finds_damage_has_changed_nothing(
    stage: Stage, scenery: Scenery, damage: Damage, kind: str
) -> None:
    for name, verb in VERBS.items():
        scene = await stage.set(scenery)
        damage(scene, kind)
        before = scene.snapshot()
        if await verb(scene):
            assert scene.snapshot() == before, name


@every_scenery
@every_damage
@every_kind
async def test_other_queues_are_served_whatever_was_done_to_a_damaged_one(
    stage: Stage, scenery: Scenery, damage: Damage, kind: str
) -> None:
    for name, verb in (VERBS | STEPS).items():
        scene = await stage.set(scenery)
        damage(scene, kind)
        await verb(scene)
        await stage.store.enqueue(TYPE, [job("served", queue_id="fine", delay=1, ttl=50)])
        stage.clock.advance(1)
        served = (await dequeue_for_one(stage.store, TYPE, count=100, lease_time=1000)).jobs
        assert "served" in {leased.job_id for leased in served}, name


@every_scenery
@every_kind
async def test_no_job_is_lost_by_what_is_done_while_a_key_is_damaged(
    stage: Stage, scenery: Scenery, kind: str
) -> None:
    for name, verb in (VERBS | STEPS).items():
        scene = await stage.set(scenery)
        with damaged_for_a_while(scene, kind):
            was_broken = await verb(scene)
        if was_broken:
            assert await live_or_dead(scene) == {*scene.jobs}, name


async def live_or_dead(scene: CrowdedScene) -> set[str]:
    """Return all jobs of the queue: those that can be delivered, once each, and the dead ones."""
    delivered: list[str] = []
    for _ in range(4):  # a damaged queue is passed over for a minute
        scene.clock.advance(STANDING)
        await tend_all(scene.store)
        served = (await dequeue_for_one(scene.store, TYPE, count=100, lease_time=LATE)).jobs
        delivered += [leased.job_id for leased in served if leased.queue_id == QUEUE]
    assert len(delivered) == len(set(delivered))
    found = await scene.store.find(TYPE, [JobRef(QUEUE, job_id) for job_id in ENQUEUED])
    view = await look_at_queue(scene.store, TYPE, QUEUE)
    assert view.leased + view.delayed + view.waiting == sum(
        not isinstance(state, Absence) and state.state.value != "dead" for state in found
    )
    return {
        job_id
        for job_id, state in zip(ENQUEUED, found, strict=True)
        if not isinstance(state, Absence)
    }


@every_damage
@every_kind
async def test_clearing_removes_a_damaged_queue(stage: Stage, damage: Damage, kind: str) -> None:
    scene = await stage.set(crowded)
    damage(scene, kind)
    await clear_queue(stage.store, TYPE, QUEUE, purge=True)
    left = {str(key).split("/")[1] for key in stage.keys.keys(f"*/{TYPE}/{QUEUE}")}
    assert left <= {"left"}
    assert stage.keys.zscore(f"{tag(TYPE)}/timers/{TYPE}", QUEUE) is None
    await stage.store.enqueue(TYPE, [job("again", delay=5, ttl=50)])
    stage.clock.advance(5)
    served = (await dequeue_for_one(stage.store, TYPE, count=10, lease_time=1000)).jobs
    assert [leased.job_id for leased in served] == ["again"]
