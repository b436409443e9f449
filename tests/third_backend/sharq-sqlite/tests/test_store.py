import pytest

from sharq_plug import plugins
from sharq_plug.testing import OpenStore, StoreConformance


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda clock: plugins.open_store("sqlite", clock=clock)
