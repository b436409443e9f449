"""A dequeue by POST, whose body says what a GET says in its query; and the time of a lease."""

import asyncio
import json
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.wire.app import AppOptions
from sharq_plug.service import ServiceOptions
from sharq_plug.testing import ManualClock
from support.api import NO_INTEGERS, enqueue, invalid, send, serving

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

ASKED: list[dict[str, Any]] = [
    {},
    {"count": 2},
    {"count": 1, "wait": 1},
    {"attempt_id": "a+b"},
    {"lease_time": 5000},
    {"count": 1000, "wait": 0, "attempt_id": "a", "lease_time": 43_200_000},
]
HALF_A_DAY = 43_200_000


def without_tokens(response: httpx.Response) -> tuple[int, Any]:
    body = response.json()
    for job in (body, *body.get("jobs", [])):
        if "lease" in job:
            job["lease"] = ANY
    return response.status_code, body


@pytest.mark.parametrize("asked", ASKED, ids=",".join)
@pytest.mark.parametrize("path", ["/dequeue/default/", "/dequeue/", "/dequeue"])
@ON_MEMORY
async def test_both_forms_give_the_same_answers(
    client: httpx.AsyncClient, asked: dict[str, Any], path: str
) -> None:
    answers = []
    for form in ("GET", "POST"):
        for job_id in ("j1", "j2"):
            await send(client, enqueue(job_id, "default/q", payload={"n": job_id}))
        sent = {"params": asked} if form == "GET" else {"json": asked}
        full = await client.request(form, path, **sent)  # type: ignore[arg-type]
        await client.delete("/deletequeue/default/q/")
        empty = await client.request(form, path, **sent)  # type: ignore[arg-type]
        assert (full.status_code, empty.status_code) == (200, 404)
        answers.append([without_tokens(full), without_tokens(empty)])
    assert answers[0] == answers[1]


