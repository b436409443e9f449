import sys
from collections.abc import Iterator

import pytest

from support.readme import ROOT
from support.redis_server import RedisServer

# Behind what is installed: the server is to be the installed one, only `benchmarks` and `loadtests`
# are found here.
sys.path.append(str(ROOT))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server for the whole run, without persistence. Use `redis_url` in a test."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty database."""
    redis_server.client().flushall()
    return redis_server.url
