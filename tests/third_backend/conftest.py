from pathlib import Path

import pytest
from third_backend.distribution import Distribution

collect_ignore = ["sharq-sqlite"]  # it is not installed here; a test runs its tests


@pytest.fixture
def distribution(tmp_path: Path) -> Distribution:
    """The third backend, not installed yet."""
    return Distribution(tmp_path)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """The third backend, installed unchanged."""
    distribution = Distribution(tmp_path_factory.mktemp("third"))
    distribution.install()
    return distribution
