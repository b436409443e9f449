"""A queue whose keys somebody broke takes no other queue down with it."""

import logging

import pytest
from redis import Redis

from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, finish_all, tend_type
from support.one_queue import look_at_queue
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

TAG = tag("sms")


def job(queue_id: str, job_id: str = "job") -> NewJob:
    return NewJob(queue_id, job_id, b"{}", 0)


async def test_dequeue_passes_over_a_broken_queue_and_says_so(
    store: QueueStore, keys: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await store.enqueue("sms", [job("broken"), job("broken", "second"), job("fine")])
    keys.set(f"{TAG}/jobs/sms/broken", "no hash")
    served = await dequeue_for_one(store, "sms", count=10, lease_time=1000)
    assert [leased.queue_id for leased in served.jobs] == ["fine"]
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "broken: WRONGTYPE" in record.getMessage()


async def test_a_job_that_vanished_stops_its_own_queue_only(
    store: QueueStore, keys: Redis, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job("broken"), job("fine")])
    keys.delete(f"{TAG}/one/sms/broken")
    served = await dequeue_for_one(store, "sms", count=10, lease_time=1000)
    assert [leased.queue_id for leased in served.jobs] == ["fine"]


async def test_a_broken_queue_is_served_again_a_minute_after_its_repair(
    store: QueueStore, keys: Redis, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job("q")])
    keys.rename(f"{TAG}/one/sms/q", "aside")
    assert not (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
    keys.rename("aside", f"{TAG}/one/sms/q")
    clock.advance(60_000)
    assert len((await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs) == 1


async def test_a_place_in_line_without_a_queue_is_dropped(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", [job("stale"), job("fine")])
    keys.hdel(f"{TAG}/queues/sms", "stale")
    served = await dequeue_for_one(store, "sms", count=10, lease_time=1000)
    assert [leased.queue_id for leased in served.jobs] == ["fine"]
    assert keys.zcard(f"{TAG}/line/sms") == 0


async def test_reclaim_passes_over_a_broken_queue(
    store: QueueStore, keys: Redis, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job("broken"), job("broken", "second"), job("fine")])
    await dequeue_for_one(store, "sms", count=3, lease_time=1000)
    keys.set(f"{TAG}/leases/sms/broken", "no zset")
    clock.advance(1000)
    reclaimed = await tend_type(store, "sms", limit=10)
    assert reclaimed.requeued == 1
    assert (await look_at_queue(store, "sms", "fine")).waiting == 1


async def test_an_enqueue_into_a_broken_queue_fails_alone_and_changes_nothing(
    store: QueueStore, keys: Redis
) -> None:
    await store.enqueue("sms", [job("broken"), job("broken", "second")])
    keys.set(f"{TAG}/jobs/sms/broken", "no hash")
    record = keys.hget(f"{TAG}/queues/sms", "broken")
    new = [job("fine"), job("broken", "third"), job("fine", "second")]
    results = await store.enqueue("sms", new)
    assert [result.outcome.value for result in results] == ["queued", "broken", "queued"]
    assert keys.hget(f"{TAG}/queues/sms", "broken") == record
    assert keys.zrange(f"{TAG}/rest/sms/broken", 0, -1) == [b"second"]
    served = await dequeue_for_one(store, "sms", count=10, lease_time=1000)
    assert [leased.job_id for leased in served.jobs] == ["job", "second"]
    assert keys.hget(f"{TAG}/queues/sms", "broken") == record


async def test_a_finish_in_a_broken_queue_fails_alone(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", [job("broken"), job("fine"), job("broken", "second")])
    taken = (await dequeue_for_one(store, "sms", count=2, lease_time=1000)).jobs
    keys.set(f"{TAG}/jobs/sms/broken", "no hash")
    refs = [LeaseRef(leased.queue_id, leased.job_id, leased.token) for leased in taken]
    outcomes = await finish_all(store, "sms", refs, receipt_time=60_000)
    assert outcomes == [LeaseOutcome.BROKEN, LeaseOutcome.ENDED]
    again = await finish_all(store, "sms", refs[1:], receipt_time=60_000)
    assert again == [LeaseOutcome.ENDED], "its receipt was kept"
