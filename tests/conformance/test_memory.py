"""The memory backend under the conformance kit."""

import pytest

from sharq_plug import plugins
from sharq_plug.testing import OpenStore, StoreConformance


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda clock: plugins.open_store("memory", clock=clock)
