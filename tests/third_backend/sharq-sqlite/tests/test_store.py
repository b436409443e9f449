import pytest

from sharq_plug import plugins
from sharq_plug.testing import OpenStore, StoreConformance
from sharq_plug.testing.model_check import model_check


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda clock: plugins.open_store("sqlite", clock=clock)


TestSqliteModel = model_check(lambda clock: plugins.open_store("sqlite", clock=clock)).TestCase
