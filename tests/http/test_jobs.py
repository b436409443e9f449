"""A job by its id: looked at, cancelled, given another time."""

from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import NO_INTEGERS, enqueue, invalid, send

pytestmark = pytest.mark.anyio

SUCCESS = {"status": "success"}
UNKNOWN = {"status": "failure"}
JOB = "/job/sms/q/j1/"


async def seen(client: httpx.AsyncClient, path: str = JOB) -> dict[str, Any]:
    response = await client.get(path)
    assert response.status_code == 200
    fields: dict[str, Any] = response.json()
    assert fields.pop("status") == "success"
    return fields


async def patch(client: httpx.AsyncClient, **fields: Any) -> tuple[int, Any]:
    response = await client.patch(JOB, json=fields)
    return response.status_code, response.json()


async def cancel(client: httpx.AsyncClient, query: str = "") -> tuple[int, Any]:
    response = await client.delete(JOB + query)
    return response.status_code, response.json()


async def test_a_waiting_job_is_shown(client: httpx.AsyncClient, clock: ManualClock) -> None:
    await send(client, enqueue("j0"))
    await send(client, enqueue("j1", requeue_limit=3))
    assert await seen(client) == {
        "state": "waiting",
        "priority": 0,
        "attempt": 0,
        "requeues_remaining": 3,
        "enqueued_at": clock.now(),
        "at": None,
        "expires_at": None,
        "last_error": None,
        "headers": {},
        "cost": {"job": 1},
        "position": 1,
        "held_by": [],
        "earliest_at": clock.now(),
    }


async def test_all_that_a_job_brought_is_shown(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    brought = {"priority": 7, "cost": {"tokens": 5}, "headers": {"a": "b"}}
    await send(client, enqueue("j1", delay=500, **brought))
    shown = await seen(client)
    assert (shown["state"], shown["at"]) == ("delayed", clock.now() + 500)
    assert shown["cost"] == {"job": 1, "tokens": 5}
    assert (shown["priority"], shown["headers"]) == (7, {"a": "b"})


async def test_the_payload_comes_where_it_is_asked_for(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", payload={"n": 1}))
    assert "payload" not in await seen(client, f"{JOB}?payload=0")
    assert (await seen(client, f"{JOB}?payload=1"))["payload"] == {"n": 1}


async def test_a_leased_job_shows_its_lease(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    job = (await client.get("/dequeue/sms/")).json()
    shown = await seen(client)
    assert (shown["state"], shown["attempt"]) == ("leased", 1)
    assert shown["expires_at"] == job["expires_at"]
    assert not {"position", "held_by", "earliest_at"} & shown.keys()


async def test_a_failed_job_shows_its_error(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    job = (await client.get("/dequeue/sms/")).json()
    await client.post("/fail/sms/q/j1/", json={"lease": job["lease"], "error": "no route"})
    assert (await seen(client))["last_error"] == "no route"


async def test_a_dead_job_is_shown_and_cancelled(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", requeue_limit=0))
    job = (await client.get("/dequeue/sms/")).json()
    await client.post("/fail/sms/q/j1/", json={"lease": job["lease"]})
    assert (await seen(client))["state"] == "dead"
    assert await patch(client, priority=1) == (
        409,
        {"status": "failure", "message": "The job is dead.", "error": "dead"},
    )
    assert await cancel(client) == (200, SUCCESS)
    assert await cancel(client) == (404, UNKNOWN)


async def test_an_unknown_job_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(JOB)).status_code == 404
    assert await cancel(client) == (404, UNKNOWN)
    assert await patch(client, delay=1) == (404, UNKNOWN)


async def test_a_leased_job_is_cancelled_only_on_demand(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    job = (await client.get("/dequeue/sms/")).json()
    refused = {"status": "failure", "message": "The job is leased.", "error": "leased"}
    assert await cancel(client) == (409, refused)
    assert await patch(client, priority=1) == (409, refused)
    assert await cancel(client, "?leased=1") == (200, SUCCESS)
    finish = await client.post("/finish/sms/q/j1/", json={"lease": job["lease"]})
    assert finish.status_code == 404


async def test_a_patch_gives_another_time_and_priority(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(client, enqueue("j1"))
    assert await patch(client, delay=500, priority=9) == (200, SUCCESS)
    shown = await seen(client)
    assert (shown["at"], shown["priority"]) == (clock.now() + 500, 9)
    assert await patch(client, at=clock.now() + 900) == (200, SUCCESS)
    assert (await seen(client))["at"] == clock.now() + 900


@pytest.mark.parametrize("field", ["delay", "at"])
async def test_null_takes_a_time_back(client: httpx.AsyncClient, field: str) -> None:
    await send(client, enqueue("j1", delay=500, priority=3))
    assert await patch(client, **{field: None}) == (200, SUCCESS)
    shown = await seen(client)
    assert (shown["state"], shown["priority"]) == ("waiting", 3)
    assert await patch(client, priority=None) == (200, SUCCESS)
    assert (await seen(client))["priority"] == 0


async def test_an_empty_patch_changes_nothing(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", delay=500, priority=3))
    before = await seen(client)
    assert await patch(client) == (200, SUCCESS)
    assert await seen(client) == before


@pytest.mark.parametrize("value", [-1, 10, *NO_INTEGERS], ids=repr)
async def test_a_bad_priority_changes_nothing(client: httpx.AsyncClient, value: object) -> None:
    await send(client, enqueue("j1", priority=3))
    status, body = await patch(client, priority=value)
    assert (status, body["error"]) == (400, "invalid")
    assert body["message"].startswith("`priority` ")
    assert (await seen(client))["priority"] == 3


@pytest.mark.parametrize("value", [-1, 10**12 + 1, *NO_INTEGERS], ids=repr)
async def test_a_bad_delay_changes_nothing(client: httpx.AsyncClient, value: object) -> None:
    await send(client, enqueue("j1"))
    status, body = await patch(client, delay=value)
    assert (status, body["error"]) == (400, "invalid")
    assert body["message"].startswith("`delay` ")
    assert (await seen(client))["state"] == "waiting"


async def test_two_times_and_unknown_fields_are_refused(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    for fields in ({"delay": 1, "at": 1}, {"delay": None, "at": 1}, {"ttl": 1}):
        status, body = await patch(client, **fields)
        assert (status, body["error"]) == (400, "invalid"), fields


@pytest.mark.parametrize("query", ["payload=2", "payload=", "payload=true", "payload=1&payload=1"])
async def test_a_flag_that_is_none_is_refused(client: httpx.AsyncClient, query: str) -> None:
    await send(client, enqueue("j1"))
    assert (await client.get(f"{JOB}?{query}")).status_code == 400
    response = await client.delete(f"{JOB}?{query.replace('payload', 'leased')}")
    assert response.status_code == 400
    assert (await seen(client))["state"] == "waiting"


async def test_names_are_checked(client: httpx.AsyncClient) -> None:
    response = await client.get("/job/sms/q/a%20b/")
    assert (response.status_code, response.json()["message"]) == (400, invalid("job_id"))
