"""The Redis backend under the conformance kit."""

import pytest

from sharq_plug import plugins
from sharq_plug.testing import OpenStore, StoreConformance


class TestRedisStore(StoreConformance):
    @pytest.fixture
    def open_store(self, redis_url: str) -> OpenStore:
        return lambda clock: plugins.open_store("redis", {"url": redis_url}, clock=clock)
