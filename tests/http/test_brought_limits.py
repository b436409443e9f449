"""Shared limits that enqueues bring: named, created, refused."""

import httpx
import pytest

from support.api import enqueue, send
from support.operators import seen
from support.sharing import LIMIT, SECOND, fill, queues, use

pytestmark = pytest.mark.anyio


async def test_an_enqueue_brings_shared_limits_and_creates_those_that_are_missing(
    client: httpx.AsyncClient,
) -> None:
    brought = [{"name": "acme", "limits": [SECOND]}]
    await fill(client, "a", "b", count=1, uses=brought)
    await fill(client, "c", count=1, uses=["acme"])
    for queue_id in ("a", "b", "c"):
        shown = await seen(client, f"/queue/sms/{queue_id}/")
        assert (shown["settings"], shown["in_effect"]["uses"]) == ({}, ["acme"])
    assert await queues(client) == ["a"]
    await send(client, enqueue("j9", "sms/a", uses=[{"name": "acme", "limits": []}]))
    assert (await seen(client, LIMIT))["settings"] == {"limits": [SECOND]}


async def test_what_settings_say_stands_above_what_an_enqueue_brings(
    client: httpx.AsyncClient,
) -> None:
    await use(client, "q", uses=())
    await fill(client, "q", count=1, uses=[{"name": "acme", "limits": []}])
    assert (await seen(client, "/queue/sms/q/"))["in_effect"]["uses"] == []
    refused = await client.delete(LIMIT)
    assert (refused.status_code, refused.json()["error"]) == (409, "limit_in_use")
    await client.patch("/queue/sms/q/", json={"uses": None})
    assert (await seen(client, "/queue/sms/q/"))["in_effect"]["uses"] == ["acme"]
    await client.delete("/deletequeue/sms/q/")
    assert (await client.delete(LIMIT)).status_code == 200


async def test_an_enqueue_that_names_an_unknown_shared_limit_is_refused(
    client: httpx.AsyncClient,
) -> None:
    uses = ["acme", {"name": "globex", "limits": []}]
    unknown = {
        "status": "failure",
        "message": "There is no shared limit `acme`.",
        "error": "unknown_limit",
    }
    job = enqueue("j1", uses=uses)[2]
    refused = await client.post("/enqueue/sms/q/", json=job)
    assert (refused.status_code, refused.json()) == (400, unknown)
    jobs = [job | {"queue_id": "q", "job_id": f"j{number}"} for number in range(3)]
    jobs[1]["uses"] = [{"name": "globex", "limits": []}]
    answer = await client.post("/enqueue/sms/", json={"jobs": jobs})
    assert answer.json()["results"] == [
        unknown | {"code": 400},
        {"status": "queued", "code": 201},
        unknown | {"code": 400},
    ]
    assert (await seen(client, "/queue/sms/q/"))["waiting"] == 1
    assert [limit["name"] for limit in (await seen(client, "/limits/sms/"))["limits"]] == ["globex"]


async def test_a_refused_enqueue_creates_no_shared_limit(client: httpx.AsyncClient) -> None:
    uses = [{"name": "acme", "limits": []}]
    full = await send(client, enqueue("j1", uses=uses, max_queued_length=0))
    assert full.status_code == 429
    job = {"job_id": "j1", "payload": 1, "uses": uses}
    assert (await client.post("/enqueue/sms/q/", json=job)).status_code == 400
    assert (await seen(client, "/limits/sms/"))["limits"] == []


async def test_a_duplicate_brings_its_shared_limits(client: httpx.AsyncClient) -> None:
    await fill(client, "q", count=1)
    again = await send(client, enqueue("j0", uses=[{"name": "acme", "limits": []}]))
    assert again.json() == {"status": "queued", "duplicate": True}
    assert (await seen(client, "/queue/sms/q/"))["in_effect"]["uses"] == ["acme"]
