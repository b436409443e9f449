"""A server that the pages' examples are sent to, over each store, configured as `make run` does."""

from collections.abc import Iterator

import pytest

from support.readme import ROOT
from support.server import ServerProcess


@pytest.fixture(params=["memory", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    environ = {}
    arguments = ("--config", str(ROOT / "sharq.conf"), "--backend", request.param)
    if request.param == "redis":
        environ["SHARQ_REDIS_URL"] = request.getfixturevalue("redis_url")
    with ServerProcess(*arguments, environ=environ) as server:
        yield server
