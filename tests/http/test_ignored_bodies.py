"""What bodies say beside what counts is ignored, as SharQ ignores it; a field of ours never is."""

import httpx
import pytest

from support.api import enqueue, invalid, send

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["memory"], indirect=True)]

FINISH = "/finish/sms/q/j1/"

IGNORED = [
    b"",
    b" ",
    b'""',
    b"null",
    b"[]",
    b'["lease"]',
    b'"ok"',
    b"0",
    b"NaN",
    b"sent, please release it",
    b"status=sent&released=1",
    b"{",
    b"\xff",
    b"[" * 100_000,
    b"{}",
    b'{"status": "sent"}',
    b'{"status": {"lease": 5}}',
    b'{"lease": null, "status": "\xff"}',
    rb'{"text": "half of \ud83d"}',
    rb'{"half of \ud83d": 1}',
    b'{"a": ' + b"[" * 600 + b"]" * 600 + b"}",
]


async def lease_of_j1(client: httpx.AsyncClient) -> str:
    await send(client, enqueue("j1"))
    return str((await client.get("/dequeue/sms/")).json()["lease"])


@pytest.mark.parametrize("body", IGNORED, ids=lambda body: repr(body[:20]))
async def test_a_finish_ignores_a_body_without_a_lease(
    client: httpx.AsyncClient, body: bytes
) -> None:
    await lease_of_j1(client)
    response = await client.post(FINISH, content=body)
    assert (response.status_code, response.json()) == (200, {"status": "success"})
    assert (await client.get("/metrics/sms/q/")).json()["leased"] == 0


@pytest.mark.parametrize(
    "body",
    [
        '{"lease": "%s", "status": "sent"}',
        '{"status": {"lease": 5}, "lease": "%s"}',
        r'{"text": "half of \ud83d", "lease": "%s", "half of \ude00": 1}',
        '{"lease": "%s", "a": ' + "[" * 600 + "]" * 600 + "}",
    ],
)
async def test_a_finish_takes_the_lease_from_beside_other_fields(
    client: httpx.AsyncClient, body: str
) -> None:
    lease = await lease_of_j1(client)
    stale = await client.post(FINISH, content=body % "another")
    assert stale.status_code == 409
    assert (await client.post(FINISH, content=body % lease)).status_code == 200


SLIPS = [
    '{"lease": "token"',
    '{"lease": "token",}',
    "{'lease': 'token'}",
    "{lease: 'token'}",
    r'"{\"lease\": \"token\"}"',
    "lease=token",
    "status=sent&lease=token",
    '--x\r\nContent-Disposition: form-data; name="lease"\r\n\r\ntoken\r\n--x--',
    '{"lease": "token", "a": ' + "[" * 100_000,
    '{"actual": {"tokens": 5}',
    "actual=5",
    '[{"actual": 5}]',
]


@pytest.mark.parametrize("body", SLIPS, ids=lambda body: body[:30])
async def test_a_field_in_a_body_that_is_no_object_is_not_lost(
    client: httpx.AsyncClient, body: str
) -> None:
    await lease_of_j1(client)
    response = await client.post(FINISH, content=body)
    assert (response.status_code, response.json()["status"]) == (400, "failure")
    assert response.json()["message"]
    assert (await client.get("/metrics/sms/q/")).json()["leased"] == 1


@pytest.mark.parametrize("lease", ["1", "true", "[]", "{}", '""', f'"{"a" * 201}"', r'"\u00e9"'])
async def test_a_lease_of_another_kind_is_refused(client: httpx.AsyncClient, lease: str) -> None:
    await lease_of_j1(client)
    for key in ("lease", r"l\u0065ase"):
        response = await client.post(FINISH, content=f'{{"status": "sent", "{key}": {lease}}}')
        assert (response.status_code, response.json()["message"]) == (400, invalid("lease"))


async def test_a_lease_with_half_of_a_surrogate_pair_is_refused(client: httpx.AsyncClient) -> None:
    await lease_of_j1(client)
    response = await client.post(FINISH, content=rb'{"lease": "\ud83d", "text": "\ud83d"}')
    assert (response.status_code, response.json()["message"]) == (400, invalid("lease"))


async def test_an_interval_stands_beside_other_fields(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    body = rb'{"queue_id": 5, "interval": 250, "text": "half of \ud83d", "\ud83d": {"interval": 1}}'
    assert (await client.post("/interval/sms/q/", content=body)).status_code == 200
    await send(client, enqueue("j2", "sms/other"))
    for body in (b"", b"null", b'""', b"{}", b'{"Interval": 1}'):
        assert (await client.post("/interval/sms/q/", content=body)).status_code == 400


async def test_what_an_enqueue_says_of_its_queue_is_ignored_whatever_it_is(
    client: httpx.AsyncClient,
) -> None:
    body = rb'{"job_id": "j1", "interval": 0, "payload": 1, "queue_id": "\ud83d", "queue_type": {}}'
    assert (await client.post("/enqueue/sms/q/", content=body)).status_code == 201
    assert (await client.get("/dequeue/sms/")).json()["queue_id"] == "q"


TRUE = ["true", "1", "-1", "0.5", "1E400", "9" * 5000, "[0]", '{"a": 1}']
TRUE += ['"true"', '"false"', '"0"', r'"\ud83d"']
FALSE = ["false", "null", "0", "-0", "0.0", "0E9", '""', "[]", "{}", "[ ]", "{\n}"]


@pytest.mark.parametrize("value", TRUE + FALSE, ids=lambda value: value[:20])
async def test_purge_all_is_true_as_python_has_it(client: httpx.AsyncClient, value: str) -> None:
    await send(client, enqueue("j1"))
    body = f'{{"purge_all": {value}, "queue_type": 1, "queue_id": "other"}}'
    cleared = await client.request("DELETE", "/deletequeue/sms/q/", content=body)
    assert cleared.status_code == 200
    assert ("purged" in cleared.json()["message"]) == (value in TRUE)


@pytest.mark.parametrize("body", [b"", b" ", b'""', b"null", b"{}"])
async def test_a_clearing_needs_no_body(client: httpx.AsyncClient, body: bytes) -> None:
    await send(client, enqueue("j1"))
    cleared = await client.request("DELETE", "/deletequeue/sms/q/", content=body)
    assert cleared.json() == {
        "status": "Success",
        "message": "Successfully removed all queued calls",
        "removed": {"waiting": 1, "delayed": 0, "leased": 0, "dead": 0},
    }
