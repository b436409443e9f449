from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import httpx
import pytest
from sanic import Sanic

from sharq_plug.plugins import open_store
from sharq_plug.service import QueueService
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.api import Served, serving


@pytest.fixture(scope="session", autouse=True)
def _many_apps_in_a_process() -> Iterator[None]:
    """Sanic rewrites its own methods when an app starts; without this, only once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sanic, "test_mode", True)
        yield


@pytest.fixture(params=["memory", "redis"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_backend(
    backend: str, clock: ManualClock, request: pytest.FixtureRequest
) -> Callable[[], QueueStore]:
    options = {"url": request.getfixturevalue("redis_url")} if backend == "redis" else {}
    return partial(open_store, backend, options, clock=clock)


@pytest.fixture
async def served(open_backend: Callable[[], QueueStore]) -> AsyncIterator[Served]:
    async with serving(open_backend) as served:
        yield served


@pytest.fixture
def client(served: Served) -> httpx.AsyncClient:
    return served.client


@pytest.fixture
def service(served: Served) -> QueueService:
    """The service behind `client`."""
    return served.service
