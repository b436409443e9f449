"""`max_queued_length` inside a payload: any number counts, as in SharQ; anything else does not."""

import httpx
import pytest

from support.api import enqueue, send

pytestmark = pytest.mark.anyio

LIMITS = {
    "5.5": 6,
    "5.0": 5,
    "6": 6,
    "0.5": 1,
    "1e-400": 0,
    "5e0": 5,
    "0": 0,
    "-0": 0,
    "-1": 0,
    "-0.5": 0,
    "-1E400": 0,
    "1E400": None,
    "9" * 5000: None,
    "9007199254740993": None,
}
"""Limits, and how many jobs fit; None: as many as come."""


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit[:20])
@pytest.mark.parametrize("is_batch", [False, True], ids=["single", "batch"])
async def test_so_many_fit(client: httpx.AsyncClient, limit: str, *, is_batch: bool) -> None:
    lengths, fit = [], LIMITS[limit]
    for number in range(8):
        job = f'"job_id": "j{number}", "interval": 0, "payload": {{"max_queued_length": {limit}}}'
        if is_batch:
            body = f'{{"jobs": [{{"queue_id": "q", {job}}}]}}'
            result = (await client.post("/enqueue/sms/", content=body)).json()["results"][0]
            status = result["code"]
        else:
            response = await client.post("/enqueue/sms/q/", content="{" + job + "}")
            result, status = response.json(), response.status_code
        lengths.append(result["current_queue_length"])
        assert status in {201, 429}
        assert (status == 201) == (fit is None or number < fit)
    assert lengths[0] == 0
    assert lengths[-1] == (7 if fit is None else fit)


@pytest.mark.parametrize("limit", ["true", "false", "null", '"0"', '""', "[]", "{}", "[0]"])
async def test_what_is_no_number_is_no_limit(client: httpx.AsyncClient, limit: str) -> None:
    body = f'{{"job_id": "j1", "interval": 0, "payload": {{"max_queued_length": {limit}}}}}'
    response = await client.post("/enqueue/sms/q/", content=body)
    assert (response.status_code, response.json()) == (201, {"status": "queued"})


async def test_the_limit_at_the_top_wins_over_any_in_the_payload(
    client: httpx.AsyncClient,
) -> None:
    call = enqueue("j1", max_queued_length=1, payload={"max_queued_length": -1})
    assert (await send(client, call)).status_code == 201
    call = enqueue("j2", max_queued_length=1, payload={"max_queued_length": 5.5})
    assert (await send(client, call)).status_code == 429


async def test_a_limit_is_found_beside_half_of_a_surrogate_pair(client: httpx.AsyncClient) -> None:
    payload = rb'{"\ud83d": "\ude00", "max_queued_length": 0.0, "a": "\ud83d"}'
    body = b'{"job_id": "j1", "interval": 0, "payload": ' + payload + b"}"
    assert (await client.post("/enqueue/sms/q/", content=body)).status_code == 429
