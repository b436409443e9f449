"""The Redis store against the memory store, and against the rules."""

import pytest
from model.broken_redis import FAULTS, ScriptFault, open_broken
from model.running import SEQUENCES, run_all, run_until_caught
from redis import Redis

from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import OpenStore, model_check
from support.redis_server import RedisServer

FAULT_PATIENCE = 1.0
"""Seconds to wait for a wake-up of a broken store, which may never come."""


@pytest.fixture
def redis(redis_server: RedisServer) -> Redis:
    """A client for looking at the keys behind the store's back."""
    return redis_server.client()


@pytest.fixture
def options(redis_server: RedisServer) -> dict[str, object]:
    return {"conn_type": "unix_sock", "unix_socket_path": str(redis_server.socket_path)}


def emptying(redis: Redis, open_store: OpenStore) -> OpenStore:
    """Return what empties Redis before it opens a store."""

    def open_on_nothing(clock: ManualClock) -> QueueStore:
        redis.flushall()
        return open_store(clock)

    return open_on_nothing


EXPIRING = {b"minutes", b"receipts", b"attempt"}
"""Kinds of keys that expire by Redis's own time, in a store that goes by it."""


def nothing_is_left_for_good(redis: Redis) -> None:
    lasting = [key for key in redis.scan_iter() if not EXPIRING & set(key.split(b":"))]
    assert not lasting


def test_redis_answers_every_sequence_as_memory_does_and_keeps_every_rule(
    redis: Redis, options: dict[str, object]
) -> None:
    open_store = emptying(redis, lambda clock: plugins.open_store("redis", options, clock=clock))
    machine = model_check(open_store, when_emptied=lambda: nothing_is_left_for_good(redis))
    run_all(machine, SEQUENCES * 4 // 5)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_broken_script_is_caught(
    fault: ScriptFault, redis: Redis, options: dict[str, object]
) -> None:
    open_store = emptying(redis, lambda clock: open_broken(fault, options, clock))
    with pytest.raises(AssertionError):
        run_until_caught(
            model_check(
                open_store,
                when_emptied=lambda: nothing_is_left_for_good(redis),
                patience=FAULT_PATIENCE,
            )
        )
