"""The fields that an enqueue may bring: their bounds, and what a worker gets of them."""

import json
from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import enqueue, invalid, send

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

NO_INTEGERS = [1.0, 1.5, True, "1", [], 10**30]
MS = 10**12
NAME = "aZ9_-.:@+~"
LIMIT = {"rate": 1, "per": 1}
NO_NAMES = ["", "a b", "a/b", "{a}", "é", "a" * 101, "..", 1, True, ["a"]]

GOOD: dict[str, list[Any]] = {
    "delay": [None, 0, 1, MS],
    "at": [None, 0, 10**15],
    "priority": [None, 0, 1, 9],
    "ttl": [None, 1, MS],
    "requeue_delay": [
        *(None, 0, MS, {"first": 0}, {"first": MS, "factor": 1, "most": 0}),
        *({"first": 1, "factor": 10, "most": MS}, {"first": 1, "factor": None, "most": None}),
    ],
    "deduplicate": [None, {"key": NAME, "for": 1}, {"key": "a" * 100, "for": 604_800_000}],
    "idempotency_key": [None, NAME, "a" * 100],
    "cost": [
        *(None, 1, 1_000_000, {}, {"job": 1}, {"tokens": 0}, {"tokens": 1_000_000}),
        *({"a" * 100: 1}, {f"u{number}": 1 for number in range(8)}),
    ],
    "uses": [
        *(None, [], [{"name": NAME, "limits": []}], [{"name": "a", "limits": [LIMIT] * 5}]),
        [{"name": "b", "limits": [LIMIT | {"unit": "x", "burst": None}]}, {"name": "a"}],
        ["b", {"name": "a", "limits": None}],
    ],
    "headers": [
        *(None, {}, {"a": ""}, {"": "ü\n"}, {f"{number}": "x" for number in range(32)}),
        *({"a": "x" * 4095}, {"é" * 2048: ""}),
    ],
}
BAD: dict[str, list[Any]] = {
    "delay": [-1, MS + 1, *NO_INTEGERS],
    "at": [-1, 10**15 + 1, *NO_INTEGERS],
    "priority": [-1, 10, *NO_INTEGERS],
    "ttl": [0, -1, MS + 1, *NO_INTEGERS],
    "requeue_delay": [
        *(-1, MS + 1, *NO_INTEGERS, {"first": -1}, {"first": MS + 1}),
        *({"first": 1, "factor": 0}, {"first": 1, "factor": 11}, {"first": 1, "factor": 1.5}),
        *({"first": 1, "most": -1}, {"first": 1, "most": MS + 1}),
        *({"first": True}, {"first": None}, {"first": 1, "factor": "2"}),
    ],
    "deduplicate": [
        *(1, "k", [], {"key": "k", "for": 0}, {"key": "k", "for": 604_800_001}),
        *({"key": name, "for": 1} for name in NO_NAMES),
        *({"key": "k", "for": number} for number in NO_INTEGERS),
    ],
    "idempotency_key": NO_NAMES,
    "cost": [
        *(0, -1, 1_000_001, *NO_INTEGERS, {"job": 0}, {"tokens": -1}, {"tokens": 1_000_001}),
        *({"tokens": number} for number in NO_INTEGERS),
        *({name: 1} for name in NO_NAMES if isinstance(name, str)),
        {f"u{number}": 1 for number in range(9)},
    ],
    "uses": [
        *(1, "a", True, {}, [1], [None], [["a"]], ["a", "a"], ["a", {"name": "a"}]),
        ["a", "b", "c"],
        *([name] for name in NO_NAMES),
        *([{"name": name, "limits": []}] for name in NO_NAMES if isinstance(name, str)),
    ],
    "headers": [
        *(1, "a", [], {"a": 1}, {"a": None}, {"a": ["b"]}, {"a": {}}, {"a": "\ud83d"}),
        *({f"{number}": "x" for number in range(33)}, {"a": "x" * 4096}, {"é" * 2048: "x"}),
        {"\ud83d": "a"},
    ],
}
BAD_IN_USES: list[tuple[Any, str]] = [
    ({"name": 1}, invalid("name")),
    ({"name": "a", "limits": 1}, invalid("limits")),
    ({"name": "a", "limits": [LIMIT] * 6}, invalid("limits")),
    ({"name": "a", "limits": [1]}, invalid("limits")),
    ({"name": "a", "limits": [{"rate": 1}]}, f"{invalid('limits')} `per` is missing."),
    ({"name": "a", "limits": [LIMIT | {"rate": 0}]}, invalid("rate")),
    ({"name": "a", "limits": [LIMIT | {"per": "1"}]}, invalid("per")),
    ({"name": "a", "limits": [LIMIT | {"unit": "a b"}]}, invalid("unit")),
]
"""Objects in `uses`, and what is said of them."""
BAD_INSIDE: list[tuple[str, Any, str]] = [
    ("requeue_delay", {}, "`first` is missing."),
    ("requeue_delay", {"factor": 2}, "`first` is missing."),
    ("requeue_delay", {"first": 1, "last": 1}, "`last` is unknown."),
    ("deduplicate", {}, "`key` is missing."),
    ("deduplicate", {"for": 1}, "`key` is missing."),
    ("deduplicate", {"key": "k"}, "`for` is missing."),
    ("deduplicate", {"key": "k", "for": 1, "x": 1}, "`x` is unknown."),
    ("uses", [{}], "`name` is missing."),
    ("uses", ["b", {"name": "a", "interval": 1}], "`interval` is unknown."),
]
"""Fields, objects in them, and which of the fields inside is wrong."""
DELIVERED: dict[str, list[Any]] = {
    "priority": [1, 9],
    "cost": [{"tokens": 500}, {"job": 2, "tokens": 0}],
    "headers": [{"a": "b", "Ä": "\U0001f600 \u0000"}],
}
EXTRAS = {"priority", "cost", "headers"}


