from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.redis_damage import Stage
from support.redis_server import RedisServer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(redis_url: str, clock: ManualClock) -> AsyncIterator[QueueStore]:
    async with open_store("redis", {"url": redis_url}, clock=clock) as store:
        yield store


@pytest.fixture
def keys(redis_server: RedisServer, redis_url: str) -> Redis:
    """A client for looking at the keys behind the store's back."""
    return redis_server.client()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may ill-treat."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def stage(store: QueueStore, clock: ManualClock, keys: Redis) -> Stage:
    return Stage(store, clock, keys)
