"""What the tail of a record says of a queue's settings, debts and freeze is damaged in turn."""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from redis import Redis

from sharq_plug.errors import BrokenQueue, StoreUnavailable
from sharq_plug.model import (
    Absence,
    AmendOutcome,
    Cancel,
    ChangeOutcome,
    EnqueueOutcome,
    Extend,
    Extras,
    Fail,
    Finish,
    JobRef,
    LeaseOutcome,
    LeaseRef,
    Limit,
    NewJob,
    PatchQueue,
    Release,
    SetInterval,
    Setting,
    SettingsPatch,
    Settlement,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from support.one_queue import clear_queue, look_at_queue
from support.redis_damage import QUEUE, RECORD, TYPE, Scene, Stage

pytestmark = pytest.mark.anyio

WITH_TAIL, WIDE = 0x02, 0x08
"""In the first byte of a record."""
HEAD_AT = 26
"""Where a narrow record has the length of its head's id, and then that."""
HEAD_AT_WITHOUT_LAST = 20
NARROW = 0x04
SETTINGS = SettingsPatch(
    limits=(Limit(1, 1000, 5), Limit(100, 1000, 500, "token")), weight=3, concurrency=5
)
LIMIT = '[1,1000,1,"job"]'
DAMAGED: dict[str, dict[object, object]] = {
    "no text": {"s": "{"},
    "text of something else": {"s": "7"},
    "no text at all": {"s": 5},
    "a rate of 0": {"s": '{"l":[[0,1000,1,"job"]]}'},
    "a broken rate": {"s": '{"l":[[1.5,1000,1,"job"]]}'},
    "no unit": {"s": '{"l":[[1,1000,1]]}'},
    "too large a burst": {"s": '{"l":[[1,1000000000000,4001,"job"]]}'},
    "no list of limits": {"s": '{"l":7}'},
    "a concurrency of 0": {"s": '{"c":0}'},
    "a weight in words": {"s": '{"w":"two"}'},
    "too large a weight": {"s": '{"w":101}'},
    "a pause in words": {"s": '{"p":"yes"}'},
    "a unit that is no name": {"s": '{"l":[[1,1000,1,"a job"]]}'},
    "too many limits": {"s": f'{{"l":[{",".join(6 * [LIMIT])}]}}'},
    "a max_length below 0": {"s": '{"m":-1}'},
    "defaults that are no text": {"t": "{", "v": 1},
    "a version in words": {"t": "", "v": "one"},
    "a debt in words": {1: "much"},
    "a debt below 0": {2: -1},
    "too large a debt": {1: 8 * 10**15 + 1},
    "half a debt": {1: 0.5},
    "a freeze in words": {"f": "long"},
    "a turn in words": {"n": "first"},
}
every_damage = pytest.mark.parametrize("parts", DAMAGED.values(), ids=DAMAGED)


@dataclass(frozen=True, slots=True)
class LeasedScene(Scene):
    """A queue with settings, of which one job is leased."""

    lease: LeaseRef


def job(job_id: str, queue_id: str = QUEUE) -> NewJob:
    return NewJob(queue_id, job_id, b"{}", 0)


async def leased(store: QueueStore, clock: ManualClock, keys: Redis) -> LeasedScene:
    """Leave three jobs, of which one is leased; the queue owes something."""
    assert await store.configure(TYPE, [PatchQueue(QUEUE, SETTINGS)]) == [ChangeOutcome.CHANGED]
    await store.enqueue(TYPE, [job(f"job-{n}") for n in range(3)])
    [taken] = (await dequeue_for_one(store, TYPE, count=1, lease_time=10**7)).jobs
    return LeasedScene(store, clock, keys, LeaseRef(QUEUE, taken.job_id, taken.token))


async def left(store: QueueStore, clock: ManualClock, keys: Redis) -> Scene:
    """Leave no job, but settings."""
    await store.configure(TYPE, [PatchQueue(QUEUE, SETTINGS)])
    return Scene(store, clock, keys)


def with_parts(record: bytes, parts: dict[object, object]) -> bytes:
    """Return a record with other parts in its tail."""
    assert record[0] & WITH_TAIL
    assert not record[0] & WIDE
    head_at = HEAD_AT if record[0] & NARROW else HEAD_AT_WITHOUT_LAST
    others_at = head_at + 1 + record[head_at]
    tail_at = others_at + 1 + record[others_at]
    (length,) = struct.unpack_from(">H", record, tail_at)
    begins_at, ends_at = tail_at + 2, tail_at + 2 + length
    tail = msgspec.msgpack.decode(record[begins_at:ends_at])
    packed = msgspec.msgpack.encode({**tail, **parts})
    return record[:tail_at] + struct.pack(">H", len(packed)) + packed + record[ends_at:]


def damage(scene: Scene, parts: dict[object, object]) -> None:
    """Damage what the tail of the queue's record says."""
    record = scene.keys.hget(scene.key(RECORD), QUEUE)
    if isinstance(record, bytes):
        scene.keys.hset(scene.key(RECORD), QUEUE, with_parts(record, parts))
        return
    kept = scene.keys.get(scene.key("left"))
    assert isinstance(kept, bytes)
    scene.keys.set(scene.key("left"), with_parts(kept, parts))


async def is_broken(calls: Awaitable[Any]) -> bool:
    """Return whether a call says that the queue is broken."""
    try:
        answer = await calls
    except BrokenQueue:
        return True
    found = answer[0] if isinstance(answer, list) else answer
    return getattr(found, "outcome", found) in (
        EnqueueOutcome.BROKEN,
        LeaseOutcome.BROKEN,
        AmendOutcome.BROKEN,
        ChangeOutcome.BROKEN,
        Absence.BROKEN,
    )


CHANGES: dict[str, Setting] = {
    "set an interval": SetInterval(QUEUE, 5),
    "change settings": PatchQueue(QUEUE, SettingsPatch(weight=2)),
    "freeze": PatchQueue(QUEUE, freeze=5),
}
SETTLEMENTS: dict[str, Callable[[LeaseRef], Settlement]] = {
    "finish": lambda lease: Finish(lease, 1000),
    "finish with actual": lambda lease: Finish(lease, 1000, {"token": 5}),
    "release": lambda lease: Release(lease, freeze=5),
    "fail": lambda lease: Fail(lease, dead=True, freeze=5),
    "extend": lambda lease: Extend(lease, 5),
}


@every_damage
async def test_a_verb_that_finds_damage_has_changed_nothing(
    stage: Stage, parts: dict[object, object]
) -> None:
    scene = await stage.set(leased)
    store, lease = scene.store, scene.lease
    damage(scene, parts)
    before = scene.snapshot()
    assert await is_broken(store.enqueue(TYPE, [job("new")]))
    for item in SETTLEMENTS.values():
        assert await is_broken(store.settle(TYPE, [item(lease)]))
    for change in CHANGES.values():
        assert await is_broken(store.configure(TYPE, [change]))
    assert await is_broken(store.amend(TYPE, [Cancel(JobRef(QUEUE, "job-2"))]))
    assert await is_broken(store.find(TYPE, [JobRef(QUEUE, "job-2")]))
    assert await is_broken(store.look(TYPE, QUEUE))
    assert scene.snapshot() == before


@every_damage
async def test_other_queues_are_served(stage: Stage, parts: dict[object, object]) -> None:
    scene = await stage.set(leased)
    damage(scene, parts)
    before = scene.snapshot()
    await stage.store.enqueue(TYPE, [job("fine", "fine")])
    taken = (await dequeue_for_one(stage.store, TYPE, count=10, lease_time=1000)).jobs
    assert [(one.queue_id, one.job_id) for one in taken] == [("fine", "fine")]
    stage.clock.advance(10**7)
    await tend_all(stage.store)
    assert scene.snapshot() == before


@every_damage
async def test_what_an_empty_queue_keeps_may_be_damaged_too(
    stage: Stage, parts: dict[object, object]
) -> None:
    scene = await stage.set(left)
    damage(scene, parts)
    before = scene.snapshot()
    assert await is_broken(stage.store.enqueue(TYPE, [job("new")]))
    for change in (CHANGES["change settings"], CHANGES["freeze"]):
        assert await is_broken(stage.store.configure(TYPE, [change]))
    assert await is_broken(stage.store.look(TYPE, QUEUE))
    assert scene.snapshot() == before


@pytest.mark.parametrize("scenery", [leased, left])
@every_damage
async def test_clearing_removes_a_damaged_queue_with_its_settings(
    stage: Stage,
    scenery: Callable[[QueueStore, ManualClock, Redis], Awaitable[Scene]],
    parts: dict[object, object],
) -> None:
    scene = await stage.set(scenery)
    damage(scene, parts)
    await clear_queue(stage.store, TYPE, QUEUE, purge=False)
    assert scene.snapshot() == {"record": None}
    await stage.store.enqueue(TYPE, [job("again")])
    view = await look_at_queue(stage.store, TYPE, QUEUE)
    assert view.waiting == 1
    [taken] = (await dequeue_for_one(stage.store, TYPE, count=1, lease_time=1000)).jobs
    assert taken.job_id == "again"


@pytest.mark.parametrize("amount", [-1, 0.5, float("inf"), float("nan"), "much"])
async def test_a_job_whose_cost_is_damaged_stays(stage: Stage, amount: object) -> None:
    scene = await stage.set(left)
    priced = NewJob(QUEUE, "priced", b"{}", 0, extras=Extras(cost={"token": 7}))
    await stage.store.enqueue(TYPE, [priced])
    key, sound = scene.key("one"), b"\xa5token\x07"
    stored = scene.keys.get(key)
    assert isinstance(stored, bytes)
    assert sound in stored
    scene.keys.set(key, stored.replace(sound, sound[:-1] + msgspec.msgpack.encode(amount)))
    before = scene.snapshot()
    assert not (await dequeue_for_one(stage.store, TYPE, count=1, lease_time=1000)).jobs
    assert scene.snapshot() == before


UNREADABLE = {
    "a fraction of 0": '{"m":5.0}',
    "no list": '{"l":{}}',
    "a unit of dots": '{"l":[[1,1000,1,".."]]}',
    "a fifth value": '{"l":[[1,1000,1,"job",1]]}',
    "a number of base 16": '{"m":0x5}',
    "bytes that are no text": msgspec.Raw(b'\xaf{"m":5,"x":"\xff"}'),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
async def test_settings_that_only_the_verbs_can_read_are_told_as_damage(
    stage: Stage, text: object
) -> None:
    scene = await stage.set(left)
    damage(scene, {"s": text})
    before = scene.snapshot()
    with pytest.raises(StoreUnavailable, match="damaged"):
        await stage.store.look(TYPE, QUEUE)
    for change in (CHANGES["change settings"], CHANGES["freeze"]):
        with pytest.raises(StoreUnavailable, match="damaged"):
            await stage.store.configure(TYPE, [change])
    assert scene.snapshot() == before
