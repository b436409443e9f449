"""Settings of a type: its gate, the defaults of its queues, and who of them counts."""

import json
from typing import Any

import httpx
import pytest

from sharq_plug.service import QueueService
from sharq_plug.testing import ManualClock
from support.api import enqueue, invalid, send
from support.operators import seen
from support.settings_schema import NOTHING_SET

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

TYPE, QUEUE = "/type/sms/", "/queue/sms/q/"
SECOND = {"rate": 1, "per": 1000, "burst": 1, "unit": "job"}
MINUTE = SECOND | {"per": 60_000}
GATE = {"limits": [SECOND], "concurrency": 5, "paused": True}
DEFAULTS = {"limits": [MINUTE], "concurrency": 2, "weight": 3, "max_length": 100, "uses": ["a"]}


@pytest.fixture(autouse=True)
async def _limit(client: httpx.AsyncClient) -> None:
    await client.patch("/limit/sms/a/", json={})


async def patch(client: httpx.AsyncClient, path: str = TYPE, /, **fields: Any) -> dict[str, Any]:
    """Change settings; return the answer, which is what a GET shows."""
    response = await client.patch(path, json=fields)
    assert response.status_code == 200, response.text
    shown = await client.get(path)
    assert (response.json(), response.headers["etag"]) == (shown.json(), shown.headers["etag"])
    answer: dict[str, Any] = response.json()
    return answer


async def both(client: httpx.AsyncClient, **fields: Any) -> tuple[Any, Any]:
    """Change settings of the type; return what is set for itself, and for its queues."""
    answer = await patch(client, **fields)
    return answer["settings"], answer["defaults"]


async def in_effect(client: httpx.AsyncClient) -> Any:
    return (await seen(client, QUEUE))["in_effect"]


async def fill(client: httpx.AsyncClient, *queue_ids: str, count: int = 3) -> None:
    """Enqueue jobs into queues that have limits."""
    for queue_id in queue_ids:
        for number in range(count):
            job = {"job_id": f"j{number}", "payload": number}
            response = await client.post(f"/enqueue/sms/{queue_id}/", json=job)
            assert response.status_code == 201, response.text


async def taken(client: httpx.AsyncClient, count: int = 100) -> list[str]:
    """Dequeue what may go; return the queues of the jobs."""
    jobs = (await client.post("/dequeue/sms/", json={"count": count})).json().get("jobs", [])
    return [job["queue_id"] for job in jobs]


async def test_what_is_set_for_a_type_is_shown_whether_it_has_queues_or_not(
    client: httpx.AsyncClient,
) -> None:
    assert await both(client) == ({}, {})
    assert await both(client, **GATE, defaults=DEFAULTS) == (GATE, DEFAULTS)
    await fill(client, "q", count=1)
    assert await both(client) == (GATE, DEFAULTS)
    assert (await seen(client, QUEUE))["settings"] == {}
    assert await in_effect(client) == DEFAULTS
    assert (await seen(client, "/types/"))["types"][0]["queue_type"] == "sms"


async def test_a_type_of_which_there_are_only_settings_is_not_listed(
    client: httpx.AsyncClient,
) -> None:
    await patch(client, **GATE, defaults=DEFAULTS)
    assert (await seen(client, "/types/"))["types"] == []
    assert (await seen(client, "/metrics/"))["queue_types"] == []


async def test_a_patch_is_merged_into_the_defaults_too(client: httpx.AsyncClient) -> None:
    await patch(client, **GATE, defaults=DEFAULTS)
    assert await both(client, defaults={}) == (GATE, DEFAULTS)
    assert await both(client, defaults={"weight": 9}) == (GATE, DEFAULTS | {"weight": 9})
    assert await both(client, concurrency=None, defaults={"weight": None, "interval": 0}) == (
        {"limits": [SECOND], "paused": True},
        {"limits": [], "concurrency": 2, "max_length": 100, "uses": ["a"]},
    )
    assert await both(client, defaults=None) == ({"limits": [SECOND], "paused": True}, {})
    assert await both(client, limits=None, paused=False) == ({}, {})


