"""What a worker says of its lease: release, fail, extend, single and in batches."""

import json
from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import NO_INTEGERS, enqueue, invalid, mandatory, send

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

SUCCESS = {"status": "success"}
STALE = {"status": "failure", "message": "The lease has ended.", "error": "stale_lease"}
UNKNOWN = {"status": "failure"}
VERBS: dict[str, dict[str, Any]] = {"release": {}, "fail": {}, "extend": {"for": 1000}}
"""The verbs, and what each needs besides the lease."""
MS = 10**12


async def lease(client: httpx.AsyncClient, job_id: str = "j1", **fields: Any) -> str:
    """Enqueue and dequeue a job; return the token of its lease."""
    await send(client, enqueue(job_id, **fields))
    job = (await client.get("/dequeue/sms/")).json()
    assert job["job_id"] == job_id
    return str(job["lease"])


async def say(
    client: httpx.AsyncClient, verb: str, job_id: str = "j1", /, **fields: Any
) -> tuple[int, Any]:
    response = await client.post(f"/{verb}/sms/q/{job_id}/", json=VERBS[verb] | fields)
    return response.status_code, response.json()


async def lengths(client: httpx.AsyncClient) -> dict[str, int]:
    metrics = (await client.get("/metrics/sms/q/")).json()
    names = ("queue_length", "delayed", "leased", "dead_letters")
    return {name: metrics[name] for name in names if metrics[name]}


async def test_a_released_job_waits_again_without_blame(client: httpx.AsyncClient) -> None:
    token = await lease(client, requeue_limit=0)
    assert await say(client, "release", lease=token) == (200, SUCCESS)
    job = (await client.get("/dequeue/sms/")).json()
    assert (job["job_id"], job["attempt"], job["requeues_remaining"]) == ("j1", 2, 0)


@pytest.mark.parametrize("verb", ["release", "fail"])
async def test_a_job_comes_back_after_the_delay(
    client: httpx.AsyncClient, clock: ManualClock, verb: str
) -> None:
    token = await lease(client, requeue_delay=9000)
    assert await say(client, verb, lease=token, delay=500) == (200, SUCCESS)
    assert await lengths(client) == {"delayed": 1}
    clock.advance(499)
    assert (await client.get("/dequeue/sms/")).status_code == 404
    clock.advance(1)
    assert (await client.get("/dequeue/sms/")).status_code == 200


async def test_a_failed_job_has_a_requeue_less(client: httpx.AsyncClient) -> None:
    token = await lease(client, requeue_limit=1)
    assert await say(client, "fail", lease=token, error="no route") == (200, SUCCESS)
    job = (await client.get("/dequeue/sms/")).json()
    assert job["requeues_remaining"] == 0
    assert await say(client, "fail", lease=job["lease"]) == (200, SUCCESS)
    assert await lengths(client) == {"dead_letters": 1}


async def test_a_job_that_fails_for_good_is_a_dead_letter(client: httpx.AsyncClient) -> None:
    token = await lease(client, requeue_limit=5)
    error = "\U0001f600" * 2000
    assert await say(client, "fail", lease=token, error=error, dead=True) == (200, SUCCESS)
    assert await lengths(client) == {"dead_letters": 1}


