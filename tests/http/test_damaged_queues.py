"""What operators see of a queue whose data in Redis is damaged, and how they remove it."""

from typing import Any

import httpx
import pytest

from support.api import enqueue, send
from support.operators import column, let_die, listed, moved, seen
from support.redis_server import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["redis"], indirect=True)]

REFUSED = {
    "status": "failure",
    "message": "The queue broken is damaged in the store.",
    "error": "broken_queue",
}
NOTHING = {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}


@pytest.fixture(autouse=True)
async def _damaged(client: httpx.AsyncClient, redis_server: RedisServer) -> None:
    """A queue that is damaged and one that is fine, each with a dead letter and a job."""
    for queue in ("sms/broken", "sms/fine"):
        await let_die(client, "dead", queue=queue)
        await send(client, enqueue("j1", queue))
    redis_server.damage("sms", "broken")


async def queues(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    found = await listed(client, "/queues/sms/", "queues", **asked)
    return {queue.pop("queue_id"): queue for queue in found}


async def test_a_listing_marks_it_broken_and_shows_the_others(client: httpx.AsyncClient) -> None:
    found = await queues(client)
    assert found["broken"] == NOTHING | {
        "ready_since": None,
        "next_ready_at": None,
        "broken": True,
    }
    assert found["fine"] == found["fine"] | NOTHING | {"waiting": 1, "dead": 1}
    assert "broken" not in found["fine"]


async def test_the_longest_backlogs_do_not_show_it(client: httpx.AsyncClient) -> None:
    assert list(await queues(client, sort="waiting")) == ["fine"]


async def test_overdue_queues_behind_it_are_listed(client: httpx.AsyncClient) -> None:
    assert "fine" in await queues(client, sort="overdue")


@pytest.mark.parametrize(
    "path", ["/queue/sms/broken/", "/jobs/sms/broken/", "/jobs/sms/broken/?state=dead"]
)
async def test_a_look_into_it_is_refused(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()) == (503, REFUSED)
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("verb", ["redrive", "discard"])
async def test_its_letters_stay_and_are_counted_as_broken(
    client: httpx.AsyncClient, verb: str
) -> None:
    status, answer = await moved(client, f"/{verb}/sms/broken/", {"jobs": ["dead"]})
    assert (status, answer["broken"]) == (200, 1)
    status, answer = await moved(client, f"/{verb}/sms/")
    assert (status, answer["broken"], answer["more"]) == (200, 1, False)
    assert (await seen(client, "/queue/sms/fine/"))["dead"] == 0


async def test_a_clearing_of_some_states_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.delete("/deletequeue/sms/broken/?states=waiting")
    assert (response.status_code, response.json()) == (503, REFUSED)
    response = await client.delete("/deletequeue/sms/?states=waiting")
    assert (response.status_code, response.json()["removed"]["waiting"]) == (200, 1)
    assert (await queues(client))["broken"]["broken"]


@pytest.mark.parametrize("path", ["/deletequeue/sms/broken/", "/deletequeue/sms/"])
async def test_it_is_removed_whole_when_it_is_purged(client: httpx.AsyncClient, path: str) -> None:
    response = await client.request("DELETE", path, json={"purge_all": True})
    assert response.status_code == 200
    assert "broken" not in await queues(client)
    await send(client, enqueue("j1", "sms/broken"))
    assert (await seen(client, "/queue/sms/broken/"))["waiting"] == 1
    assert column(await listed(client, "/deadletters/sms/broken/", "letters"), "number") == []


async def test_its_settings_are_not_changed_and_those_of_others_are(
    client: httpx.AsyncClient,
) -> None:
    response = await client.patch("/queue/sms/broken/", json={"weight": 2})
    assert (response.status_code, response.json()) == (503, REFUSED)
    assert response.headers["retry-after"] == "1"
    for path, fields in (
        ("/queue/sms/fine/", {"weight": 2}),
        ("/type/sms/", {"concurrency": 2}),
    ):
        response = await client.patch(path, json=fields)
        assert (response.status_code, response.json()["settings"]) == (200, fields)
