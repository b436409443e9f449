"""Answers that depend on what went before: leases, expiry, dead letters."""

import httpx
import pytest

from sharq_plug.service import QueueService
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio


async def enqueue(client: httpx.AsyncClient, **fields: object) -> None:
    body = {"job_id": "j1", "interval": 0, "payload": {}} | fields
    assert (await client.post("/enqueue/sms/q/", json=body)).status_code == 201


async def test_a_lease_finishes_its_job_and_does_so_again(client: httpx.AsyncClient) -> None:
    await enqueue(client)
    lease = (await client.get("/dequeue/sms/")).json()["lease"]
    for _ in range(2):
        response = await client.post("/finish/sms/q/j1/", json={"lease": lease})
        assert (response.status_code, response.json()) == (200, {"status": "success"})
    assert (await client.post("/finish/sms/q/j1/")).status_code == 404


async def test_an_expired_job_comes_back_with_one_requeue_less(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    await enqueue(client, requeue_limit=1)
    first = (await client.get("/dequeue/sms/")).json()
    clock.advance(60_000)
    await service.tend()
    second = (await client.get("/dequeue/sms/")).json()
    assert (first["requeues_remaining"], first["attempt"]) == (1, 1)
    assert (second["requeues_remaining"], second["attempt"]) == (0, 2)
    assert first["lease"] != second["lease"]


async def test_a_purge_finds_dead_letters_and_a_clearing_does_not(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    await enqueue(client, requeue_limit=0)
    await client.get("/dequeue/sms/")
    clock.advance(60_000)
    await service.tend()
    cleared = await client.delete("/deletequeue/sms/q/")
    assert cleared.json() == {
        "status": "Failure",
        "message": "No queued calls found",
        "error": "not_found",
    }
    assert (await client.get("/metrics/sms/q/")).json()["dead_letters"] == 1
    purged = await client.request("DELETE", "/deletequeue/sms/q/", json={"purge_all": True})
    assert purged.json()["status"] == "Success"
    assert (await client.get("/metrics/sms/q/")).json()["dead_letters"] == 0
