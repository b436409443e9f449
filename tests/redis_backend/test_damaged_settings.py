"""Damage of what is kept of the settings of a type: no other type suffers, and no limit is lost."""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from redis import Redis

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Limit, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from sharq_plug.testing.conformance.setting import patch_type, rules, set_defaults, type_rules
from support.one_queue import clear_queue
from support.redis_keys import contents, tag

pytestmark = pytest.mark.anyio

TAG = tag("sms")
SETTINGS, GATE, WALK = (f"{TAG}/{kind}/sms" for kind in ("settings", "gate", "walk"))
NAMES = [f"q{n}" for n in range(5)]
LATER_FORMAT = b"".join(map(msgspec.msgpack.encode, (3, "", "", 0, 0)))

Damage = Callable[[Redis, str], Any]


def garbage(keys: Redis, key: str) -> None:
    keys.set(key, b"\xc1\x00")


def wrong_type(keys: Redis, key: str) -> None:
    keys.delete(key)
    keys.rpush(key, "no string")


def wrong_values(keys: Redis, key: str) -> None:
    keys.set(key, b"".join(map(msgspec.msgpack.encode, (1, [["x"]], "{", "?", None))))


def later_format(keys: Redis, key: str) -> None:
    keys.set(key, LATER_FORMAT)


async def enqueue(store: QueueStore, names: list[str] = NAMES, queue_type: str = "sms") -> None:
    await store.enqueue(queue_type, [NewJob(name, "j", b"{}", 0) for name in names])


async def taken(store: QueueStore, count: int = 100, queue_type: str = "sms") -> list[str]:
    """Return the queues from which jobs came."""
    found = await dequeue_for_one(store, queue_type, count=count, lease_time=60_000)
    return [job.queue_id for job in found.jobs]


@pytest.mark.parametrize("damage", [garbage, wrong_type, wrong_values, later_format])
async def test_a_type_whose_settings_are_damaged_gives_nothing_and_keeps_all(
    damage: Damage,
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await enqueue(store)
    await enqueue(store, queue_type="mail")
    await patch_type(store, paused=True)
    await set_defaults(store, weight=2)
    damage(keys, SETTINGS)
    before = contents(keys, SETTINGS)
    for call in (
        enqueue(store, ["new"]),
        taken(store),
        patch_type(store, concurrency=1),
        store.look("sms"),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    assert await taken(store, queue_type="mail") == NAMES
    with caplog.at_level(logging.ERROR):
        await tend_all(store)
    assert "type sms is broken" in caplog.text
    assert contents(keys, SETTINGS) == before
    assert keys.zcard(f"{TAG}/line/sms") == len(NAMES)


async def test_settings_that_are_mended_hold_again(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store)
    await patch_type(store, concurrency=2)
    sound = keys.get(SETTINGS)
    assert isinstance(sound, bytes)
    garbage(keys, SETTINGS)
    await store.tend(limit=100)
    keys.set(SETTINGS, sound)
    assert await taken(store) == NAMES[:2]


async def test_a_clock_that_steps_back_is_noticed_where_the_settings_of_another_type_are_damaged(
    store: QueueStore, clock: ManualClock, keys: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await patch_type(store, paused=True)
    for queue_type in ("sms", "mail"):
        await store.enqueue(queue_type, [NewJob("q", job_id, b"{}", 1000) for job_id in "ab"])
    assert await taken(store, queue_type="mail") == ["q"]
    await tend_all(store)
    garbage(keys, SETTINGS)
    clock.step_back(10**6)
    with caplog.at_level(logging.ERROR):
        await tend_all(store)
    assert "type sms is broken" in caplog.text
    clock.advance(1000)
    assert await taken(store, queue_type="mail") == ["q"]


@pytest.mark.parametrize("record", [b"\xff garbage", None])
async def test_leases_of_a_damaged_queue_that_is_cleared_leave_the_gate(
    record: bytes | None, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store, [*NAMES[:2], "other"])
    await store.enqueue("sms", [NewJob(NAMES[0], "second", b"{}", 0)])
    await patch_type(store, concurrency=4)
    assert len(await taken(store)) == 4
    for name in NAMES[:2]:
        if record is None:
            keys.hdel(f"{TAG}/queues/sms", name)
        else:
            keys.hset(f"{TAG}/queues/sms", name, record)
        await clear_queue(store, "sms", name, purge=False)
    view = (await store.look("sms")).type
    assert view is not None
    assert (view.waiting, view.leased) == (0, 1)
    await enqueue(store)
    assert await taken(store) == NAMES[:3]


def debt(amount: float, latest: float = ManualClock().now()) -> Damage:
    """Return what leaves this debt, as of `latest`."""
    values = (latest, {1: amount})
    return lambda keys, key: keys.set(key, b"".join(map(msgspec.msgpack.encode, values)))


DAMAGED_DEBTS = {
    "garbage": garbage,
    "a wrong type": wrong_type,
    "wrong values": wrong_values,
    "half a debt": debt(0.5),
    "a debt below 0": debt(-1),
    "too large a debt": debt(8 * 10**15 + 1),
    "a debt without end": debt(float("inf")),
    "no number": debt(float("nan")),
    "a broken instant": debt(0, 0.5),
}


@pytest.mark.parametrize("damage", DAMAGED_DEBTS.values(), ids=DAMAGED_DEBTS)
async def test_a_gate_whose_debts_are_damaged_owes_one_unit_as_of_now(
    damage: Damage, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store)
    await patch_type(store, limits=(Limit(1, 1000),))
    assert await taken(store) == NAMES[:1]
    damage(keys, GATE)
    clock.advance(1000)
    assert await taken(store) == []
    clock.advance(1000)
    assert await taken(store) == NAMES[1:2]
    assert (await type_rules(store)).held_by[0].until == clock.now() + 1000


@pytest.mark.parametrize("damage", [garbage, wrong_type, wrong_values])
async def test_a_walk_whose_position_is_damaged_begins_again(
    damage: Damage, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store)
    await set_defaults(store, weight=2)
    assert (await store.tend(limit=2)).more
    damage(keys, WALK)
    await tend_all(store, limit=2)
    for name in NAMES:
        assert not (await rules(store, name)).pending
    assert not keys.exists(WALK)


async def test_a_walk_passes_over_damaged_queues(
    store: QueueStore, clock: ManualClock, keys: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await enqueue(store)
    await set_defaults(store, weight=2)
    keys.hset(f"{TAG}/queues/sms", NAMES[2], b"\xff garbage")
    with caplog.at_level(logging.ERROR):
        await tend_all(store, limit=2)
    assert f"queue {NAMES[2]} is broken" in caplog.text
    for name in NAMES[:2] + NAMES[3:]:
        assert not (await rules(store, name)).pending


async def test_a_dequeue_passes_over_damaged_queues_that_it_finds_with_old_defaults(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store)
    await set_defaults(store, weight=2)
    keys.hset(f"{TAG}/queues/sms", NAMES[2], b"\xff garbage")
    assert await taken(store) == NAMES[:2] + NAMES[3:]


@pytest.mark.parametrize("damage", [garbage, wrong_type])
async def test_damaged_totals_do_not_close_a_gate(
    damage: Damage, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store)
    await patch_type(store, concurrency=2)
    damage(keys, f"{TAG}/totals/sms")
    assert await taken(store) == NAMES[:2]
