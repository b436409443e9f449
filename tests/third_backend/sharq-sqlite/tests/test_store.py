from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings
from sharq_sqlite.journal import Journal
from sharq_sqlite.store import SqliteStore

from sharq_memory.machine import Machine
from sharq_plug import plugins
from sharq_plug.testing import OpenStore, StoreConformance
from sharq_plug.testing.model_check import model_check


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda clock: plugins.open_store("sqlite", clock=clock)


TestSqliteModel = model_check(lambda clock: plugins.open_store("sqlite", clock=clock)).TestCase
TestSqliteModel.settings = settings(TestSqliteModel.settings, max_examples=20)


class ForgetfulStore(SqliteStore):
    """Knows nothing from call to call but what is in its database."""

    CALLS_KEPT = 3

    @contextmanager
    def _machine(self) -> Iterator[tuple[Journal, Machine]]:
        with super()._machine() as (journal, _):
            self._opened = journal, journal.read()
            yield self._opened


TestForgetfulModel = model_check(lambda clock: ForgetfulStore(":memory:", clock)).TestCase
TestForgetfulModel.settings = settings(TestForgetfulModel.settings, max_examples=20)
