import pytest


@pytest.fixture
def on_redis(redis_url: str) -> dict[str, str]:
    """The environment of a server whose store is an empty Redis."""
    return {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_URL": redis_url}
