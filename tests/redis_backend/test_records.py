"""What a walk over queues reads of their records says the same as a look at each."""

from typing import cast

import pytest
from redis import Redis

from sharq_plug.model import Extras, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one
from sharq_redis.records import NARROW, WIDE, waiting_in
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

TYPE = "sms"
LONG = 10**9
"""An interval that no narrow record holds."""


async def fill(store: QueueStore, queue_id: str, count: int, interval: int = 0) -> None:
    """Put jobs into a queue."""
    await store.enqueue(TYPE, [NewJob(queue_id, f"j{n}", b"{}", interval) for n in range(count)])


def records(keys: Redis) -> dict[bytes, bytes]:
    return cast(dict[bytes, bytes], keys.hgetall(f"{tag(TYPE)}/queues/{TYPE}"))


async def test_the_beginning_of_each_plain_record_tells_how_many_jobs_wait(
    store: QueueStore, keys: Redis
) -> None:
    for queue_id, count in (("two", 2), ("many", 255), ("one", 1)):
        await fill(store, f"dequeued-{queue_id}", count)
    for interval in (0, LONG):
        for _ in range(3):
            await dequeue_for_one(store, TYPE, count=1, lease_time=1000)
        await fill(store, f"alone-{interval}", 1, interval)
        await fill(store, f"some-{interval}", 3, interval)
        await fill(store, f"crowd-{interval}", 300, interval)
    await fill(store, "fresh", 1)
    found = records(keys)
    assert {record[0] for record in found.values()} == NARROW | WIDE
    for name, record in found.items():
        queue = (await store.look(TYPE, name.decode())).queue
        assert queue is not None
        assert waiting_in(record) == queue.waiting


async def test_a_record_of_a_queue_with_delayed_jobs_or_letters_does_not_tell(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [NewJob("dead", "j", b"{}", 0, requeue_limit=0)])
    await dequeue_for_one(store, TYPE, count=1, lease_time=1)
    clock.advance(1)
    await store.tend(limit=10)
    await store.enqueue(TYPE, [NewJob("delayed", "j", b"{}", 0, extras=Extras(delay=10))])
    assert [waiting_in(record) for record in records(keys).values()] == [None, None]


@pytest.mark.parametrize("record", [b"", b"\x10", b"\x10" * 22, b"\xff" * 40, b"no record" * 9])
def test_what_is_no_record_does_not_tell(record: bytes) -> None:
    assert waiting_in(record) is None
