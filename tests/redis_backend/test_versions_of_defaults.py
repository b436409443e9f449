"""A queue without jobs keeps the version of defaults that it took up; its type may forget it."""

import pytest
from redis import Redis

from sharq_plug.model import Finish, LeaseRef, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.conformance.setting import patch, rules, set_defaults
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

SETTINGS = f"{tag('sms')}/settings/sms"
QUEUE = "q"


async def enqueue(store: QueueStore, queue_type: str = "sms", job_id: str = "j") -> None:
    await store.enqueue(queue_type, [NewJob(QUEUE, job_id, b"{}", 0)])


async def weight(store: QueueStore) -> int | None:
    return (await rules(store, QUEUE)).in_effect.weight


async def forgotten(store: QueueStore, keys: Redis) -> None:
    """Leave settings of a queue that took up a weight of 2; its type has forgotten the version."""
    await patch(store, QUEUE, max_length=5)
    await set_defaults(store, weight=2)
    await enqueue(store)
    [job] = (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
    await store.settle("sms", [Finish(LeaseRef(QUEUE, job.job_id, job.token), 1000)])
    await set_defaults(store, weight=None)
    assert not keys.exists(SETTINGS)


async def test_a_version_that_comes_again_brings_its_own_defaults(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await forgotten(store, keys)
    await set_defaults(store, weight=3)  # at the instant of the first ones
    assert await weight(store) == 3
    await enqueue(store)
    assert await weight(store) == 3


async def test_a_queue_takes_up_no_defaults_of_another_type(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await forgotten(store, keys)
    await set_defaults(store, queue_type="mail", weight=9)
    await enqueue(store, "mail")
    await enqueue(store)
    assert await weight(store) is None


async def test_a_queue_whose_defaults_were_deleted_takes_up_none(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await set_defaults(store, weight=2)
    await enqueue(store)
    keys.delete(SETTINGS)
    await set_defaults(store, queue_type="mail", weight=9)
    await enqueue(store, "mail")
    await enqueue(store, job_id="second")
    assert await weight(store) is None
