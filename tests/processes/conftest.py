from pathlib import Path

import pytest

from support.certificates import Authority, Pair


@pytest.fixture
def on_redis(redis_url: str) -> dict[str, str]:
    """The environment of a server whose store is an empty Redis."""
    return {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_URL": redis_url}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def pair(authority: Authority, tmp_path: Path) -> Pair:
    """A certificate that the test may change."""
    mine = Pair(tmp_path / "mine.pem", tmp_path / "mine.key")
    mine.replace(authority.issue("mine"))
    return mine
