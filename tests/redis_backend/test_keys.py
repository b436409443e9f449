"""What the store writes, and that it goes again."""

from collections.abc import AsyncIterator

import pytest
from redis import Redis

from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import (
    counts_of,
    dequeue_for_one,
    finish_all,
    list_all,
    tend_type,
)
from sharq_redis.buckets import Buckets
from support.one_queue import clear_queue
from support.redis_keys import tag, tag_of

pytestmark = pytest.mark.anyio

TAG = tag("sms")
OF_THE_BUCKET = {"types", "due", "minutes"}
OF_THE_TYPE = {"queues", "line", "expiring", "idle", "number", "receipts", "totals", "letters"}
OF_A_QUEUE = {"one", "jobs", "rest", "leases", "left", "dead", "deaths"}
CLOCK = tag_of(0) + "/clock"
"""The latest instant that a pass has seen: the only key that stays for good."""
OF_AN_ENDED_TYPE = {f"{TAG}/totals/sms", f"{TAG}/due"}
"""What stays of a type for a day after it has ended."""
DAY = 24 * 3600 * 1000


def jobs(queues: int, each: int, *, requeue_limit: int = -1, interval: int = 50) -> list[NewJob]:
    return [
        NewJob(f"q{queue}", f"job-{number}", b"{}", interval, requeue_limit)
        for queue in range(queues)
        for number in range(each)
    ]


async def use_everything(store: QueueStore, clock: ManualClock) -> None:
    """Leave jobs in every state, on several queues."""
    await store.enqueue("sms", jobs(3, 4, requeue_limit=0))
    first = await dequeue_for_one(store, "sms", count=3, lease_time=1000)
    clock.advance(100)
    await finish_all(
        store,
        "sms",
        [LeaseRef(job.queue_id, job.job_id, job.token) for job in first.jobs[:2]],
        receipt_time=60_000,
    )
    clock.advance(1000)
    await tend_type(store, "sms", limit=10)
    await dequeue_for_one(store, "sms", count=2, lease_time=1000)


def names(keys: Redis) -> set[str]:
    return {key.decode() for key in keys.scan_iter()}


def kinds_of(names: set[str]) -> set[str]:
    """Return the kinds of the keys that hang from the tag of the type."""
    return {name.removeprefix(f"{TAG}/").split("/")[0] for name in names - {CLOCK}}


def lasting(keys: Redis) -> set[str]:
    """Return the keys that do not expire by themselves."""
    return {key for key in names(keys) if keys.pttl(key) < 0}


@pytest.fixture
async def own_time(redis_url: str, keys: Redis) -> AsyncIterator[QueueStore]:
    """A store that goes by the time of Redis, by which keys expire."""
    async with open_store("redis", {"url": redis_url}) as store:
        yield store


