"""Each key of a queue is damaged in turn, under every verb: nothing is half done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from redis import Redis

from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    SetInterval,
    Settled,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import (
    dequeue_for_one,
    finish_all,
    release_all,
    tend_type,
)
from support.one_queue import clear_queue
from support.redis_damage import QUEUE, RECORD, TYPE, Damage, Scene, Stage, every_damage

pytestmark = pytest.mark.anyio

EXPIRED, STANDING = 1000, 10**9
KINDS = [RECORD, "one", "jobs", "rest", "leases", "left", "dead", "deaths"]


@dataclass(frozen=True, slots=True)
class LeasedScene(Scene):
    """A queue with jobs in every state, of which `leases` are known, and a queue beside it."""

    leases: list[Delivery]


def job(queue_id: str, job_id: str, requeue_limit: int = -1) -> NewJob:
    return NewJob(queue_id, job_id, b"{}", 0, requeue_limit)


async def crowded(store: QueueStore, clock: ManualClock, keys: Redis) -> LeasedScene:
    """Leave jobs that wait, leases that stand, one that has expired, and a dead letter."""
    await store.enqueue(TYPE, [job(QUEUE, "dies", 0)])
    await dequeue_for_one(store, TYPE, count=1, lease_time=1)
    clock.advance(1)
    await tend_type(store, TYPE, limit=1)
    await store.enqueue(TYPE, [job(QUEUE, f"job-{n}", 0) for n in range(6)])
    leases = [*(await dequeue_for_one(store, TYPE, count=1, lease_time=EXPIRED)).jobs]
    leases += (await dequeue_for_one(store, TYPE, count=2, lease_time=STANDING)).jobs
    clock.advance(EXPIRED)
    return LeasedScene(store, clock, keys, leases)


async def lone_lease(store: QueueStore, clock: ManualClock, keys: Redis) -> LeasedScene:
    """Leave one job, whose lease has expired."""
    await store.enqueue(TYPE, [job(QUEUE, "job-0")])
    leases = [*(await dequeue_for_one(store, TYPE, count=1, lease_time=EXPIRED)).jobs]
    clock.advance(EXPIRED)
    return LeasedScene(store, clock, keys, leases)


async def lone_job(store: QueueStore, clock: ManualClock, keys: Redis) -> LeasedScene:
    """Leave one job, which waits."""
    await store.enqueue(TYPE, [job(QUEUE, "job-0")])
    return LeasedScene(store, clock, keys, [])


async def emptied(store: QueueStore, clock: ManualClock, keys: Redis) -> LeasedScene:
    """Leave a queue that has ceased to exist, its rate not paid off, in a type that exists."""
    await store.enqueue(TYPE, [NewJob(QUEUE, "job-0", b"{}", 10**6), job("other", "job")])
    leased = next(
        job
        for job in (await dequeue_for_one(store, TYPE, count=2, lease_time=STANDING)).jobs
        if job.queue_id == QUEUE
    )
    await finish_all(store, TYPE, [ref(leased)], receipt_time=1)
    return LeasedScene(store, clock, keys, [])


def ref(leased: Delivery) -> LeaseRef:
    return LeaseRef(leased.queue_id, leased.job_id, leased.token)


async def settle(scene: LeasedScene, verb: str, leased: Delivery) -> Settled:
    if verb == "finish":
        [outcome] = await finish_all(scene.store, TYPE, [ref(leased)], receipt_time=1000)
    else:
        [outcome] = await release_all(scene.store, TYPE, [ref(leased)])
    return outcome


Verb = Callable[[LeasedScene], Awaitable[bool]]
"""Calls the store; returns whether the queue was said to be broken."""


async def enqueue_new(scene: LeasedScene) -> bool:
    [result] = await scene.store.enqueue(TYPE, [job(QUEUE, "new")])
    return result.outcome.value == "broken"


async def enqueue_again(scene: LeasedScene) -> bool:
    [result] = await scene.store.enqueue(TYPE, [job(QUEUE, "job-0")])
    return result.outcome.value == "broken"


async def dequeue(scene: LeasedScene) -> bool:
    served = await dequeue_for_one(scene.store, TYPE, count=1, lease_time=1000)
    return not served.jobs and not served.ended


async def reclaim(scene: LeasedScene) -> bool:
    reclaimed = await tend_type(scene.store, TYPE, limit=1)
    return reclaimed.requeued + reclaimed.dead == 0


def settling(verb: str, which: int) -> Verb:
    async def call(scene: LeasedScene) -> bool:
        if which >= len(scene.leases):
            return False
        return await settle(scene, verb, scene.leases[which]) is LeaseOutcome.BROKEN

    return call


async def set_interval(scene: LeasedScene) -> bool:
    [outcome] = await scene.store.configure(TYPE, [SetInterval(QUEUE, 5)])
    return outcome is ChangeOutcome.BROKEN


VERBS: dict[str, Verb] = {
    "enqueue": enqueue_new,
    "enqueue again": enqueue_again,
    "dequeue": dequeue,
    "reclaim": reclaim,
    "finish the expired": settling("finish", 0),
    "finish": settling("finish", 1),
    "release the expired": settling("release", 0),
    "release": settling("release", 1),
    "set_interval": set_interval,
}


Scenery = Callable[[QueueStore, ManualClock, Redis], Awaitable[LeasedScene]]
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize("scenery", [crowded, lone_lease, lone_job, emptied])
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
        await stage.store.enqueue(TYPE, [job("fine", "job")])
        served = (await dequeue_for_one(stage.store, TYPE, count=100, lease_time=1000)).jobs
        assert "fine" in {leased.queue_id for leased in served}, name


@pytest.mark.parametrize("clearing", ["clear", "purge"])
@every_damage
@every_kind
async def test_clearing_removes_a_damaged_queue(
    stage: Stage, damage: Damage, kind: str, clearing: str
) -> None:
    scene = await stage.set(crowded)
    damage(scene, kind)
    await clear_queue(stage.store, TYPE, QUEUE, purge=clearing == "purge")
    left = {str(key).split("/")[1] for key in stage.keys.keys(f"*/{TYPE}/{QUEUE}")}
    assert left <= ({"left"} if clearing == "purge" else {"left", "dead", "deaths"})
    [result] = await stage.store.enqueue(TYPE, [job(QUEUE, "again")])
    assert result.outcome.value == "queued"
    served = (await dequeue_for_one(stage.store, TYPE, count=10, lease_time=1000)).jobs
    assert [leased.job_id for leased in served] == ["again"]
