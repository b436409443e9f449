"""Looks and listings where the keys of a queue are damaged: others are shown, and it is said so."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis import Redis

from sharq_plug.errors import BrokenQueue
from sharq_plug.model import (
    Backlogs,
    Extras,
    Fail,
    JobEntry,
    Jobs,
    JobState,
    LeaseRef,
    Letters,
    LetterView,
    Listing,
    Names,
    NewJob,
    Overdue,
    Queues,
    QueueView,
    SetInterval,
    Types,
    TypeView,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, items_of
from support.redis_damage import (
    QUEUE,
    RECORD,
    TYPE,
    Damage,
    Scene,
    Stage,
    every_damage,
    garbage,
    missing,
    wrong_type,
)
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

FINE = "fine"
HELD = 10**6
"""An interval for which a queue gives no further job."""
KINDS = [RECORD, "jobs", "rest", "leases", "delayed", "dead", "deaths"]
ALL_OF_A_QUEUE: list[Listing] = [
    *(Jobs(QUEUE, state, payloads) for state in JobState for payloads in (False, True)),
    Letters(QUEUE),
]
ALL_OF_A_TYPE: list[Listing] = [Names(), Queues(), Queues("fi"), Overdue(), Letters()]


async def let_die(store: QueueStore, queue_id: str) -> None:
    """Leave a dead letter of a queue."""
    await store.enqueue(TYPE, [NewJob(queue_id, "dead", b"{}", 0)])
    [job] = (await dequeue_for_one(store, TYPE, count=1, lease_time=1)).jobs
    await store.settle(TYPE, [Fail(LeaseRef(queue_id, "dead", job.token), dead=True)])


async def crowded(store: QueueStore, clock: ManualClock, keys: Redis) -> Scene:
    """Leave jobs in every state in two queues."""
    for queue_id in (QUEUE, FINE):
        await let_die(store, queue_id)
        await store.enqueue(TYPE, [NewJob(queue_id, f"j{n}", b"{}", 0) for n in range(3)])
        await dequeue_for_one(store, TYPE, count=3, lease_time=1000)
        await store.enqueue(TYPE, [NewJob(queue_id, f"w{n}", b"{}", HELD) for n in range(3)])
        delayed = [NewJob(queue_id, f"d{n}", b"{}", HELD, extras=Extras(delay=9)) for n in (0, 1)]
        await store.enqueue(TYPE, delayed)
    await store.configure(TYPE, [SetInterval(queue_id, 0) for queue_id in (QUEUE, FINE)])
    return Scene(store, clock, keys)


async def buried(store: QueueStore, clock: ManualClock, keys: Redis) -> Scene:
    """Leave a dead letter in two queues, and nothing else."""
    for queue_id in (QUEUE, FINE):
        await let_die(store, queue_id)
    return Scene(store, clock, keys)


def name_of(item: object) -> str:
    """Return of which queue an item tells."""
    match item:
        case QueueView(queue_id):
            return queue_id
        case LetterView():
            return item.queue_id
    assert isinstance(item, str)
    return item


async def listed(store: QueueStore, listing: Listing) -> list[Any]:
    return await items_of(store, TYPE, listing, limit=3)


async def refused(store: QueueStore, listing: Listing) -> bool:
    """Return whether a listing is refused since its queue is damaged."""
    try:
        await listed(store, listing)
    except BrokenQueue:
        return True
    return False


async def view_of(store: QueueStore) -> QueueView:
    """Return how the damaged queue is listed; a look at it says the same."""
    [view] = [view for view in await listed(store, Queues()) if view.queue_id == QUEUE]
    assert isinstance(view, QueueView)
    if view.is_broken:
        assert view == QueueView(QUEUE, is_broken=True)
        with pytest.raises(BrokenQueue):
            await store.look(TYPE, QUEUE)
    else:
        assert (await store.look(TYPE, QUEUE)).queue == view
    return view


@every_damage
@pytest.mark.parametrize("kind", KINDS)
async def test_a_damaged_queue_takes_no_other_out_of_a_listing(
    kind: str, damage: Damage, stage: Stage
) -> None:
    scene = await stage.set(crowded)
    before = {listing: await listed(stage.store, listing) for listing in ALL_OF_A_TYPE}
    [backlog] = [view for view in await listed(stage.store, Backlogs()) if view.queue_id == FINE]
    damage(scene, kind)
    kept = scene.snapshot()
    for listing, items in before.items():
        left = [item for item in items if name_of(item) == FINE]
        found = await listed(stage.store, listing)
        assert [item for item in found if name_of(item) == FINE] == left
    assert backlog in await listed(stage.store, Backlogs())
    for listing in ALL_OF_A_QUEUE:
        await refused(stage.store, listing)
    assert scene.snapshot() == kept


@pytest.mark.parametrize("damage", [wrong_type, garbage])
async def test_a_queue_whose_record_is_damaged_is_named_and_broken_and_none_of_its_jobs_is_listed(
    damage: Damage, stage: Stage
) -> None:
    damage(await stage.set(crowded), RECORD)
    assert (await view_of(stage.store)).is_broken
    assert sorted(await listed(stage.store, Names())) == [QUEUE, FINE]
    assert [view.queue_id for view in await listed(stage.store, Backlogs())] == [FINE]
    assert [letter.queue_id for letter in await listed(stage.store, Letters())] == [FINE]
    for listing in ALL_OF_A_QUEUE:
        assert await refused(stage.store, listing)


@pytest.mark.parametrize("damage", [wrong_type, missing])
@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("jobs", {JobState.WAITING, JobState.DELAYED, JobState.LEASED}),
        ("rest", {JobState.WAITING}),
        ("leases", {JobState.LEASED}),
        ("delayed", {JobState.WAITING, JobState.DELAYED}),
        ("deaths", {JobState.DEAD}),
        ("dead", {JobState.DEAD}),
    ],
)
async def test_what_of_a_queue_cannot_be_listed_is_refused(
    kind: str, states: set[JobState], damage: Damage, stage: Stage
) -> None:
    damage(await stage.set(crowded), kind)
    assert (await view_of(stage.store)).is_broken == (kind in ("leases", "delayed", "deaths"))
    for state in JobState:
        assert await refused(stage.store, Jobs(QUEUE, state)) == (state in states)
    assert await refused(stage.store, Letters(QUEUE)) == (JobState.DEAD in states)


@every_damage
@pytest.mark.parametrize("kind", [RECORD, "dead", "deaths"])
async def test_a_damaged_queue_without_jobs_takes_no_other_letter_out_of_a_listing(
    kind: str, damage: Damage, stage: Stage
) -> None:
    scene = await stage.set(buried)
    [*_, letter] = await listed(stage.store, Letters(FINE))
    damage(scene, kind)
    assert letter in await listed(stage.store, Letters())
    assert FINE in [view.queue_id for view in await listed(stage.store, Queues())]
    assert await listed(stage.store, Letters(FINE)) == [letter]
    [view] = await items_of(stage.store, None, Types(), limit=3)
    assert isinstance(view, TypeView)
    assert view.dead == 2


async def test_letters_behind_many_of_a_damaged_queue_are_listed(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    scene = await buried(store, clock, keys)
    for _ in range(7):
        await let_die(store, QUEUE)
    missing(scene, "dead")
    assert [letter.queue_id for letter in await listed(store, Letters())] == [FINE]


def of_another_type(keys: Redis, key: str) -> None:
    keys.delete(key)
    keys.rpush(key, "neither")


def full_of_garbage(keys: Redis, key: str) -> None:
    match keys.type(key):
        case b"hash":
            keys.hset(key, mapping={"enqueued": "x", "tombstones": "\xff", "dead": "1e400"})
        case _:
            keys.zadd(key, {b"": 1, b"\xff": 2, b"\0\0\0\0\0\1": 3})


@pytest.mark.parametrize("damage", [of_another_type, full_of_garbage])
@pytest.mark.parametrize("kind", ["line", "expiring", "timers", "totals", "letters"])
async def test_damaged_keys_of_a_type_take_no_other_type_out_of_a_listing(
    kind: str,
    damage: Callable[[Redis, str], None],
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
) -> None:
    await crowded(store, clock, keys)
    await store.enqueue("mail", [NewJob("q", "j", b"{}", 0)])
    damage(keys, f"{tag(TYPE)}/{kind}/{TYPE}")
    views = await items_of(store, None, Types(), limit=3)
    assert [view for view in views if view.queue_type == "mail"] == [
        (await store.look("mail")).type
    ]
    assert set(await items_of(store, None, Names(), limit=3)) >= {"mail"}


@pytest.mark.parametrize("look", [lambda store: store.look(TYPE), lambda store: store.look()])
async def test_counts_that_are_damaged_count_nothing(
    look: Callable[[QueueStore], Awaitable[Any]],
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
) -> None:
    await store.enqueue(TYPE, [NewJob("q", "j", b"{}", 0)])
    before = await look(store)
    [key] = keys.keys("*/minutes/*")
    keys.hset(key, f"e/{TYPE}", "x")
    after = await look(store)
    assert sum(before.counts.enqueues.values()) == 1
    assert sum(after.counts.enqueues.values()) == 0


async def test_places_that_are_nobodys_are_not_listed(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob(FINE, "j", b"{}", 0)])
    places: dict[bytes, float] = {b"": 1, b"\0\0\0": 2, b"\0\0\0\0\0\1gone": 3}
    keys.zadd(
        f"{tag(TYPE)}/line/{TYPE}", {**places, b"\0\0\0\0\1\0fine": 4, b"\0\0\0\0\0\1\xff": 5}
    )
    assert [view.queue_id for view in await listed(store, Overdue())] == [FINE]


async def test_a_job_whose_name_is_none_is_left_out(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob("q", f"j{n}", b"{}", 0) for n in range(3)])
    raw = keys.hget(f"{tag(TYPE)}/jobs/{TYPE}/q", "j1")
    assert raw is not None
    keys.hset(f"{tag(TYPE)}/jobs/{TYPE}/q", "\xff", raw)
    keys.zrem(f"{tag(TYPE)}/rest/{TYPE}/q", "j1")
    keys.zadd(f"{tag(TYPE)}/rest/{TYPE}/q", {"\xff": 2})
    entries = await listed(store, Jobs("q", JobState.WAITING))
    assert [entry.job_id for entry in entries if isinstance(entry, JobEntry)] == ["j0", "j2"]
