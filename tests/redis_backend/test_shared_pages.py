"""Takes that share a call: the line is read and written once for all of them."""

import pytest
from redis import Redis

from sharq_plug.model import Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.vocabulary import LEASE_TIME, TYPE, enqueue
from support.redis_keys import calls

pytestmark = pytest.mark.anyio

TAKES = 16


@pytest.mark.parametrize("take", [Take(1, LEASE_TIME), Take(1, LEASE_TIME, "try")])
async def test_more_takes_need_no_more_commands_on_the_keys_of_the_type(
    store: QueueStore, keys: Redis, take: Take
) -> None:
    for number in range(TAKES):
        await enqueue(store, f"q{number}", "j1", "j2")
    takes = [take] + [Take(1, LEASE_TIME)] * (TAKES - 1)
    keys.config_resetstat()
    answers = await store.dequeue(TYPE, takes)
    assert [job.queue_id for answer in answers for job in answer.jobs] == [
        f"q{number}" for number in range(TAKES)
    ]
    called = calls(keys)
    of_each_job = {name: called.pop(name) for name in ("hget", "zpopmin")}
    assert of_each_job == {"hget": TAKES, "zpopmin": TAKES}
    assert called["zrange"] == called["hmget"] == called["hset"] == called["zrem"] == 1
    assert sum(called.values()) < TAKES
