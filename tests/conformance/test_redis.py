"""The Redis backend under the conformance kit, as a user with the documented rights alone."""

import pytest

from sharq_plug import plugins
from sharq_plug.testing import OpenStore, StoreConformance
from support.readme import acl_rule
from support.redis_server import RedisServer


@pytest.fixture(scope="module")
def url_of_user(redis_server: RedisServer) -> str:
    redis_server.command("ACL", "SETUSER", "sharq", "reset", *acl_rule("secret"))
    return f"redis://sharq:secret@127.0.0.1:{redis_server.port}/0"


class TestRedisStore(StoreConformance):
    @pytest.fixture
    def open_store(self, redis_url: str, url_of_user: str) -> OpenStore:
        return lambda clock: plugins.open_store("redis", {"url": url_of_user}, clock=clock)
