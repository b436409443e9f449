"""The keys of letters and totals are damaged in turn, under every verb: nothing is half done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from redis import Redis

from sharq_plug.errors import BrokenQueue, StoreUnavailable
from sharq_plug.model import (
    ALL_STATES,
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    Clear,
    Delivery,
    Discard,
    Extras,
    Fail,
    Finish,
    JobRef,
    JobState,
    LeaseOutcome,
    LeaseRef,
    LetterRange,
    LetterRef,
    NewJob,
    Redrive,
    Retention,
    Take,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import clear_all, dequeue_for_one, list_all, outcome_of, tend_all
from support.one_queue import look_at_queue
from support.redis_damage import (
    OF_THE_TYPE,
    QUEUE,
    RECORD,
    TYPE,
    Damage,
    Scene,
    Stage,
    every_damage,
    wrong_type,
)
from support.redis_keys import contents, tag

pytestmark = pytest.mark.anyio

STANDING, SOON = 10**7, 1000
HOUR = 3600 * 1000
KINDS = [RECORD, "one", "jobs", "rest", "leases", "dead", "deaths", "left", *OF_THE_TYPE]


@dataclass(frozen=True, slots=True)
class LetteredScene(Scene):
    """A queue with dead letters, and one beside it; `leases` are those of the queue, by job id."""

    leases: dict[str, Delivery]


def job(job_id: str, queue_id: str = QUEUE, *, ttl: int | None = None) -> NewJob:
    extras = None if ttl is None else Extras(ttl=ttl)
    return NewJob(queue_id, job_id, b"{}", 0, 2, extras=extras)


async def kill(store: QueueStore, *jobs: NewJob) -> None:
    """Let jobs become dead letters."""
    for new in jobs:
        await store.enqueue(TYPE, [new])
        [leased] = (await dequeue_for_one(store, TYPE, count=1, lease_time=STANDING)).jobs
        lease = LeaseRef(leased.queue_id, leased.job_id, leased.token)
        await store.settle(TYPE, [Fail(lease, "e", dead=True)])


async def only_letters(store: QueueStore, clock: ManualClock, keys: Redis) -> LetteredScene:
    """Leave three letters, two of one job, and no job that lives; the letters are old."""
    await kill(store, job("twice"), job("once", ttl=SOON), job("twice"), job("old", "fine"))
    clock.advance(HOUR)
    return LetteredScene(store, clock, keys, {})


async def crowded(store: QueueStore, clock: ManualClock, keys: Redis) -> LetteredScene:
    """Leave also jobs that wait, that are leased, and one that has ended."""
    await only_letters(store, clock, keys)
    await store.enqueue(TYPE, [job("a"), job("b"), job("twice")])
    taken = (await dequeue_for_one(store, TYPE, count=2, lease_time=STANDING)).jobs
    await store.enqueue(TYPE, [job("ends", ttl=SOON), job("waits", "fine")])
    clock.advance(SOON)
    return LetteredScene(store, clock, keys, {leased.job_id: leased for leased in taken})


Scenery = Callable[[QueueStore, ManualClock, Redis], Awaitable[LetteredScene]]
Verb = Callable[[LetteredScene], Awaitable[bool]]
"""Calls the store; returns whether the queue, or its type, was said to be broken."""


def amending(change: Amendment) -> Verb:
    async def call(scene: LetteredScene) -> bool:
        [outcome] = await scene.store.amend(TYPE, [change])
        return outcome is AmendOutcome.BROKEN

    return call


def moving(verb: str, queue_id: str | None) -> Verb:
    async def call(scene: LetteredScene) -> bool:
        move = scene.store.redrive if verb == "redrive" else scene.store.discard
        moved = await move(TYPE, LetterRange(queue_id), limit=10)
        return moved.broken > 0 and moved.count == 0

    return call


def failing(job_id: str, *, dead: bool) -> Verb:
    async def call(scene: LetteredScene) -> bool:
        leased = scene.leases.get(job_id)
        lease = LeaseRef(QUEUE, job_id, None if leased is None else leased.token)
        [outcome] = await scene.store.settle(TYPE, [Fail(lease, "e", dead=dead)])
        return outcome is LeaseOutcome.BROKEN

    return call


def clearing(*states: JobState) -> Verb:
    async def call(scene: LetteredScene) -> bool:
        try:
            await scene.store.clear(TYPE, Clear(QUEUE, frozenset(states)), limit=1)
        except BrokenQueue:
            return True
        return False

    return call


async def find(scene: LetteredScene) -> bool:
    refs = [JobRef(QUEUE, job_id) for job_id in ("twice", "once", "a", "b")]
    return Absence.BROKEN in await scene.store.find(TYPE, refs)


async def look(scene: LetteredScene) -> bool:
    try:
        await scene.store.look(TYPE, QUEUE)
    except BrokenQueue:
        return True
    return False


async def finish_a_dead_one(scene: LetteredScene) -> bool:
    lease = LeaseRef(QUEUE, "once", "no such token")
    [outcome] = await scene.store.settle(TYPE, [Finish(lease, 1000)])
    return outcome is LeaseOutcome.BROKEN


VERBS: dict[str, Verb] = {
    "redrive by number": amending(Redrive(LetterRef(2))),
    "redrive by job": amending(Redrive(JobRef(QUEUE, "once"))),
    "redrive one that may live": amending(Redrive(LetterRef(1, QUEUE))),
    "discard by number": amending(Discard(LetterRef(1))),
    "discard by job": amending(Discard(JobRef(QUEUE, "twice"))),
    "cancel a dead one": amending(Cancel(JobRef(QUEUE, "once"))),
    "redrive all": moving("redrive", QUEUE),
    "discard all": moving("discard", QUEUE),
    "fail for good": failing("a", dead=True),
    "fail": failing("b", dead=False),
    "clear dead ones": clearing(JobState.DEAD),
    "clear waiting ones": clearing(JobState.WAITING),
    "clear leased ones": clearing(JobState.LEASED),
    "find": find,
    "look": look,
    "finish a dead one": finish_a_dead_one,
}


async def tend(scene: LetteredScene) -> bool:
    await tend_all(scene.store)
    return True


async def dequeue(scene: LetteredScene) -> bool:
    await scene.store.dequeue(TYPE, [Take(1, STANDING)])
    return True


STEPS: dict[str, Verb] = {
    "redrive a type": moving("redrive", None),
    "discard a type": moving("discard", None),
    "tend": tend,
    "dequeue": dequeue,
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_scenery = pytest.mark.parametrize("scenery", [only_letters, crowded])


def kept_of_the_type(scene: LetteredScene) -> dict[str, object]:
    return {kind: contents(scene.keys, scene.key(kind)) for kind in OF_THE_TYPE}


@every_scenery
@every_damage
@every_kind
async def test_a_verb_that_finds_damage_has_changed_nothing(
    stage: Stage, scenery: Scenery, damage: Damage, kind: str
) -> None:
    for name, verb in VERBS.items():
        scene = await stage.set(scenery)
        damage(scene, kind)
        before = scene.snapshot(), kept_of_the_type(scene)
        if await verb(scene):
            assert (scene.snapshot(), kept_of_the_type(scene)) == before, name


@every_scenery
@every_damage
@every_kind
async def test_other_queues_are_served_whatever_was_done_to_a_damaged_one(
    stage: Stage, scenery: Scenery, damage: Damage, kind: str
) -> None:
    for name, verb in (VERBS | STEPS).items():
        scene = await stage.set(scenery)
        damage(scene, kind)
        try:
            await verb(scene)
        except StoreUnavailable:
            assert kind == "letters", name
        await stage.store.enqueue(TYPE, [job("served", "fine")])
        served = (await dequeue_for_one(stage.store, TYPE, count=100, lease_time=1000)).jobs
        assert "served" in {leased.job_id for leased in served}, name


@every_damage
@pytest.mark.parametrize("kind", OF_THE_TYPE)
async def test_damaged_keys_of_letters_stop_nothing_but_what_is_about_letters(
    stage: Stage, damage: Damage, kind: str
) -> None:
    scene = await stage.set(crowded)
    damage(scene, kind)
    await stage.store.enqueue(TYPE, [job("c"), job("d", ttl=STANDING)])
    leased = scene.leases["a"]
    lease = LeaseRef(QUEUE, "a", leased.token)
    [settled] = await stage.store.settle(TYPE, [Finish(lease, 1000)])
    assert outcome_of(settled) is LeaseOutcome.ENDED
    [outcome] = await stage.store.amend(TYPE, [Cancel(JobRef(QUEUE, "c"))])
    assert outcome is AmendOutcome.DONE
    await tend_all(stage.store)
    assert (await look_at_queue(stage.store, TYPE, QUEUE)).leased == 1
    await clear_all(stage.store, TYPE, Clear(states=ALL_STATES, counts=True))
    assert await list_all(stage.store, TYPE, limit=10) == set()


@every_damage
@pytest.mark.parametrize("kind", ["dead", "deaths", RECORD])
async def test_letters_of_other_queues_age_out_behind_those_of_a_damaged_one(
    stage: Stage, damage: Damage, kind: str
) -> None:
    scene = await stage.set(only_letters)
    damage(scene, kind)
    steps = await tend_all(stage.store, limit=1, retention=Retention(max_age=HOUR))
    assert len(steps) <= 5
    assert (await look_at_queue(stage.store, TYPE, "fine")).dead == 0
    assert not stage.keys.exists(scene.key("letters"))


@every_scenery
@every_damage
@every_kind
async def test_a_purge_removes_a_damaged_queue_with_its_letters(
    stage: Stage, scenery: Scenery, damage: Damage, kind: str
) -> None:
    scene = await stage.set(scenery)
    damage(scene, kind)
    what = Clear(QUEUE, ALL_STATES, counts=True)
    await clear_all(stage.store, TYPE, what, limit=1)
    left = {str(key).split("/")[1] for key in stage.keys.keys(f"*/{TYPE}/{QUEUE}")}
    assert left <= {"left"}
    assert QUEUE.encode() not in stage.keys.hkeys(f"{tag(TYPE)}/{RECORD}/{TYPE}")


async def test_numbers_go_on_behind_the_highest_letter_once_the_totals_are_lost(
    stage: Stage,
) -> None:
    scene = await stage.set(only_letters)
    stage.keys.delete(scene.key("totals"))
    await kill(stage.store, job("new"))
    found = stage.keys.zrange(f"{tag(TYPE)}/deaths/{TYPE}/{QUEUE}", 0, -1)
    assert found == [b"1", b"2", b"3", b"5"]


async def test_a_damaged_number_of_letters_stops_a_death_until_its_type_has_ended(
    stage: Stage,
) -> None:
    scene = await stage.set(crowded)
    wrong_type(scene, "totals")
    assert await failing("a", dead=True)(scene)
    await clear_all(stage.store, TYPE, Clear(states=ALL_STATES))
    await kill(stage.store, job("new"))
    assert (await look_at_queue(stage.store, TYPE, QUEUE)).dead == 1
