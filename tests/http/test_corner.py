"""What lives under `/-/`: health, readiness, and more than one route of the same shape."""

from collections.abc import Sequence

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.http.api.replies import Reply
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.routes import Verb, routes_of
from sharq_plug.http.wire import app
from support.api import Served, enqueue, exchange, send, serving

pytestmark = pytest.mark.anyio


class AwayStore(MemoryStore):
    """Counts round trips, and is away when it is told to be."""

    is_away = False
    trips = 0

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        self.trips += 1
        if self.is_away:
            raise StoreUnavailable("an address")
        return await super().health(thorough=thorough)


async def probe(served: Served, path: str) -> tuple[int, str | None]:
    response = await served.client.get(path)
    assert "address" not in response.text
    assert response.headers.get("retry-after") == ("1" if response.status_code == 503 else None)
    return response.status_code, response.json().get("error")


async def test_health_is_that_of_the_process_and_readiness_that_of_the_store() -> None:
    store = AwayStore()
    async with serving(lambda: store) as served:
        assert await probe(served, "/-/health") == (200, None)
        assert store.trips == 0
        assert await probe(served, "/-/ready") == (200, None)
        assert store.trips == 1
        store.is_away = True
        assert await probe(served, "/-/health") == (200, None)
        assert await probe(served, "/-/ready") == (503, "unavailable")
        assert await probe(served, "/deepstatus/") == (503, "unavailable")
        store.is_away = False
        assert await probe(served, "/-/ready") == (200, None)


async def test_a_server_that_drains_is_healthy_and_not_ready() -> None:
    store = AwayStore()
    async with serving(lambda: store) as served:
        served.server.is_draining = True
        assert await probe(served, "/-/ready") == (503, "draining")
        assert store.trips == 0
        assert await probe(served, "/-/health") == (200, None)
        assert await probe(served, "/deepstatus/") == (200, None)


async def test_a_queue_type_may_be_called_as_the_corner() -> None:
    async with serving(MemoryStore) as served:
        assert (await send(served.client, enqueue("health", "-/-"))).status_code == 201
        assert (await served.client.get("/metrics/-/")).json()["queue_ids"] == ["-"]
        assert (await served.client.get("/dequeue/-/")).json()["job_id"] == "health"
        assert (await served.client.post("/finish/-/-/health/")).status_code == 200
        assert (await served.client.get("/dequeue/-/?count=1")).status_code == 404


async def text(_request: Request, **names: str) -> Reply:
    body = "".join(f"{name}: {value}\n" for name, value in names.items()) or "è\n"
    return Reply(200, body.encode(), content_type="text/plain; charset=utf-8")


@pytest.fixture
def more_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("queue_type",), ("queue_type", "queue_id")
    one = Verb("-/one", names, "GET", text, None, {})
    two = Verb("-/two", ((), *names), "GET", text, None, {})
    monkeypatch.setattr(app, "ROUTES", (*app.ROUTES, *routes_of((one, two))))


@pytest.mark.usefixtures("more_routes")
async def test_routes_of_the_corner_with_as_many_names_do_not_overwrite_each_other() -> None:
    async with serving(MemoryStore) as served:
        for path, body in (
            ("/-/one/sms/", "queue_type: sms\n"),
            ("/-/one/s%6Ds/q", "queue_type: sms\nqueue_id: q\n"),
            ("/-/two/-", "queue_type: -\n"),
            ("/%2D/two/a/b/", "queue_type: a\nqueue_id: b\n"),
            ("/-/two", "è\n"),
        ):
            response = await served.client.get(path)
            assert (response.status_code, response.text) == (200, body)
        for path in ("/-/one", "/-/three/sms", "/-/two/a/b/c", "/-/ready/sms", "/-%2Fone/sms"):
            assert (await served.client.get(path)).status_code == 404
        assert (await served.client.post("/-/one/sms")).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.usefixtures("more_routes")
async def test_a_reply_need_not_be_json() -> None:
    async with serving(MemoryStore) as served:
        got, head = await served.client.get("/-/two"), await served.client.head("/-/two")
        assert (got.text, head.content) == ("è\n", b"")
        for response in (got, head):
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
            assert response.headers["content-length"] == "3"
            assert response.headers["cache-control"] == "no-store"
        after = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        sent = b"HEAD /-/two HTTP/1.1\r\nHost: x\r\n\r\n" + after
        received = await exchange(served.port, sent=sent)
        assert received.count(b"HTTP/1.1 200 OK") == 2
        assert received.endswith(b'\r\n\r\n{"message":"Hello, SharQ!"}')
