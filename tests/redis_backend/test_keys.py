"""What the store writes, and that it goes again."""

import pytest
from redis import Redis

from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

TAG = "{sharq_server:sms}:"
OUTSIDE_THE_TAGS = {"types", "minutes"}


def jobs(queues: int, each: int, *, requeue_limit: int = -1, interval: int = 50) -> list[NewJob]:
    return [
        NewJob(f"q{queue}", f"job-{number}", b"{}", interval, requeue_limit)
        for queue in range(queues)
        for number in range(each)
    ]


async def use_everything(store: QueueStore, clock: ManualClock) -> None:
    """Leave jobs in every state, on several queues."""
    await store.enqueue("sms", jobs(3, 4, requeue_limit=0))
    first = await store.dequeue("sms", count=3, lease=1000)
    clock.advance(100)
    await store.finish(
        "sms",
        [LeaseRef(job.queue_id, job.job_id, job.token) for job in first.jobs[:2]],
        receipt_time=60_000,
    )
    clock.advance(1000)
    await store.reclaim("sms", limit=10)
    await store.dequeue("sms", count=2, lease=1000)


def names(keys: Redis) -> set[str]:
    return {key.decode() for key in keys.scan_iter()}


def lasting(keys: Redis) -> set[str]:
    """Return the keys that do not expire by themselves."""
    return {key for key in names(keys) if keys.pttl(key) < 0}


async def test_every_key_of_a_type_hangs_from_its_hash_tag(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await use_everything(store, clock)
    await store.counts()
    others = {key for key in names(keys) if not key.startswith(TAG)}
    assert {key.split(":")[1] for key in others} == OUTSIDE_THE_TAGS
    kinds = {key.removeprefix(TAG).split(":")[0] for key in names(keys) - others}
    assert kinds >= {"queues", "line", "expiring", "jobs", "rest", "leases", "dead"}


async def test_a_job_that_is_alone_in_its_queue_has_no_hash_until_it_has_company(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    first, second = jobs(1, 2, interval=0)
    await store.enqueue("sms", [first])
    assert keys.exists(TAG + "only:q0")
    assert not keys.exists(TAG + "jobs:q0")
    await store.enqueue("sms", [second])
    assert not keys.exists(TAG + "only:q0")
    taken = (await store.dequeue("sms", count=2, lease=1000)).jobs
    assert [job.job_id for job in taken] == [first.job_id, second.job_id]


async def test_after_finishing_everything_only_counters_and_receipts_are_left(
    store_on_own_time: QueueStore, keys: Redis
) -> None:
    store = store_on_own_time
    await store.enqueue("sms", jobs(5, 3, interval=0))
    taken = (await store.dequeue("sms", count=100, lease=60_000)).jobs
    refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
    await store.finish("sms", refs, receipt_time=60_000)
    await store.reclaim("sms", limit=100)
    await store.counts()
    assert lasting(keys) == set()
    kinds = {key.removeprefix(TAG).split(":")[0] for key in names(keys) if key.startswith(TAG)}
    assert kinds == {"left", "minutes", "receipts"}


async def test_after_purging_everything_no_queue_has_a_key(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await use_everything(store, clock)
    for queue in range(3):
        await store.clear("sms", f"q{queue}", purge=True)
    clock.advance(50)
    await store.reclaim("sms", limit=100)
    kinds = {key.removeprefix(TAG).split(":")[0] for key in names(keys) if key.startswith(TAG)}
    assert kinds == {"minutes", "receipts"}


async def test_an_unpaid_rate_outlives_its_queue_by_a_key_that_expires_later(
    store_on_own_time: QueueStore, keys: Redis
) -> None:
    await store_on_own_time.enqueue("sms", jobs(1, 1, interval=3_600_000))
    await store_on_own_time.dequeue("sms", count=1, lease=1000)
    await store_on_own_time.clear("sms", "q0", purge=True)
    assert keys.pttl(TAG + "left:q0") > 3_600_000


async def test_an_unpaid_rate_goes_with_the_reclaim_after_it_is_paid(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", jobs(1, 1, interval=3_600_000))
    await store.dequeue("sms", count=1, lease=1000)
    await store.clear("sms", "q0", purge=True)
    assert keys.exists(TAG + "left:q0")
    clock.advance(3_600_000)
    await store.reclaim("sms", limit=10)
    assert not keys.exists(TAG + "left:q0")


async def test_receipts_are_bounded_in_number(
    store: QueueStore, keys: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.store.MAX_RECEIPTS", 160)
    for turn in range(4):
        await store.enqueue("sms", jobs(1, 200, interval=0))
        taken = (await store.dequeue("sms", count=200, lease=1000)).jobs
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await store.finish("sms", refs, receipt_time=60_000)
        kept = sum(keys.zcard(key) for key in keys.scan_iter(TAG + "receipts:*"))
        assert kept <= 160, turn


async def test_old_receipts_go_when_new_ones_come(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    for _ in range(2):
        await store.enqueue("sms", jobs(1, 500, interval=0))
        taken = (await store.dequeue("sms", count=500, lease=1000)).jobs
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await store.finish("sms", refs, receipt_time=60_000)
        clock.advance(60_001)
    assert sum(keys.zcard(key) for key in keys.scan_iter(TAG + "receipts:*")) == 500


async def test_a_store_that_was_handed_a_clock_lets_no_key_expire_by_the_time_of_redis(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await use_everything(store, clock)
    clock.advance(100)
    assert (await store.dequeue("sms", count=1, lease=1000, attempt_id="a")).jobs
    await store.clear("sms", "q0", purge=False)
    await store.counts()
    kinds = {key.removeprefix(TAG).split(":")[0] for key in names(keys)}
    assert kinds >= {"left", "attempt", "receipts", "minutes"}
    assert lasting(keys) == names(keys)


async def test_a_shorter_receipt_time_cuts_no_receipt_short(
    store_on_own_time: QueueStore, keys: Redis
) -> None:
    for receipt_time in (3_600_000, 60_000):
        await store_on_own_time.enqueue("sms", jobs(1, 500, interval=0))
        taken = (await store_on_own_time.dequeue("sms", count=500, lease=60_000)).jobs
        refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken]
        await store_on_own_time.finish("sms", refs, receipt_time=receipt_time)
    shards = [key for key in names(keys) if ":receipts:" in key]
    assert len(shards) == 16
    assert min(keys.pttl(shard) for shard in shards) > 3_600_000


@pytest.mark.parametrize("prefix", ["a*b", "a[b]c?", "plain"])
async def test_two_prefixes_share_a_database_and_nothing_else(
    redis_url: str, clock: ManualClock, prefix: str
) -> None:
    options = {"url": redis_url, "key_prefix": prefix}
    async with (
        open_store("redis", options, clock=clock) as one,
        open_store("redis", {"url": redis_url}, clock=clock) as other,
    ):
        await one.enqueue("sms", jobs(1, 1))
        assert not (await other.dequeue("sms", count=1, lease=1000)).jobs
        assert (await other.counts()).enqueues == (await other.counts("sms")).enqueues
        assert len((await one.dequeue("sms", count=1, lease=1000)).jobs) == 1
