from collections.abc import Iterator
from functools import partial

import pytest
from sanic import Sanic

from hostile.snapshot import Snapshots
from support.api import Serve, serving
from support.certificates import Authority
from support.http_client import Wire
from support.redis_server import RedisServer
from support.server import ServerProcess

SETTINGS = {
    "SHARQ_SERVER_ACCESSLOG": "-",
    "SHARQ_ENABLE_REQUEUE_SCRIPT": "false",
    "SHARQ_JOB_EXPIRE_INTERVAL": "43200000",
}
"""Between two requests nothing changes by itself."""


@pytest.fixture(scope="session", autouse=True)
def _many_apps_in_a_process() -> Iterator[None]:
    """Sanic rewrites its own methods when an app starts; without this, only once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sanic, "test_mode", True)
        yield


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["plain", "tls"])
def serve(request: pytest.FixtureRequest) -> Serve:
    """Serve a store in this process, without TLS and with it."""
    is_plain = request.param == "plain"
    return partial(serving, authority=None if is_plain else request.getfixturevalue("authority"))


@pytest.fixture(scope="session")
def open_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that tells the digest of its keys."""
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(folder, "--enable-debug-command", "yes") as redis:
        yield redis


@pytest.fixture(scope="session", params=["memory", "redis"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def redis(backend: str, request: pytest.FixtureRequest) -> RedisServer | None:
    """The Redis behind the server, if there is one."""
    if backend == "memory":
        return None
    found: RedisServer = request.getfixturevalue("open_redis")
    return found


@pytest.fixture(scope="session")
def server(backend: str, redis: RedisServer | None) -> Iterator[ServerProcess]:
    """One server for the whole run, with its access log and its messages in one."""
    environ = {**SETTINGS, "SHARQ_SERVER_BACKEND": backend}
    if redis is not None:
        environ["SHARQ_REDIS_URL"] = redis.url
    with ServerProcess(environ=environ) as server:
        yield server


@pytest.fixture
def snapshots(server: ServerProcess, redis: RedisServer | None) -> Iterator[Snapshots]:
    with Wire(server.port) as wire:
        yield Snapshots(wire, redis)


@pytest.fixture
def _unharmed(server: ServerProcess, snapshots: Snapshots) -> Iterator[None]:
    """After the test the store is as before, the server answers, and nothing went wrong in it."""
    before, logged = snapshots.take(), len(server.log())
    yield
    assert snapshots.take() == before
    log = server.log()[logged:]
    assert " ERROR " not in log
    assert "Traceback" not in log