async def dequeued(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/dequeue/sms/")
    assert response.status_code == 200
    fields: dict[str, Any] = response.json()
    return fields


@pytest.mark.parametrize("field", GOOD)
@ON_MEMORY
async def test_a_field_within_its_bounds_is_accepted(client: httpx.AsyncClient, field: str) -> None:
    for number, value in enumerate(GOOD[field]):
        job = enqueue("j", f"sms/one{number}", **{field: value})
        assert (await send(client, job)).status_code == 201, value
        batch = {"jobs": [job[2] | {"queue_id": f"many{number}"}]}
        answer = await client.post("/enqueue/sms/", json=batch)
        assert answer.json()["results"] == [{"status": "queued", "code": 201}], value
    queues = (await client.get("/metrics/sms/")).json()["queue_ids"]
    assert len(queues) == 2 * len(GOOD[field])


@pytest.mark.parametrize("field", BAD)
@ON_MEMORY
async def test_a_field_past_its_bounds_is_refused_and_nothing_is_queued(
    client: httpx.AsyncClient, field: str
) -> None:
    assert BAD.keys() == GOOD.keys()
    refused = {"status": "failure", "message": invalid(field), "error": "invalid"}
    jobs = [enqueue("j1", **{field: value})[2] for value in BAD[field]]
    for job in jobs:
        response = await client.post("/enqueue/sms/q/", content=json.dumps(job))
        assert (response.status_code, response.json()) == (400, refused), job
    batch = {"jobs": [job | {"queue_id": "q"} for job in jobs]}
    response = await client.post("/enqueue/sms/", content=json.dumps(batch))
    assert response.json()["results"] == [refused | {"code": 400}] * len(jobs)
    assert (await client.get("/metrics/")).json()["queue_types"] == []


@pytest.mark.parametrize(("field", "value", "reason"), BAD_INSIDE)
@ON_MEMORY
async def test_a_field_that_an_object_lacks_or_that_is_not_known_is_named(
    client: httpx.AsyncClient, field: str, value: object, reason: str
) -> None:
    await check_refused(client, {field: value}, f"{invalid(field)} {reason}")


@pytest.mark.parametrize(("use", "message"), BAD_IN_USES)
@ON_MEMORY
async def test_a_field_of_a_shared_limit_that_is_brought_is_named(
    client: httpx.AsyncClient, use: object, message: str
) -> None:
    await check_refused(client, {"uses": ["b", use]}, message)
    assert (await client.get("/limits/sms/")).json()["limits"] == []


async def check_refused(client: httpx.AsyncClient, fields: dict[str, Any], message: str) -> None:
    """Check that a job with these fields is refused, alone and in a batch, and queues nothing."""
    refused = {"status": "failure", "message": message, "error": "invalid"}
    job = enqueue("j1", **fields)[2]
    response = await client.post("/enqueue/sms/q/", content=json.dumps(job))
    assert (response.status_code, response.json()) == (400, refused)
    batch = {"jobs": [job | {"queue_id": "q"}]}
    response = await client.post("/enqueue/sms/", content=json.dumps(batch))
    assert response.json()["results"] == [refused | {"code": 400}]
    assert (await client.get("/metrics/")).json()["queue_types"] == []


@ON_MEMORY
async def test_a_delay_and_an_instant_exclude_each_other(client: httpx.AsyncClient) -> None:
    response = await send(client, enqueue("j1", delay=1, at=1))
    assert response.status_code == 400
    assert response.json()["message"] == "`delay` and `at` exclude each other."
    assert (await client.get("/metrics/")).json()["queue_types"] == []


@pytest.mark.parametrize("field", DELIVERED)
async def test_a_worker_gets_what_is_not_the_default(client: httpx.AsyncClient, field: str) -> None:
    for value in DELIVERED[field]:
        await send(client, enqueue("j1", **{field: value}))
        job = await dequeued(client)
        assert {name: job[name] for name in EXTRAS & job.keys()} == {field: value}
        await client.post("/finish/sms/q/j1/")


@ON_MEMORY
async def test_a_cost_of_so_many_is_one_of_jobs(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", cost=7))
    assert (await dequeued(client))["cost"] == {"job": 7}


@ON_MEMORY
async def test_a_worker_gets_no_field_that_is_the_default(client: httpx.AsyncClient) -> None:
    given: dict[str, list[Any]] = {
        "priority": [None, 0],
        "cost": [None, {}, 1, {"job": 1}],
        "headers": [None, {}],
    }
    for field, values in given.items():
        for value in values:
            await send(client, enqueue("j1", **{field: value}))
            assert not EXTRAS & (await dequeued(client)).keys()
            await client.post("/finish/sms/q/j1/")


async def test_a_job_tells_when_it_was_enqueued(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    enqueued_at = clock.now()
    await send(client, enqueue("j1", delay=100))
    clock.advance(700)
    assert (await dequeued(client))["enqueued_at"] == enqueued_at


async def test_a_delayed_job_goes_at_its_time(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(client, enqueue("by-delay", delay=1000))
    await send(client, enqueue("by-instant", at=clock.now() + 500))
    response = await client.get("/dequeue/sms/")
    assert (response.status_code, response.json()["next_ready_at"]) == (404, clock.now() + 500)
    clock.advance(500)
    assert (await dequeued(client))["job_id"] == "by-instant"
    clock.advance(500)
    assert (await dequeued(client))["job_id"] == "by-delay"


async def test_the_higher_priority_goes_first(client: httpx.AsyncClient) -> None:
    for job_id, priority in (("low", 0), ("high", 9), ("middle", 5)):
        await send(client, enqueue(job_id, priority=priority))
    assert [(await dequeued(client))["job_id"] for _ in range(3)] == ["high", "middle", "low"]


async def test_a_job_past_its_ttl_is_a_dead_letter(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(client, enqueue("j1", ttl=1000))
    clock.advance(1000)
    assert (await client.get("/dequeue/sms/")).status_code == 404
    assert (await client.get("/metrics/sms/q/")).json()["dead_letters"] == 1


@pytest.mark.parametrize("delay", [700, {"first": 700, "factor": 2}])
async def test_a_failed_job_waits_for_its_requeue_delay(
    client: httpx.AsyncClient, clock: ManualClock, delay: object
) -> None:
    await send(client, enqueue("j1", requeue_delay=delay))
    lease = (await dequeued(client))["lease"]
    await client.post("/fail/sms/q/j1/", json={"lease": lease})
    clock.advance(699)
    assert (await client.get("/dequeue/sms/")).status_code == 404
    clock.advance(1)
    assert (await dequeued(client))["requeues_remaining"] == -1


MARKED_NEIGHBOURS = [
    r'{"job_id": "j1", "interval": 0, "payload": "\ud83d", "headers": {"a": "\ud83d\ude00"}}',
    r'{"job_id": "j1", "interval": 0, "payload": "\ud83d", "headers": {"a": "\ud55c"}}',
    r'{"job_id": "j1", "interval": 0, "payload": 1, "headers": {"a": "\ud83d\ude00"}}',
]


@pytest.mark.parametrize("body", MARKED_NEIGHBOURS)
@ON_MEMORY
async def test_headers_are_text_whatever_the_payload_is(
    client: httpx.AsyncClient, body: str
) -> None:
    assert (await client.post("/enqueue/sms/q/", content=body)).status_code == 201
    assert (await dequeued(client))["headers"] == json.loads(body)["headers"]
