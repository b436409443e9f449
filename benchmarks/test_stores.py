"""The benchmarks for any backend, on every installed backend."""

import pytest

from sharq_plug.plugins import installed_backends, open_store
from sharq_plug.testing.benchmarks import OpenRealStore, StoreBenchmarks


class TestBackends(StoreBenchmarks):
    @pytest.fixture(params=list(installed_backends()))
    def title(self, request: pytest.FixtureRequest) -> str:
        name: str = request.param
        return name

    @pytest.fixture
    def open_store(self, title: str, request: pytest.FixtureRequest) -> OpenRealStore:
        options = {"url": request.getfixturevalue("redis_server").url} if title == "redis" else {}
        return lambda: open_store(title, options)
