from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sanic import Sanic

from support.keyed import House, keyed


@pytest.fixture(scope="session", autouse=True)
def _many_apps_in_a_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sanic, "test_mode", True)
        yield


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with keyed(tmp_path / "keys.toml") as house:
        yield house