async def test_a_queue_goes_by_its_own_settings_then_the_defaults_then_its_interval(
    client: httpx.AsyncClient,
) -> None:
    await send(client, enqueue("j1", interval=500))
    brought = NOTHING_SET | {"limits": [SECOND | {"per": 500}]}
    assert await in_effect(client) == brought
    await patch(client, defaults=DEFAULTS)
    await patch(client, QUEUE, weight=7)
    assert await in_effect(client) == DEFAULTS | {"weight": 7}
    await patch(client, QUEUE, limits=[])
    assert await in_effect(client) == DEFAULTS | {"weight": 7, "limits": []}
    await patch(client, QUEUE, weight=None, limits=None)
    assert await in_effect(client) == DEFAULTS
    await patch(client, defaults=None)
    await patch(client, QUEUE)
    assert await in_effect(client) == brought


async def test_limits_of_the_defaults_stand_above_intervals(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", interval=0))
    await patch(client, defaults={"limits": []})
    refused = await client.post("/interval/sms/q/", json={"interval": 5})
    assert (refused.status_code, refused.json()["error"]) == (409, "limits_set")
    await fill(client, "q", "other")
    await patch(client, defaults=None)
    assert (await client.post("/interval/sms/q/", json={"interval": 5})).status_code == 200
    refused = await client.post("/enqueue/sms/other/", json={"job_id": "j9", "payload": 1})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid")


async def test_a_default_of_the_greatest_length_refuses_jobs(client: httpx.AsyncClient) -> None:
    await patch(client, defaults={"max_length": 1})
    await send(client, enqueue("j1"))
    response = await send(client, enqueue("j2"))
    assert (response.status_code, response.json()["current_queue_length"]) == (429, 1)
    assert (await send(client, enqueue("j2", "sms/other"))).status_code == 201


async def test_changed_defaults_are_pending_until_a_queue_takes_them_up(
    client: httpx.AsyncClient, service: QueueService
) -> None:
    await send(client, enqueue("j1", interval=500))
    await patch(client, defaults=DEFAULTS)
    shown = await seen(client, QUEUE)
    assert (shown["pending"], shown["in_effect"]["weight"]) == (True, 1)
    await service.tend()
    shown = await seen(client, QUEUE)
    assert (shown["pending"], shown["in_effect"]) == (False, DEFAULTS)


async def test_the_gate_holds_all_queues_together(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await patch(client, limits=[SECOND | {"burst": 2}], defaults={"limits": []})
    await fill(client, "a", "b", "c")
    assert await taken(client) == ["a", "b"]
    held = [{"hold": "limit", "until": clock.now() + 1000, "unit": "job", "of": "type"}]
    for path in (TYPE, "/queue/sms/c/", "/job/sms/c/j0/"):
        assert (await seen(client, path))["held_by"] == held
    nothing = await client.post("/dequeue/sms/")
    assert (nothing.status_code, nothing.json()["next_ready_at"]) == (404, clock.now() + 1000)
    clock.advance(1000)
    assert await taken(client) == ["c"]


async def test_so_many_leases_of_a_type_at_a_time(client: httpx.AsyncClient) -> None:
    await patch(client, concurrency=2, defaults={"limits": []})
    await fill(client, "a", "b")
    assert await taken(client) == ["a", "b"]
    assert await taken(client) == []
    held = [{"hold": "concurrency", "until": None, "of": "type"}]
    assert (await seen(client, TYPE))["held_by"] == held
    await client.post("/finish/sms/a/j0/")
    assert await taken(client) == ["a"]


async def test_a_paused_and_a_frozen_type_give_nothing(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await patch(client, paused=True, defaults={"limits": []})
    await fill(client, "q", count=1)
    answer = await patch(client, freeze=5000)
    assert answer["frozen_until"] == clock.now() + 5000
    assert answer["held_by"] == [
        {"hold": "frozen", "until": clock.now() + 5000, "of": "type"},
        {"hold": "paused", "until": None, "of": "type"},
    ]
    nothing = await client.post("/dequeue/sms/")
    assert (nothing.json()["next_ready_at"], nothing.headers.get("retry-after")) == (None, None)
    await patch(client, paused=None)
    nothing = await client.post("/dequeue/sms/")
    assert nothing.json()["next_ready_at"] == clock.now() + 5000
    assert (await patch(client, freeze=0))["frozen_until"] is None
    assert await taken(client) == ["q"]


async def test_the_tag_of_a_type_is_that_of_both(client: httpx.AsyncClient) -> None:
    tags = [(await client.get(TYPE)).headers["etag"]]
    for fields in ({"concurrency": 1}, {"defaults": {"concurrency": 1}}, {"concurrency": None}):
        headers = {"If-Match": tags[-1]}
        response = await client.patch(TYPE, json=fields, headers=headers)
        assert response.status_code == 200
        tags.append(response.headers["etag"])
        late = await client.patch(TYPE, json={"paused": True}, headers=headers)
        assert (late.status_code, late.json()["error"]) == (412, "settings_changed")
    assert len(set(tags)) == 4
    assert (await seen(client, TYPE))["settings"] == {}


MESSAGES: list[tuple[Any, str]] = [
    ({"weight": 1}, "Object contains unknown field `weight`"),
    ({"max_length": 1}, "Object contains unknown field `max_length`"),
    ({"interval": 1}, "Object contains unknown field `interval`"),
    ({"uses": ["a"]}, "Object contains unknown field `uses`"),
    ({"limits": [SECOND | {"rate": 0}]}, invalid("rate")),
    ({"concurrency": 0}, invalid("concurrency")),
    ({"paused": 1}, invalid("paused")),
    ({"freeze": -1}, invalid("freeze")),
    ({"defaults": 1}, invalid("defaults")),
    ({"defaults": []}, invalid("defaults")),
    ({"defaults": {"paused": True}}, f"{invalid('defaults')} `paused` is unknown."),
    ({"defaults": {"freeze": 1}}, f"{invalid('defaults')} `freeze` is unknown."),
    ({"defaults": {"defaults": {}}}, f"{invalid('defaults')} `defaults` is unknown."),
    ({"defaults": {"limits": 1}}, invalid("limits")),
    ({"defaults": {"limits": [SECOND] * 6}}, invalid("limits")),
    ({"defaults": {"limits": [{"per": 1}]}}, f"{invalid('limits')} `rate` is missing."),
    ({"defaults": {"limits": [SECOND | {"rate": True}]}}, invalid("rate")),
    ({"defaults": {"limits": [SECOND | {"unit": "a b"}]}}, invalid("unit")),
    ({"defaults": {"interval": -1}}, invalid("interval")),
    ({"defaults": {"weight": 101}}, invalid("weight")),
    ({"defaults": {"max_length": -1}}, invalid("max_length")),
    ({"defaults": {"uses": "a"}}, invalid("uses")),
    ({"defaults": {"uses": ["a", 1]}}, invalid("uses")),
    ({"defaults": {"uses": ["a", "a"]}}, invalid("uses")),
    (
        {"defaults": {"limits": [], "interval": 0}},
        "`interval` and `limits` exclude each other.",
    ),
]


@ON_MEMORY
async def test_a_bad_setting_of_a_type_is_named_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    await patch(client, **GATE, defaults=DEFAULTS)
    for body, message in MESSAGES:
        response = await client.patch(TYPE, content=json.dumps({"concurrency": 9} | body))
        assert (response.status_code, response.json()) == (
            400,
            {"status": "failure", "message": message, "error": "invalid"},
        ), body
    shown = await seen(client, TYPE)
    assert (shown["settings"], shown["defaults"]) == (GATE, DEFAULTS)
