"""What the store writes for shared limits, that it goes again, and that other types have none."""

import pytest
from redis import Redis

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    Clear,
    DropLimit,
    Extras,
    Finish,
    LeaseRef,
    Limit,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    SettingsPatch,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from sharq_redis.library import Library, texts
from sharq_redis.options import RedisOptions
from sharq_redis.plugin import open_redis_store
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

TAG = tag("sms")
KINDS = ("limits", "names", "rows", "row", "bench")
SETTINGS = f"{TAG}/settings/sms"
PLAIN, SHARING = 1, 2
"""Formats of the settings of a type."""


def new_keys(keys: Redis) -> set[str]:
    """Return the keys that only types with shared limits have, without the hash tag."""
    found = {key.decode().removeprefix(f"{TAG}/") for key in keys.scan_iter()}
    return {key for key in found if key.split("/")[0] in KINDS}


def format_of(keys: Redis) -> int | None:
    raw = keys.get(SETTINGS)
    return raw[0] if isinstance(raw, bytes) else None


def entries(keys: Redis) -> dict[str, int]:
    """Return the entries of shared limits in the line, by their names."""
    found: list[tuple[bytes, float]] = keys.zrange(f"{TAG}/line/sms", 0, -1, withscores=True)  # type: ignore[assignment]  # redis-py types it loosely
    return {place[7:].decode(): int(at) for place, at in found if place[6:7] == b"/"}


async def enqueue(store: QueueStore, queue_id: str, *names: str, job_id: str = "j") -> None:
    """Put a job into a queue that uses these shared limits."""
    uses = tuple(Use(name, (Limit(1, 1000),)) for name in names)
    await store.enqueue("sms", [NewJob(queue_id, job_id, b"{}", 0, extras=Extras(uses=uses))])


async def take(store: QueueStore, count: int = 1) -> list[LeaseRef]:
    found = (await dequeue_for_one(store, "sms", count=count, lease_time=60_000)).jobs
    return [LeaseRef(job.queue_id, job.job_id, job.token) for job in found]


async def test_a_type_without_shared_limits_has_none_of_these_keys(
    store: QueueStore, keys: Redis
) -> None:
    await store.configure("sms", [PatchType(SettingsPatch(concurrency=9))])
    await enqueue(store, "q")
    await take(store)
    assert new_keys(keys) == set()
    assert format_of(keys) == PLAIN


async def test_all_goes_with_the_last_shared_limit(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store, "q", "x", "y")
    assert new_keys(keys) == {
        "limits/sms",
        "names/sms",
        "rows/sms",
        "row/sms/x/y",
        "bench/sms/x",
    }
    assert format_of(keys) == SHARING
    await store.settle("sms", [Finish(ref, 1000) for ref in await take(store)])
    assert new_keys(keys) == {"limits/sms", "names/sms"}
    await store.configure("sms", [DropLimit("x")])
    assert format_of(keys) == SHARING
    await store.configure("sms", [DropLimit("y")])
    assert new_keys(keys) == set()
    assert format_of(keys) is None


async def test_a_type_without_queues_keeps_its_shared_limits(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store, "q", "x")
    await store.clear("sms", Clear(), limit=100)
    clock.advance(48 * 3600 * 1000)
    await tend_all(store)
    assert new_keys(keys) == {"limits/sms", "names/sms"}
    assert format_of(keys) == SHARING


async def test_queues_behind_a_closed_limit_have_one_entry(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    for number in range(5):
        await enqueue(store, f"q{number}", "x")
    assert entries(keys) == {"x": clock.now()}
    await take(store)
    assert entries(keys) == {"x": clock.now() + 1000}
    assert keys.zcard(f"{TAG}/line/sms") == 1
    await store.configure("sms", [PatchLimit("x", SettingsPatch(paused=True))])
    assert entries(keys) == {}


async def test_plain_queues_and_rows_are_served_in_one_order(
    store: QueueStore, clock: ManualClock
) -> None:
    await store.configure("sms", [PatchLimit(name) for name in "xyz"])
    uses = [(), ("x",), (), ("y", "z"), ("x",), (), (), ("z",), ("x", "y"), ()]
    for number, names in enumerate(uses):
        settings = SettingsPatch(uses=names)
        await store.configure("sms", [PatchQueue(f"q{number}", settings)])
    for job_id in ("1", "2"):
        for number in range(len(uses)):
            await store.enqueue("sms", [NewJob(f"q{number}", job_id, b"{}", 0)])
        clock.advance(number % 2)
    order = [ref.queue_id for ref in await take(store, 100)]
    assert order == [f"q{number}" for number in range(len(uses))] * 2


async def test_a_record_and_a_lease_without_shared_limits_stay_as_they_were(
    store: QueueStore, keys: Redis
) -> None:
    await store.enqueue("sms", [NewJob("q", "j", b"{}", 0)])
    before = keys.hget(f"{TAG}/queues/sms", "q")
    await store.configure("sms", [PatchLimit("x")])
    await store.clear("sms", Clear(), limit=100)
    await store.enqueue("sms", [NewJob("q", "j", b"{}", 0)])
    after = keys.hget(f"{TAG}/queues/sms", "q")
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert len(after) == len(before)


async def test_a_server_that_does_not_know_shared_limits_leaves_their_type_alone(
    store: QueueStore, redis_url: str, clock: ManualClock, keys: Redis
) -> None:
    await enqueue(store, "q", "x")
    await store.enqueue("mail", [NewJob("q", "j", b"{}", 0)])
    ideas, verbs = texts()
    older = Library.of(ideas.replace("SHARING = 1, 2", "SHARING = 1, 1"), verbs)
    before = keys.zrange(f"{TAG}/row/sms/x", 0, -1, withscores=True)
    async with open_redis_store(RedisOptions(url=redis_url), clock, older) as other:
        for call in (enqueue(other, "p"), take(other), other.look("sms")):
            with pytest.raises(StoreUnavailable, match="of another version"):
                await call
        assert len((await dequeue_for_one(other, "mail", count=1, lease_time=1000)).jobs) == 1
    assert keys.zrange(f"{TAG}/row/sms/x", 0, -1, withscores=True) == before
    assert [ref.queue_id for ref in await take(store)] == ["q"]
