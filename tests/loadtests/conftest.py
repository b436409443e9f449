import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sanic import Sanic

# Behind what is installed: the server is to be the installed one, only `loadtests` is found here.
sys.path.append(str(Path(__file__).parents[2]))


@pytest.fixture(scope="session", autouse=True)
def _many_apps_in_a_process() -> Iterator[None]:
    """Let several apps run in this process: without test mode, Sanic allows one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sanic, "test_mode", True)
        yield
