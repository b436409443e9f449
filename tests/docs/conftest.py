"""A server that the pages' examples are sent to, over each store."""

from collections.abc import Iterator

import pytest

from support.server import ServerProcess


@pytest.fixture(params=["memory", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    environ = {}
    if request.param == "redis":
        environ["SHARQ_REDIS_URL"] = request.getfixturevalue("redis_url")
    with ServerProcess("--backend", request.param, environ=environ) as server:
        yield server