async def test_a_post_without_a_body_asks_for_one_job(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    assert (await client.post("/dequeue/sms/", content=b" ")).json()["job_id"] == "j1"
    assert (await client.post("/dequeue/sms/")).status_code == 404


@ON_MEMORY
async def test_an_option_that_is_null_is_absent(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    asked = dict.fromkeys(("count", "wait", "attempt_id", "lease_time"))
    assert (await client.post("/dequeue/sms/", json=asked)).json()["job_id"] == "j1"


async def test_a_repeated_attempt_gets_the_same_job_in_either_form(
    client: httpx.AsyncClient,
) -> None:
    for job_id in ("j1", "j2"):
        await send(client, enqueue(job_id))
    first = await client.post("/dequeue/sms/", json={"attempt_id": "a"})
    again = await client.get("/dequeue/sms/?attempt_id=a&lease_time=1")
    assert first.content == again.content


async def test_a_lease_lasts_as_long_as_the_worker_asks(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    for job_id in ("j1", "j2", "j3"):
        await send(client, enqueue(job_id))
    short = (await client.post("/dequeue/sms/", json={"lease_time": 1})).json()
    long = (await client.get(f"/dequeue/sms/?lease_time={HALF_A_DAY}")).json()
    usual = (await client.get("/dequeue/sms/")).json()
    times = [job["expires_at"] - clock.now() for job in (short, long, usual)]
    assert times == [1, HALF_A_DAY, 60_000]
    clock.advance(60_000)
    ids = [(await client.get("/dequeue/sms/")).json()["job_id"] for _ in range(2)]
    assert ids == ["j1", "j3"]
    done = await client.post("/finish/sms/q/j2/", json={"lease": long["lease"]})
    assert done.status_code == 200


async def test_a_receipt_of_a_short_lease_is_kept_for_as_long_as_any(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(client, enqueue("j1"))
    job = (await client.post("/dequeue/sms/", json={"lease_time": 1})).json()
    finish = ("POST", "/finish/sms/q/j1/", {"lease": job["lease"]})
    assert (await send(client, finish)).status_code == 200
    clock.advance(59_999)
    assert (await send(client, finish)).status_code == 200


async def test_a_take_names_its_queues(client: httpx.AsyncClient) -> None:
    for queue in "abc":
        job = {"job_id": "j", "interval": 0, "payload": queue}
        assert (await client.post(f"/enqueue/sms/{queue}/", json=job)).status_code == 201
    taken = (await client.get("/dequeue/sms/?queues=c,x&count=5")).json()["jobs"]
    assert [job["queue_id"] for job in taken] == ["c"]
    asked = {"queues": ["b", "x"], "count": 5}
    taken = (await client.post("/dequeue/sms/", json=asked)).json()["jobs"]
    assert [job["queue_id"] for job in taken] == ["b"]
    assert (await client.post("/dequeue/sms/", json=asked)).status_code == 404


@pytest.mark.parametrize("asks", ["count=4&together=1", '{"count": 4, "together": true}'])
async def test_a_take_goes_together(client: httpx.AsyncClient, asks: str) -> None:
    for number in range(3):
        for queue in "ab":
            job = {"job_id": f"j{number}", "interval": 0, "payload": None}
            await client.post(f"/enqueue/sms/{queue}/", json=job)
    if asks.startswith("{"):
        response = await client.post("/dequeue/sms/", content=asks)
    else:
        response = await client.get(f"/dequeue/sms/?{asks}")
    assert [job["queue_id"] for job in response.json()["jobs"]] == ["a", "a", "a"]


NO_NAMES = ["", "a b", "a/b", "é", "a" * 101, "..", 1, True, "\ud83d"]
BAD: dict[str, list[Any]] = {
    "count": [0, -1, 1001, *NO_INTEGERS],
    "wait": [-1, 60_001, *NO_INTEGERS],
    "attempt_id": NO_NAMES,
    "queues": [[], "a", ["a b"], [1], [f"q{number}" for number in range(101)]],
    "together": [1, "yes"],
}
BAD_LEASE_TIMES = [0, -1, HALF_A_DAY + 1, *NO_INTEGERS]


async def test_a_bad_option_is_refused_and_nothing_is_leased(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    for field, values in BAD.items():
        for value in values:
            body = json.dumps({field: value})
            for path in ("/dequeue/sms/", "/dequeue/"):
                response = await client.post(path, content=body)
                refused = {"status": "failure", "message": invalid(field), "error": "invalid"}
                assert (body, response.status_code, response.json()) == (body, 400, refused)
    for body in ('{"counts": 1}', '{"queue": "q"}', '{"freeze": 1}', "[]", "1", "{"):
        assert (await client.post("/dequeue/sms/", content=body)).status_code == 400
    assert (await client.get("/metrics/sms/q/")).json()["leased"] == 0


@ON_MEMORY
async def test_a_lease_time_past_its_bounds_is_refused(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    out_of_range = f"`lease_time` must be an integer from 1 to {HALF_A_DAY}."
    for value in BAD_LEASE_TIMES:
        response = await client.post("/dequeue/sms/", content=json.dumps({"lease_time": value}))
        message = out_of_range if type(value) is int else invalid("lease_time")
        assert (value, response.status_code) == (value, 400)
        assert response.json()["message"] == message
    for text in ("0", f"{HALF_A_DAY + 1}"):
        response = await client.get(f"/dequeue/sms/?lease_time={text}")
        assert (response.status_code, response.json()["message"]) == (400, out_of_range)
    for text in ("-1", "1.0", "", "1e3", "x"):
        response = await client.get(f"/dequeue/sms/?lease_time={text}")
        assert (response.status_code, response.json()["message"]) == (400, invalid("lease_time"))
    assert (await client.get("/metrics/sms/q/")).json()["leased"] == 0


@ON_MEMORY
async def test_a_post_that_asks_in_its_query_is_refused(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    for query in ("wait=1000", "count=1", "waits=1"):
        response = await client.post(f"/dequeue/sms/?{query}", json={})
        assert response.status_code == 400
    response = await client.post("/dequeue/sms/?wait=1000", json={"wait": 1})
    assert response.json()["message"] == "A POST asks in its body, not in its query."
    assert (await client.post("/dequeue/sms/?worker=7", json={})).status_code == 200


async def test_a_worker_that_hung_up_while_it_waited_loses_no_job() -> None:
    store = MemoryStore()
    async with serving(lambda: store) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        body = b'{"wait": 60000}'
        writer.write(b"POST /dequeue/sms/ HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n" + body)
        while not served.service.waiting_callers:
            await served.client.get("/")
        writer.close()
        await writer.wait_closed()
        while served.service.waiting_callers:
            await served.client.get("/")
        await send(served.client, enqueue("j1"))
        assert (await served.client.post("/dequeue/sms/")).json()["job_id"] == "j1"


async def test_an_operator_bounds_the_time_of_a_lease() -> None:
    options = AppOptions(service=ServiceOptions(tends=False, max_lease_time=1000))
    async with serving(MemoryStore, options) as served:
        await send(served.client, enqueue("j1"))
        refused = await served.client.post("/dequeue/sms/", json={"lease_time": 1001})
        assert refused.json()["message"] == "`lease_time` must be an integer from 1 to 1000."
        taken = await served.client.post("/dequeue/sms/", json={"lease_time": 1000})
        assert taken.status_code == 200