async def test_an_extended_lease_ends_later_or_earlier(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    token = await lease(client)
    clock.advance(50_000)
    for lease_time in (100_000, 10):
        status, body = await say(client, "extend", lease=token, **{"for": lease_time})
        assert (status, body) == (200, SUCCESS | {"expires_at": clock.now() + lease_time})
    clock.advance(10)
    assert await say(client, "extend", lease=token, **{"for": 1}) == (
        200,
        SUCCESS | {"expires_at": clock.now() + 1},
    )


@pytest.mark.parametrize("verb", VERBS)
async def test_a_token_of_another_lease_changes_nothing(
    client: httpx.AsyncClient, verb: str
) -> None:
    old = await lease(client)
    assert await say(client, "release", lease=old) == (200, SUCCESS)
    assert await say(client, verb, lease=old) == (409, STALE)
    job = (await client.get("/dequeue/sms/")).json()
    assert await say(client, verb, lease=old) == (409, STALE)
    assert await lengths(client) == {"leased": 1}
    assert await say(client, verb, "j2", lease=old) == (404, UNKNOWN)
    await client.post("/finish/sms/q/j1/", json={"lease": job["lease"]})
    assert await say(client, verb, lease=job["lease"]) == (404, UNKNOWN)


@pytest.mark.parametrize("verb", VERBS)
async def test_each_item_of_a_batch_is_answered_for_itself(
    client: httpx.AsyncClient, clock: ManualClock, verb: str
) -> None:
    first = await lease(client)
    await send(client, enqueue("j2"))
    item = VERBS[verb] | {"queue_id": "q"}
    jobs = [
        item | {"job_id": "j1", "lease": first},
        item | {"job_id": "j2", "lease": first},
        item | {"job_id": "j3", "lease": first},
        item | {"job_id": "j1"},
    ]
    response = await client.post(f"/{verb}/sms/", json={"jobs": jobs})
    done = SUCCESS | ({"expires_at": clock.now() + 1000} if verb == "extend" else {})
    missing = {
        "status": "failure",
        "message": "`lease` is a mandatory parameter",
        "error": "invalid",
    }
    assert (response.status_code, response.json()) == (
        200,
        SUCCESS
        | {
            "results": [
                done | {"code": 200},
                STALE | {"code": 409},
                UNKNOWN | {"code": 404},
                missing | {"code": 400},
            ]
        },
    )


BAD_SPANS = [-1, MS + 1, *NO_INTEGERS]
BAD_FREEZES = [
    *(span for span in BAD_SPANS if span != {}),
    *({"limit": name, "for": 1} for name in ("", "a b", "..", "a" * 101, 1, None, ["a"])),
    *({"limit": "a", "for": span} for span in BAD_SPANS),
    {"limit": "a", "for": None},
]
BAD_INSIDE_FREEZES: dict[str, list[Any]] = {
    "`limit` is missing.": [{}, {"for": 1}],
    "`for` is missing.": [{"limit": "a"}],
    "`unit` is unknown.": [{"limit": "a", "for": 1, "unit": "job"}],
}
BAD_LEASES = ["", "a" * 201, "é", 1, True, None, [], {}]
GOOD: dict[str, dict[str, list[Any]]] = {
    "release": {"delay": [None, 0, MS], "freeze": [None, 0, MS]},
    "fail": {
        "delay": [None, 0, MS],
        "freeze": [None, 0, MS],
        "error": [None, "", "é" * 2000],
        "dead": [None, False, True],
    },
    "extend": {"for": [1, MS]},
}
BAD: dict[str, dict[str, list[Any]]] = {
    "release": {"delay": BAD_SPANS, "freeze": BAD_FREEZES, "lease": BAD_LEASES},
    "fail": {
        "delay": BAD_SPANS,
        "freeze": BAD_FREEZES,
        "error": ["a" * 2001, 1, True, [], "\ud83d"],
        "dead": [0, 1, "true", []],
        "lease": BAD_LEASES,
    },
    "extend": {"for": [0, -1, MS + 1, None, *NO_INTEGERS], "lease": BAD_LEASES},
}


@pytest.mark.parametrize("verb", GOOD)
@ON_MEMORY
async def test_a_field_within_its_bounds_is_accepted(client: httpx.AsyncClient, verb: str) -> None:
    for field, values in GOOD[verb].items():
        for value in values:
            await client.delete("/deletequeue/sms/q/")
            await client.patch("/queue/sms/q/", json={"freeze": 0})
            token = await lease(client)
            assert (await say(client, verb, lease=token, **{field: value}))[0] == 200, value


@pytest.mark.parametrize("verb", BAD)
@ON_MEMORY
async def test_a_bad_field_is_refused_and_nothing_is_done(
    client: httpx.AsyncClient, verb: str
) -> None:
    good = VERBS[verb] | {"lease": await lease(client)}
    bad = [
        (good | {field: value}, invalid(field))
        for field, values in BAD[verb].items()
        for value in values
    ]
    bad += [
        ({name: value for name, value in good.items() if name != missing}, mandatory(missing))
        for missing in good
    ]
    if verb != "extend":
        bad += [
            (good | {"freeze": value}, f"{invalid('freeze')} {reason}")
            for reason, values in BAD_INSIDE_FREEZES.items()
            for value in values
        ]
    bad += [({}, mandatory("lease")), (good | {"x": 1}, "Object contains unknown field `x`")]
    before = await lengths(client)
    for body, message in bad:
        response = await client.post(f"/{verb}/sms/q/j1/", content=json.dumps(body))
        assert response.status_code == 400, body
        assert response.json() == {"status": "failure", "message": message, "error": "invalid"}
    items = [body | {"queue_id": "q", "job_id": "j1"} for body, _ in bad]
    response = await client.post(f"/{verb}/sms/", content=json.dumps({"jobs": items}))
    assert [result["message"] for result in response.json()["results"]] == [
        message for _, message in bad
    ]
    assert await lengths(client) == before == {"leased": 1}
    assert (await client.post(f"/{verb}/sms/q/j1/")).status_code == 400
