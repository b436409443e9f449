from collections.abc import Iterator

import pytest
from sanic import Sanic


@pytest.fixture(scope="session", autouse=True)
def _many_apps_in_a_process() -> Iterator[None]:
    """Let several apps run in this process: without test mode, Sanic allows one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sanic, "test_mode", True)
        yield
