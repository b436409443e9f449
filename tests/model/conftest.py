"""A Redis for the model check, and the options of a store on it."""

import pytest
from redis import Redis

from support.redis_server import RedisServer


@pytest.fixture
def redis(redis_server: RedisServer) -> Redis:
    """A client for looking at the keys behind the store's back."""
    return redis_server.client()


@pytest.fixture
def options(redis_server: RedisServer) -> dict[str, object]:
    return {"conn_type": "unix_sock", "unix_socket_path": str(redis_server.socket_path)}
