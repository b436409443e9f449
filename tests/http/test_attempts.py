"""A dequeue that may be repeated: `attempt_id`."""

import asyncio

import httpx
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.wire.app import AppOptions
from sharq_plug.service import ServiceOptions
from sharq_plug.testing import ManualClock
from support.api import enqueue, invalid, send, serving
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio

DEQUEUE = "/dequeue/sms/?attempt_id=call-1"


async def put(client: httpx.AsyncClient, *job_ids: str) -> None:
    for job_id in job_ids:
        assert (await send(client, enqueue(job_id, payload={"n": job_id}))).status_code == 201


async def test_a_repeated_attempt_gets_the_same_job_under_the_same_lease(
    client: httpx.AsyncClient,
) -> None:
    await put(client, "j1", "j2")
    first = await client.get(DEQUEUE)
    assert first.status_code == 200
    assert (await client.get(DEQUEUE)).content == first.content
    other = await client.get("/dequeue/sms/?attempt_id=call-2")
    assert other.json()["job_id"] == "j2"


async def test_an_attempt_whose_job_is_finished_is_a_new_one(client: httpx.AsyncClient) -> None:
    await put(client, "j1", "j2")
    lease = (await client.get(DEQUEUE)).json()["lease"]
    await client.post("/finish/sms/q/j1/", json={"lease": lease})
    assert (await client.get(DEQUEUE)).json()["job_id"] == "j2"


async def test_an_attempt_whose_lease_expired_is_a_new_one(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, "j1", "j2")
    await client.get(DEQUEUE)
    clock.advance(60_000)
    assert (await client.get(DEQUEUE)).json()["job_id"] == "j2"


@pytest.mark.parametrize(
    "attempt_id", ["a%20b", "%7Bx%7D", "%C3%A9", "a" * 101, "%00", "..", "a;b"]
)
async def test_an_attempt_id_that_is_no_name_is_refused(
    client: httpx.AsyncClient, attempt_id: str
) -> None:
    response = await client.get(f"/dequeue/sms/?attempt_id={attempt_id}")
    assert response.status_code == 400
    assert response.json()["message"] == invalid("attempt_id")


async def test_a_worker_that_hung_up_finds_its_job_when_it_repeats_the_attempt() -> None:
    store = MemoryStore()
    async with serving(lambda: store) as served:
        await put(served.client, "j1", "j2")
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"GET {DEQUEUE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()
        while (await look_at_queue(store)).leased == 0:
            await served.client.get("/")
        repeated = (await served.client.get(DEQUEUE)).json()
        assert (repeated["job_id"], repeated["attempt"]) == ("j1", 1)


async def test_past_the_bound_of_calls_in_flight_requests_are_refused() -> None:
    class StuckStore(MemoryStore):
        async def dequeue(self, *args: object, **how: object) -> object:  # type: ignore[override]
            entered.set()
            await go_on.wait()
            return await super().dequeue(*args, **how)  # type: ignore[arg-type]

    entered, go_on = asyncio.Event(), asyncio.Event()
    options = AppOptions(service=ServiceOptions(tends=False, max_in_flight=1))
    async with serving(StuckStore, options) as served:
        stuck = asyncio.create_task(served.client.get("/dequeue/sms/"))
        await entered.wait()
        refused = await send(served.client, enqueue("j1"))
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["message"] == "The server is overloaded."
        assert (await served.client.get("/deepstatus/")).status_code == 200
        go_on.set()
        assert (await stuck).status_code == 404
        assert (await send(served.client, enqueue("j1"))).status_code == 201
