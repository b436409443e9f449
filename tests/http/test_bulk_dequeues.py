"""Many jobs in one answer: `count`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from unittest.mock import ANY

import httpx
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.wire.app import AppOptions
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    Dequeued,
    EnqueueResult,
    NewJob,
    Settled,
    Settlement,
    Take,
)
from sharq_plug.service import ServiceOptions
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.api import QUIET, invalid, serving
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio


async def put(client: httpx.AsyncClient, queue_id: str, *job_ids: str, interval: int = 0) -> None:
    items = [
        {"queue_id": queue_id, "job_id": job_id, "interval": interval, "payload": job_id}
        for job_id in job_ids
    ]
    response = await client.post("/enqueue/sms", json={"jobs": items})
    assert {result["code"] for result in response.json()["results"]} == {201}


async def taken(client: httpx.AsyncClient, query: str) -> list[str]:
    """Return `queue id/job id` of each job of a bulk dequeue."""
    response = await client.get(f"/dequeue/sms/?{query}")
    assert response.status_code == 200
    return [f"{job['queue_id']}/{job['job_id']}" for job in response.json()["jobs"]]


async def test_jobs_come_in_a_list_with_a_lease_each(client: httpx.AsyncClient) -> None:
    await put(client, "q", "j1", "j2", "j3")
    response = await client.get("/dequeue/sms/?count=2")
    leased = {
        "queue_id": "q",
        "requeues_remaining": -1,
        "attempt": 1,
        "expires_at": ManualClock().now() + 60_000,
        "enqueued_at": ManualClock().now(),
        "lease": ANY,
    }
    assert response.json() == {
        "status": "success",
        "jobs": [
            leased | {"job_id": "j1", "payload": "j1", "current_queue_length": 2},
            leased | {"job_id": "j2", "payload": "j2", "current_queue_length": 1},
        ],
    }
    assert len({job["lease"] for job in response.json()["jobs"]}) == 2


async def test_a_count_of_one_answers_a_list_too(client: httpx.AsyncClient) -> None:
    await put(client, "q", "j1")
    assert await taken(client, "count=1") == ["q/j1"]


async def test_as_many_come_as_are_ready(client: httpx.AsyncClient, clock: ManualClock) -> None:
    await put(client, "slow", "j1", "j2", interval=500)
    await put(client, "fast", "j1", "j2")
    assert await taken(client, "count=1000") == ["slow/j1", "fast/j1", "fast/j2"]
    nothing = await client.get("/dequeue/sms/?count=1000")
    assert (nothing.status_code, nothing.headers["retry-after"]) == (404, "1")
    assert nothing.json() == {"status": "failure", "next_ready_at": clock.now() + 500}
    clock.advance(500)
    assert await taken(client, "count=2") == ["slow/j2"]


async def test_an_empty_answer_says_in_how_many_seconds_to_come_back(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    for path in ("/dequeue/sms/", "/dequeue/sms/?count=3"):
        nothing = await client.get(path)
        assert nothing.status_code == 404
        assert nothing.json() == {"status": "failure", "next_ready_at": None}
        assert "retry-after" not in nothing.headers
    await put(client, "q", "j1", "j2", interval=2500)
    await client.get("/dequeue/sms/")
    for advance, seconds in ((0, "3"), (499, "3"), (1, "2"), (1000, "1"), (999, "1")):
        clock.advance(advance)
        for path in ("/dequeue/sms/", "/dequeue/sms/?count=3"):
            assert (await client.get(path)).headers["retry-after"] == seconds


BAD_NUMBERS = ["-1", "x", "1.0", "", "+1", "%201", "1e2", "0x1", "1_0", "%D9%A1", "%FF", "9" * 5000]


@pytest.mark.parametrize(
    ("name", "bad"),
    [("count", ["0", "1001", *BAD_NUMBERS]), ("wait", ["60001", *BAD_NUMBERS])],
)
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_a_number_in_a_query_that_is_none_is_refused(
    client: httpx.AsyncClient, name: str, bad: list[str]
) -> None:
    await put(client, "q", "j1")
    for text in bad:
        for path in ("/dequeue/sms/", "/dequeue/"):
            response = await client.get(f"{path}?{name}={text}")
            assert (text, response.status_code) == (text, 400)
            assert response.json() == {
                "status": "failure",
                "message": invalid(name),
                "error": "invalid",
            }
    assert await taken(client, "count=1") == ["q/j1"]


async def test_a_count_is_as_fair_as_single_dequeues(client: httpx.AsyncClient) -> None:
    queues = ("c", "a", "b")
    for queue_type in ("sms", "email"):
        for queue in queues:
            items = [
                {"queue_id": queue, "job_id": f"j{number}", "interval": 0, "payload": 0}
                for number in range(3)
            ]
            await client.post(f"/enqueue/{queue_type}/", json={"jobs": items})
    together = await taken(client, "count=9")
    single = [(await client.get("/dequeue/email/")).json() for _ in range(9)]
    assert together == [f"{job['queue_id']}/{job['job_id']}" for job in single]
    assert together[:4] == ["c/j0", "a/j0", "b/j0", "c/j1"]


async def test_a_repeated_attempt_gets_the_same_jobs(client: httpx.AsyncClient) -> None:
    await put(client, "q", *(f"j{number}" for number in range(5)))
    first = await taken(client, "count=3&attempt_id=a")
    assert first == ["q/j0", "q/j1", "q/j2"]
    assert await taken(client, "attempt_id=a&count=3") == first
    await client.post("/finish/sms/q/j1/")
    assert await taken(client, "count=3&attempt_id=a") == ["q/j0", "q/j2"]
    assert await taken(client, "count=3&attempt_id=b") == ["q/j3", "q/j4"]


async def test_an_answer_holds_eight_mebibytes_and_always_one_job(
    open_backend: Callable[[], QueueStore],
) -> None:
    size = MAX_DEQUEUE_BYTES // 4
    async with serving(open_backend, replace(QUIET, max_body_size=9 * 1024 * 1024)) as served:
        for number, length in enumerate([size - 2] * 5 + [MAX_DEQUEUE_BYTES]):
            item = {"job_id": f"j{number}", "interval": 0, "payload": "x" * length}
            assert (await served.client.post("/enqueue/sms/q/", json=item)).status_code == 201
        for expected in (["q/j0", "q/j1", "q/j2", "q/j3"], ["q/j4"], ["q/j5"]):
            assert await taken(served.client, "count=1000") == expected


async def test_the_servers_requeue_limit_holds_for_jobs_of_a_batch_that_bring_none(
    open_backend: Callable[[], QueueStore],
) -> None:
    options = AppOptions(service=ServiceOptions(tends=False, default_requeue_limit=7))
    item = {"queue_id": "q", "interval": 0, "payload": 0}
    items = [item | {"job_id": "j1"}, item | {"job_id": "j2", "requeue_limit": 2}]
    items.append(item | {"job_id": "j3", "requeue_limit": None})
    async with serving(open_backend, options) as served:
        await served.client.post("/enqueue/sms/", json={"jobs": items})
        jobs = (await served.client.get("/dequeue/sms/?count=3")).json()["jobs"]
        assert [job["requeues_remaining"] for job in jobs] == [7, 2, 7]


class SlowStore(MemoryStore):
    """Says when a call has come, and answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.settled = asyncio.Event()

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        self.entered.set()
        await self.go_on.wait()
        return await super().enqueue(queue_type, jobs)

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.entered.set()
        await self.go_on.wait()
        return await super().dequeue(queue_type, takes)

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        outcomes = await super().settle(queue_type, items)
        self.settled.set()
        return outcomes


