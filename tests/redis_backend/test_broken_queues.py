"""A queue whose keys somebody broke takes no other queue down with it."""

import logging

import pytest
from redis import Redis

from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

TAG = "{sharq_server:sms}"


def job(queue_id: str, job_id: str = "job") -> NewJob:
    return NewJob(queue_id, job_id, b"{}", 0)


async def test_dequeue_passes_over_a_broken_queue_and_says_so(
    store: QueueStore, keys: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await store.enqueue("sms", [job("broken"), job("fine")])
    keys.set(f"{TAG}:jobs:broken", "no hash")
    served = await store.dequeue("sms", count=10, lease=1000)
    assert [leased.queue_id for leased in served.jobs] == ["fine"]
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "broken: WRONGTYPE" in record.getMessage()


async def test_a_job_that_vanished_stops_its_own_queue_only(
    store: QueueStore, keys: Redis, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job("broken"), job("fine")])
    keys.delete(f"{TAG}:only:broken")
    served = await store.dequeue("sms", count=10, lease=1000)
    assert [leased.queue_id for leased in served.jobs] == ["fine"]


async def test_a_broken_queue_is_served_again_a_minute_after_its_repair(
    store: QueueStore, keys: Redis, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job("q")])
    keys.rename(f"{TAG}:only:q", "aside")
    assert not (await store.dequeue("sms", count=1, lease=1000)).jobs
    keys.rename("aside", f"{TAG}:only:q")
    clock.advance(60_000)
    assert len((await store.dequeue("sms", count=1, lease=1000)).jobs) == 1


async def test_a_place_in_line_without_a_queue_is_dropped(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", [job("stale"), job("fine")])
    keys.hdel(f"{TAG}:queues", "stale")
    served = await store.dequeue("sms", count=10, lease=1000)
    assert [leased.queue_id for leased in served.jobs] == ["fine"]
    assert not list(keys.zscan_iter(f"{TAG}:line", "*stale"))


async def test_reclaim_passes_over_a_broken_queue(
    store: QueueStore, keys: Redis, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job("broken"), job("fine")])
    await store.dequeue("sms", count=2, lease=1000)
    keys.set(f"{TAG}:leases:broken", "no zset")
    clock.advance(1000)
    reclaimed = await store.reclaim("sms", limit=10)
    assert reclaimed.requeued == 1
    assert (await store.queue_metrics("sms", "fine")).waiting == 1


async def test_an_enqueue_into_a_broken_queue_fails_alone_and_changes_nothing(
    store: QueueStore, keys: Redis
) -> None:
    keys.set(f"{TAG}:jobs:broken", "no hash")
    results = await store.enqueue("sms", [job("fine"), job("broken"), job("fine", "second")])
    assert [result.outcome.value for result in results] == ["queued", "broken", "queued"]
    served = await store.dequeue("sms", count=10, lease=1000)
    assert [leased.job_id for leased in served.jobs] == ["job", "second"]
    assert keys.hkeys(f"{TAG}:queues") == [b"fine"]


async def test_a_finish_in_a_broken_queue_fails_alone(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", [job("broken"), job("fine")])
    taken = (await store.dequeue("sms", count=2, lease=1000)).jobs
    keys.set(f"{TAG}:jobs:broken", "no hash")
    refs = [LeaseRef(leased.queue_id, leased.job_id, leased.token) for leased in taken]
    outcomes = await store.finish("sms", refs, receipt_time=60_000)
    assert outcomes == [LeaseOutcome.BROKEN, LeaseOutcome.ENDED]
    again = await store.finish("sms", refs[1:], receipt_time=60_000)
    assert again == [LeaseOutcome.ENDED], "its receipt was kept"
