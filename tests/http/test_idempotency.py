"""Jobs that are remembered: by `deduplicate`, by an idempotency key in a header or in a field."""

from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import enqueue, invalid, send

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

QUEUED = {"status": "queued"}
OF_J1 = {"status": "queued", "duplicate": True, "job_id": "j1"}
DEDUPLICATE = {"key": "k", "for": 1000}
TEN_MINUTES = 600_000


async def put(
    client: httpx.AsyncClient, job_id: str, *, header: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Return the answer to an enqueue."""
    _, path, body = enqueue(job_id, **fields)
    headers = {} if header is None else {"Idempotency-Key": header}
    response = await client.post(path, json=body, headers=headers)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def work(client: httpx.AsyncClient) -> None:
    """Do a job."""
    job = (await client.get("/dequeue/sms/")).json()
    done = await client.post(f"/finish/sms/q/{job['job_id']}/", json={"lease": job["lease"]})
    assert done.status_code == 200


async def test_a_duplicate_by_its_key_names_the_first_job(client: httpx.AsyncClient) -> None:
    assert await put(client, "j1", deduplicate=DEDUPLICATE) == QUEUED
    assert await put(client, "j2", deduplicate=DEDUPLICATE) == OF_J1
    answer = await put(client, "j2", deduplicate=DEDUPLICATE, max_queued_length=1)
    assert answer == OF_J1 | {"current_queue_length": 1}
    assert await put(client, "j1") == {"status": "queued", "duplicate": True}


async def test_a_key_is_remembered_when_its_job_has_finished(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, "j1", deduplicate=DEDUPLICATE)
    await work(client)
    clock.advance(999)
    assert await put(client, "j2", deduplicate=DEDUPLICATE) == OF_J1
    clock.advance(1)
    assert await put(client, "j2", deduplicate=DEDUPLICATE) == QUEUED


@pytest.mark.parametrize("how", ["header", "idempotency_key"])
async def test_an_idempotency_key_is_remembered_for_ten_minutes(
    client: httpx.AsyncClient, clock: ManualClock, how: str
) -> None:
    given: dict[str, Any] = {how: "k"}
    assert await put(client, "j1", **given) == QUEUED
    await work(client)
    clock.advance(TEN_MINUTES - 1)
    assert await put(client, "j2", **given) == OF_J1
    clock.advance(1)
    assert await put(client, "j2", **given) == QUEUED


@ON_MEMORY
async def test_quotes_around_the_header_do_not_count(client: httpx.AsyncClient) -> None:
    await put(client, "j1", header='"k"')
    assert await put(client, "j2", header="k") == OF_J1
    assert await put(client, "j2", idempotency_key="k") == OF_J1


@ON_MEMORY
async def test_what_the_body_says_goes_before_the_header(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, "j1", header="other", deduplicate=DEDUPLICATE)
    assert await put(client, "j2", deduplicate=DEDUPLICATE) == OF_J1
    assert await put(client, "j3", header="other") == QUEUED
    assert await put(client, "j4", header="other", idempotency_key="k") == OF_J1
    clock.advance(1000)
    assert await put(client, "j5", deduplicate=DEDUPLICATE) == QUEUED


@pytest.mark.parametrize("key", ["", '""', '"', "a b", "a/b", "é", "a" * 101, '"k', "k,l"])
@ON_MEMORY
async def test_a_header_that_is_no_name_is_refused(client: httpx.AsyncClient, key: str) -> None:
    _, path, body = enqueue("j1", deduplicate=DEDUPLICATE)
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    response = await client.post(path, json=body, headers=headers)
    assert (response.status_code, response.json()["message"]) == (400, invalid("idempotency_key"))
    assert (await client.get("/metrics/")).json()["queue_types"] == []


@ON_MEMORY
async def test_a_header_that_is_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    _, path, body = enqueue("j1")
    response = await client.post(path, json=body, headers=[("Idempotency-Key", "a")] * 2)
    assert response.status_code == 400


@ON_MEMORY
async def test_a_batch_has_keys_in_its_jobs_and_none_in_its_head(client: httpx.AsyncClient) -> None:
    jobs = [enqueue(name)[2] | {"queue_id": "q", "idempotency_key": "k"} for name in ("j1", "j2")]
    refused = await client.post(
        "/enqueue/sms/", json={"jobs": jobs}, headers={"Idempotency-Key": "k"}
    )
    assert refused.status_code == 400
    assert refused.json()["message"] == (
        "A batch has an `idempotency_key` in each job, not a header."
    )
    assert (await client.get("/metrics/")).json()["queue_types"] == []
    response = await client.post("/enqueue/sms/", json={"jobs": jobs})
    assert response.json()["results"] == [QUEUED | {"code": 201}, OF_J1 | {"code": 201}]


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = {"traceparent": PARENT, "tracestate": "a=1,b=2"}


async def headers_of(client: httpx.AsyncClient) -> object:
    job = (await client.get("/dequeue/sms/")).json()
    return job.get("headers")


@pytest.mark.parametrize(
    ("brought", "delivered"),
    [
        (None, TRACE),
        ({}, TRACE),
        ({"lang": "de"}, {"lang": "de", **TRACE}),
        ({"traceparent": "own"}, {"traceparent": "own"}),
        ({"TraceState": "own"}, {"TraceState": "own"}),
        ({f"{n}": "x" for n in range(31)}, {f"{n}": "x" for n in range(31)}),
        ({"a": "x" * 4095}, {"a": "x" * 4095}),
    ],
)
@ON_MEMORY
async def test_the_trace_context_of_a_request_goes_with_its_jobs(
    client: httpx.AsyncClient, brought: object, delivered: object
) -> None:
    _, path, body = enqueue("j1", headers=brought)
    assert (await client.post(path, json=body, headers=TRACE)).status_code == 201
    assert await headers_of(client) == delivered
    batch = {"jobs": [body | {"queue_id": "q", "job_id": "j2"}]}
    assert (await client.post("/enqueue/sms/", json=batch, headers=TRACE)).status_code == 200
    assert await headers_of(client) == delivered


@ON_MEMORY
async def test_several_lines_of_trace_state_are_one(client: httpx.AsyncClient) -> None:
    _, path, body = enqueue("j1")
    lines = [("traceparent", PARENT), ("TraceState", "a=1"), ("tracestate", "b=2")]
    await client.post(path, json=body, headers=lines)
    assert await headers_of(client) == {"traceparent": PARENT, "tracestate": "a=1, b=2"}


@ON_MEMORY
async def test_a_request_without_trace_context_adds_no_headers(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    assert await headers_of(client) is None