@pytest.mark.parametrize(("query", "kept"), [("count=3", 0), ("count=3&attempt_id=a", 3)])
async def test_a_client_that_hangs_up_has_all_its_jobs_handed_back_or_finds_them(
    query: str, kept: int
) -> None:
    store = SlowStore()
    await MemoryStore.enqueue(store, "sms", [NewJob("q", f"j{n}", b"1", 0) for n in range(4)])
    async with serving(lambda: store) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"GET /dequeue/sms/?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await store.entered.wait()
        writer.close()
        await writer.wait_closed()
        await served.client.get("/")  # by then the server knows
        store.go_on.set()
        if not kept:
            await store.settled.wait()
    metrics = await look_at_queue(store)
    assert (metrics.waiting, metrics.leased) == (4 - kept, kept)


async def test_a_batch_is_one_call_in_flight_and_its_payloads_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sharq_plug.service.admission.MAX_BYTES_IN_FLIGHT", 1000)
    store = SlowStore()
    options = AppOptions(service=ServiceOptions(tends=False, max_in_flight=3))

    def batch(name: str, jobs: int, size: int) -> dict[str, object]:
        item = {"queue_id": "q", "interval": 0, "payload": "x" * size}
        return {"jobs": [item | {"job_id": f"{name}{number}"} for number in range(jobs)]}

    async with serving(lambda: store, options) as served:
        first = asyncio.create_task(
            served.client.post("/enqueue/sms/", json=batch("first", 100, 8))
        )
        await store.entered.wait()
        refused = await served.client.post("/enqueue/sms/", json=batch("second", 2, 1000))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json() == {
            "status": "failure",
            "message": "The server is overloaded.",
            "error": "overloaded",
        }
        store.go_on.set()
        assert {result["code"] for result in (await first).json()["results"]} == {201}
        again = await served.client.post("/enqueue/sms/", json=batch("third", 2, 1000))
        assert [result["code"] for result in again.json()["results"]] == [201, 201]