async def test_every_key_hangs_from_the_tag_of_its_bucket(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await use_everything(store, clock)
    clock.advance(50)
    await store.enqueue("sms", jobs(1, 4, interval=0))
    await dequeue_for_one(store, "sms", count=3, lease_time=1000)
    assert {key for key in names(keys) if not key.startswith(f"{TAG}/")} == {CLOCK}
    parts = [key.removeprefix(f"{TAG}/").split("/") for key in names(keys) - {CLOCK}]
    assert {kind for kind, *_ in parts} >= {"queues", "line", "expiring", "jobs", "leases", "dead"}
    for kind, *rest in parts:
        if kind in OF_THE_BUCKET:
            assert kind == "minutes" or not rest
        elif kind in OF_THE_TYPE:
            assert rest[0] == "sms"
        else:
            assert kind in OF_A_QUEUE
            assert rest[0] == "sms"
            assert rest[1] in {"q0", "q1", "q2"}


async def test_every_call_names_a_key_that_never_exists(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    with keys.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py types half
        await use_everything(store, clock)
        await store.look("sms", "q0")
        await clear_queue(store, "sms", "q0", purge=True)
        keys.echo("that is all")
        calls = []
        for told in monitor.listen():
            words = told["command"].split()
            if words[0] == "ECHO":
                break
            if words[0] == "FCALL":
                calls.append((words[3], words[4]))
    of_a_type = {calls for calls in calls if "/clock" not in calls[1]}
    assert of_a_type == {(f"{TAG}/never/0", f"{TAG}/queues/sms")}
    assert {first for first, _ in calls} - {f"{TAG}/never/0"} == {tag_of(0) + "/never"}
    assert not [key for key in names(keys) if "/never" in key]


async def test_a_job_that_is_alone_in_its_queue_has_no_hash_until_it_has_company(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    first, second = jobs(1, 2, interval=0)
    await store.enqueue("sms", [first])
    assert keys.exists(f"{TAG}/one/sms/q0")
    assert not keys.exists(f"{TAG}/jobs/sms/q0")
    await store.enqueue("sms", [second])
    assert not keys.exists(f"{TAG}/one/sms/q0")
    taken = (await dequeue_for_one(store, "sms", count=2, lease_time=1000)).jobs
    assert [job.job_id for job in taken] == [first.job_id, second.job_id]


async def finish_everything(store: QueueStore) -> None:
    while taken := (await dequeue_for_one(store, "sms", count=100, lease_time=60_000)).jobs:
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await finish_all(store, "sms", refs, receipt_time=60_000)


async def test_after_finishing_everything_only_counters_and_receipts_are_left(
    own_time: QueueStore, keys: Redis
) -> None:
    await own_time.enqueue("sms", jobs(5, 3, interval=0))
    await finish_everything(own_time)
    await own_time.enqueue("sms", jobs(1, 1, interval=3_600_000))
    await finish_everything(own_time)
    await tend_type(own_time, "sms", limit=100)
    await tend_type(own_time, "sms", limit=100)
    assert lasting(keys) == {CLOCK} | OF_AN_ENDED_TYPE
    assert kinds_of(names(keys) - OF_AN_ENDED_TYPE) == {"left", "minutes", "receipts"}


async def test_after_purging_everything_no_queue_has_a_key(
    own_time: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await own_time.enqueue("sms", jobs(3, 4, requeue_limit=0, interval=0))
    taken = (await dequeue_for_one(own_time, "sms", count=3, lease_time=1)).jobs
    dead = 0
    while dead < len(taken):
        dead += (await tend_type(own_time, "sms", limit=10)).dead
    await dequeue_for_one(own_time, "sms", count=2, lease_time=1000)
    for queue in range(3):
        await clear_queue(own_time, "sms", f"q{queue}", purge=True)
    await tend_type(own_time, "sms", limit=100)
    await tend_type(own_time, "sms", limit=100)
    assert lasting(keys) == {CLOCK} | OF_AN_ENDED_TYPE
    assert not {key for key in names(keys) if "/q" in key.removeprefix(f"{TAG}/queues")}


async def test_by_a_clock_that_is_handed_in_tending_removes_what_nobody_asks_for(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", jobs(5, 3))
    for _ in range(3):
        await finish_everything(store)
        clock.advance(50)
    clock.advance(600_000)
    await tend_type(store, "sms", limit=100)
    assert kinds_of(names(keys) - OF_AN_ENDED_TYPE) <= {"minutes", "receipts"}, "these only expire"
    clock.advance(DAY - 600_000 - 51)
    await tend_type(store, "sms", limit=100)
    assert names(keys) >= OF_AN_ENDED_TYPE
    clock.advance(1)
    await tend_type(store, "sms", limit=100)
    assert kinds_of(names(keys)) <= {"minutes", "receipts"}


async def test_an_unpaid_rate_outlives_its_queue_by_a_key_that_expires_later(
    own_time: QueueStore, keys: Redis
) -> None:
    await own_time.enqueue("sms", jobs(1, 1, interval=3_600_000))
    await dequeue_for_one(own_time, "sms", count=1, lease_time=1000)
    await clear_queue(own_time, "sms", "q0", purge=True)
    assert keys.pttl(f"{TAG}/left/sms/q0") > 3_600_000


async def test_by_a_clock_that_is_handed_in_an_unpaid_rate_is_removed_when_it_is_paid(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", jobs(1, 1, interval=3_600_000))
    await dequeue_for_one(store, "sms", count=1, lease_time=1000)
    await clear_queue(store, "sms", "q0", purge=True)
    clock.advance(3_599_999)
    await tend_type(store, "sms", limit=10)
    assert keys.exists(f"{TAG}/left/sms/q0")
    clock.advance(1)
    await tend_type(store, "sms", limit=10)
    assert not keys.exists(f"{TAG}/left/sms/q0")


async def test_receipts_outlive_what_they_promise_and_expire(
    own_time: QueueStore, keys: Redis
) -> None:
    await own_time.enqueue("sms", jobs(1, 20, interval=0))
    await finish_everything(own_time)
    shards = list(keys.scan_iter(f"{TAG}/receipts/*"))
    assert shards
    assert all(60_000 < keys.pttl(shard) <= 180_000 for shard in shards)


async def test_receipts_are_bounded_in_number(
    store: QueueStore, keys: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.store.MAX_RECEIPTS", 160)
    for turn in range(4):
        await store.enqueue("sms", jobs(1, 200, interval=0))
        taken = (await dequeue_for_one(store, "sms", count=200, lease_time=1000)).jobs
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await finish_all(store, "sms", refs, receipt_time=60_000)
        kept = sum(keys.zcard(key) for key in keys.scan_iter(f"{TAG}/receipts/*"))
        assert kept <= 160, turn


async def test_old_receipts_go_when_new_ones_come(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    for _ in range(2):
        await store.enqueue("sms", jobs(1, 500, interval=0))
        taken = (await dequeue_for_one(store, "sms", count=500, lease_time=1000)).jobs
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await finish_all(store, "sms", refs, receipt_time=60_000)
        clock.advance(60_001)
    assert sum(keys.zcard(key) for key in keys.scan_iter(f"{TAG}/receipts/*")) == 500


async def test_a_store_that_was_handed_a_clock_lets_no_key_expire_by_the_time_of_redis(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await use_everything(store, clock)
    clock.advance(100)
    assert (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
    await clear_queue(store, "sms", "q0", purge=False)
    assert kinds_of(names(keys)) >= {"left", "receipts", "minutes"}
    assert lasting(keys) == names(keys)


async def test_a_shorter_receipt_time_cuts_no_receipt_short(
    own_time: QueueStore, keys: Redis
) -> None:
    for receipt_time in (3_600_000, 60_000):
        await own_time.enqueue("sms", jobs(1, 1000, interval=0))
        taken = (await dequeue_for_one(own_time, "sms", count=1000, lease_time=60_000)).jobs
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await finish_all(own_time, "sms", refs, receipt_time=receipt_time)
    shards = [key for key in names(keys) if "/receipts/" in key]
    assert len(shards) == 16
    assert min(keys.pttl(shard) for shard in shards) > 3_600_000


@pytest.mark.parametrize(
    ("prefix", "other"),
    [
        ("a*b", "sharq_server"),
        ("a[b]c?", "sharq_server"),
        ("sharq", "sharq_server"),
        ("sharq_server:0", "sharq_server"),
        ("sharq_server:119", "sharq_server"),
    ],
)
async def test_two_prefixes_share_a_database_and_nothing_else(
    redis_url: str, clock: ManualClock, keys: Redis, prefix: str, other: str
) -> None:
    options = {"url": redis_url, "key_prefix": prefix}
    async with (
        open_store("redis", options, clock=clock) as one,
        open_store("redis", {"url": redis_url, "key_prefix": other}, clock=clock) as two,
    ):
        await one.enqueue("sms", jobs(1, 1))
        assert not (await dequeue_for_one(two, "sms", count=1, lease_time=1000)).jobs
        assert not sum((await counts_of(two)).enqueues.values())
        assert await list_all(two, None, limit=100) == set()
        assert await list_all(one, None, limit=100) == {"sms"}
        assert len((await dequeue_for_one(one, "sms", count=1, lease_time=1000)).jobs) == 1
        clock.advance(1000)
        assert not (await two.tend(limit=10)).ended
        assert len((await one.tend(limit=10)).ended) == 1


async def test_foreign_keys_beside_ours_have_no_effect(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    foreign = {
        "sharq_server:types": "theirs",
        "{sharq_server}/types": "theirs",
        "{sharq_server:sms}/queues/sms": "theirs",
        f"{TAG}": "theirs",
        f"{TAG}:queues:sms": "theirs",
        f"{TAG}/queues/other/sms": "theirs",
    }
    keys.mset(foreign)
    await use_everything(store, clock)
    assert await list_all(store, None, limit=100) == {"sms"}
    assert sum((await counts_of(store)).enqueues.values()) == 12
    for queue in range(3):
        await clear_queue(store, "sms", f"q{queue}", purge=True)
    assert {key: keys.get(key) for key in foreign} == dict.fromkeys(foreign, b"theirs")


@pytest.mark.parametrize(
    ("queue_type", "number"),
    [
        ("sms", 119),
        ("mail", 72),
        ("default", 223),
        ("a", 67),
        ("sms:priority", 205),
        ("user@example.com", 161),
        ("x" * 100, 143),
    ],
)
def test_the_bucket_of_a_type_never_changes(queue_type: str, number: int) -> None:
    """What is stored depends on these numbers."""
    assert Buckets("p", 0).of(queue_type).tag == "{" + f"p:{number:03}" + "}"


def test_there_are_256_buckets() -> None:
    tags = [bucket.tag for bucket in Buckets("p", 0).all]
    assert (len(set(tags)), tags[0], tags[-1]) == (256, "{p:000}", "{p:255}")
