from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.redis_cluster import RedisCluster


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A cluster of three primaries for the whole run. Tests use `cluster`."""
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(three: RedisCluster) -> RedisCluster:
    """An empty cluster of three primaries."""
    three.flush()
    return three


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """A cluster of three primaries that a test may damage."""
    with RedisCluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(cluster: RedisCluster, clock: ManualClock) -> AsyncIterator[QueueStore]:
    async with open_store("redis", cluster.options, clock=clock) as store:
        yield store
