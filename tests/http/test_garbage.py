"""What is left of a request when its connection is closed, until garbage is collected."""

import gc
from collections.abc import Iterator

import httpx
import pytest

from sharq_plug.http.api.replies import Reply
from sharq_plug.http.wire.request import Request
from support.api import enqueue, send

pytestmark = pytest.mark.anyio

LARGE = "x" * 500_000


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
async def test_neither_what_was_sent_nor_what_was_answered(client: httpx.AsyncClient) -> None:
    client.headers["Connection"] = "close"
    assert (await send(client, enqueue("j", payload=LARGE))).status_code == 201
    assert (await send(client, enqueue("k", payload=LARGE))).status_code == 201
    assert (await client.get("/dequeue/sms/?count=1")).json()["jobs"][0]["job_id"] == "j"
    for _ in range(3):
        answer = await client.get("/dequeue/sms/?attempt_id=a")
        assert answer.json()["payload"] == LARGE
    kept = [it for it in gc.get_objects() if isinstance(it, Request | Reply)]
    assert kept, "else this shows nothing"
    assert sum(len(it.body) for it in kept) == 0
    leased = [it for it in kept if isinstance(it, Reply) and it.undelivered is not None]
    assert not leased, "they hold the payloads too"
