"""Damage of what is kept of shared limits: nothing is half done, and no other queue suffers."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from redis import Redis

from sharq_plug.model import (
    Cancel,
    ChangeOutcome,
    Delivery,
    DropLimit,
    EnqueueOutcome,
    Extras,
    Finish,
    JobRef,
    LeaseRef,
    Limit,
    LimitView,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    SettingsPatch,
    SharedLimits,
    Take,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from sharq_plug.testing.conformance.vocabulary import take_batch
from support.one_queue import clear_queue
from support.redis_keys import contents, tag

pytestmark = pytest.mark.anyio

TAG = tag("sms")
LIMITS, ROW, BENCH = f"{TAG}/limits/sms", f"{TAG}/row/sms/x", f"{TAG}/bench/sms/x"
ROWS, NAMES, LINE = f"{TAG}/rows/sms", f"{TAG}/names/sms", f"{TAG}/line/sms"
SETTINGS = f"{TAG}/settings/sms"
LATER = b"\x02" + bytes(46)

Damage = Callable[[Redis], object]


def no_string(keys: Redis, key: str) -> None:
    keys.delete(key)
    keys.set(key, "a string")


DAMAGES: dict[str, Damage] = {
    "garbage": lambda keys: keys.hset(LIMITS, "x", b"\xc1\x00"),
    "missing": lambda keys: keys.hdel(LIMITS, "x"),
    "of a later version": lambda keys: keys.hset(LIMITS, "x", LATER),
    "limits": lambda keys: no_string(keys, LIMITS),
    "row": lambda keys: no_string(keys, ROW),
    "bench": lambda keys: no_string(keys, BENCH),
    "rows": lambda keys: no_string(keys, ROWS),
}
every_damage = pytest.mark.parametrize("damaged", DAMAGES)
BOTH = ("x", "y")
USES = {"bench": BOTH}
"""Which limits queue a uses to have what is damaged; else only x."""


async def prepare(store: QueueStore, uses: tuple[str, ...] = ("x",)) -> Delivery:
    """Let queue a have a lease and a job that waits under shared limits, and p be a plain queue."""
    limits = [PatchLimit(name, SettingsPatch(concurrency=9)) for name in uses]
    await store.configure("sms", limits)
    await store.configure("sms", [PatchQueue("a", SettingsPatch(uses=uses))])
    await store.enqueue("sms", [NewJob("a", job_id, b"{}", 0) for job_id in ("1", "2")])
    [job] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
    await store.enqueue("sms", [NewJob("p", "1", b"{}", 0)])
    return job


def snapshot(keys: Redis) -> dict[object, object]:
    """Return all that is kept, but for what counts all of the type."""
    left_out = ("/minutes/", "/totals/", "/number/")
    names = [key.decode() for key in keys.scan_iter()]
    return {key: contents(keys, key) for key in names if not any(part in key for part in left_out)}


CALLS: dict[str, Callable[[QueueStore, LeaseRef], Awaitable[Sequence[Any]]]] = {
    "enqueue": lambda store, _: store.enqueue("sms", [NewJob("a", "3", b"{}", 0)]),
    "finish": lambda store, ref: store.settle("sms", [Finish(ref, 1000)]),
    "cancel": lambda store, _: store.amend("sms", [Cancel(JobRef("a", "2"))]),
    "patch": lambda store, _: store.configure("sms", [PatchQueue("a", SettingsPatch(weight=2))]),
}


@every_damage
@pytest.mark.parametrize("name", CALLS)
async def test_a_queue_with_a_damaged_shared_limit_is_broken_and_keeps_all(
    name: str, damaged: str, store: QueueStore, keys: Redis
) -> None:
    job = await prepare(store, USES.get(damaged, ("x",)))
    DAMAGES[damaged](keys)
    before = snapshot(keys)
    [found] = await CALLS[name](store, LeaseRef("a", job.job_id, job.token))
    assert getattr(found, "outcome", found).value == "broken"
    assert snapshot(keys) == before


@every_damage
async def test_other_queues_are_served(
    damaged: str, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await prepare(store, USES.get(damaged, ("x",)))
    DAMAGES[damaged](keys)
    found = await dequeue_for_one(store, "sms", count=5, lease_time=1000)
    assert [job.queue_id for job in found.jobs if job.queue_id != "a"] == ["p"]
    clock.advance(1000)
    await tend_all(store)
    [again] = (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
    assert again.queue_id == "p"


@pytest.mark.parametrize("key", [NAMES, LIMITS])
@pytest.mark.parametrize("queue_id", ["new", "p"])
async def test_a_shared_limit_that_cannot_be_created_leaves_all_as_it_was(
    queue_id: str, key: str, store: QueueStore, keys: Redis
) -> None:
    await store.enqueue("sms", [NewJob("p", "1", b"{}", 0)])
    keys.set(key, "a string")
    before = snapshot(keys)
    job = NewJob(queue_id, "2", b"{}", 0, extras=Extras(uses=(Use("x", (Limit(1, 100),)),)))
    [found] = await store.enqueue("sms", [job])
    assert found.outcome is EnqueueOutcome.BROKEN
    assert await store.configure("sms", [PatchLimit("x")]) == [ChangeOutcome.BROKEN]
    assert snapshot(keys) == before


@pytest.mark.parametrize("damaged", ["garbage", "of a later version"])
async def test_a_damaged_shared_limit_is_neither_changed_nor_listed(
    damaged: str, store: QueueStore, keys: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await prepare(store)
    await store.configure("sms", [PatchLimit("y")])
    DAMAGES[damaged](keys)
    for change in (PatchLimit("x"), DropLimit("x")):
        assert await store.configure("sms", [change]) == [ChangeOutcome.BROKEN]
    with caplog.at_level(logging.ERROR):
        page = await store.page("sms", SharedLimits(), limit=9)
    assert [view.name for view in page.items if isinstance(view, LimitView)] == ["y"]
    assert "x is damaged" in caplog.text


@pytest.mark.parametrize("damaged", ["row", "bench"])
async def test_a_shared_limit_whose_queues_cannot_be_found_is_not_changed(
    damaged: str, store: QueueStore, keys: Redis
) -> None:
    await prepare(store, USES.get(damaged, ("x",)))
    await store.configure("sms", [PatchLimit("x", SettingsPatch(limits=(Limit(1, 1000, 9),)))])
    await store.enqueue("sms", [NewJob("a", job_id, b"{}", 0) for job_id in ("3", "4")])
    await store.dequeue("sms", [Take(1, 60_000, queues=("a",))])
    DAMAGES[damaged](keys)
    before = snapshot(keys)
    change = PatchLimit("x", SettingsPatch(paused=True))
    assert await store.configure("sms", [change]) == [ChangeOutcome.BROKEN]
    assert snapshot(keys) == before


@every_damage
async def test_passes_go_on_after_the_clock_stepped_back(
    damaged: str, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await prepare(store, USES.get(damaged, ("x",)))
    await store.configure("sms", [PatchLimit("x", SettingsPatch(limits=(Limit(1, 1000, 9),)))])
    await store.configure("sms", [PatchType(defaults=SettingsPatch(max_length=9))])
    await store.enqueue("sms", [NewJob("a", "3", b"{}", 0)])
    await store.dequeue("sms", [Take(1, 60_000, queues=("a",))])
    DAMAGES[damaged](keys)
    clock.advance(-500)
    await tend_all(store)
    assert "p" in [job.queue_id for job in await take_batch(store, 9)]


async def test_a_shared_limit_of_queues_that_were_lost_with_their_places_can_be_dropped(
    store: QueueStore, keys: Redis
) -> None:
    await store.configure("sms", [PatchLimit("x", SettingsPatch(paused=True))])
    await store.enqueue("sms", [NewJob("a", "1", b"{}", 0, extras=Extras(uses=(Use("x"),)))])
    keys.delete(f"{TAG}/queues/sms", f"{TAG}/totals/sms")
    assert await store.configure("sms", [DropLimit("x")]) == [ChangeOutcome.CHANGED]
    assert not keys.exists(LIMITS, NAMES)


@pytest.mark.parametrize("uses", [("x",), BOTH])
async def test_a_stale_entry_bench_and_place_go_when_they_are_met(
    uses: tuple[str, ...], store: QueueStore, keys: Redis
) -> None:
    await prepare(store, uses)
    row = f"{TAG}/row/sms/{'/'.join(uses)}"
    keys.zadd(LINE, {b"\x00\x00\x00\x00\x00\x00/x": 0, b"\x00\x00\x00\x00\x00\x00/gone": 0})
    keys.zadd(row, {b"\x00\x00\x00\x00\x00\x00nobody": 0})
    if uses == BOTH:
        keys.zadd(BENCH, {b"\x00\x00\x00\x00\x00\x00x/y": 0})
    found = await dequeue_for_one(store, "sms", count=5, lease_time=1000)
    assert sorted(job.queue_id for job in found.jobs) == ["a", "p"]
    assert not keys.exists(LINE, BENCH, row, ROWS)


@pytest.mark.parametrize("count", [1, 2])
async def test_a_shared_limit_of_lost_queues_can_be_used_and_dropped_once_all_are_cleared(
    count: int, store: QueueStore, keys: Redis
) -> None:
    await store.configure("sms", [PatchLimit("x", SettingsPatch(concurrency=1))])
    brought = Extras(uses=(Use("x"),))
    await store.enqueue("sms", [NewJob("a", str(n), b"{}", 0, extras=brought) for n in range(2)])
    await dequeue_for_one(store, "sms", count=1, lease_time=60_000)
    keys.hset(f"{TAG}/queues/sms", "a", b"\xff garbage")
    assert await store.configure("sms", [DropLimit("x")]) == [ChangeOutcome.IN_USE]
    await clear_queue(store, "sms", "a")
    if count == 1:
        assert await store.configure("sms", [DropLimit("x")]) == [ChangeOutcome.CHANGED]
        assert not keys.exists(LIMITS, NAMES, SETTINGS)
    else:
        await store.configure("sms", [PatchLimit("x")])
        await store.enqueue("sms", [NewJob("b", "1", b"{}", 0, extras=brought)])
        assert len((await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs) == 1
