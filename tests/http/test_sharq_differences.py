"""Where SharQ 1.3.0 is wrong, we are right: each of these tests fails on SharQ's behaviour.

Docstrings are rows of docs/sharq.md.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from sharq_plug.http.wire.app import AppOptions
from sharq_plug.model import NewJob
from sharq_plug.plugins import open_store
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one
from support.api import QUIET, enqueue, send, serving
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

LEASE = QUIET.service.lease_time
PAGE = Path(__file__).parents[2] / "docs" / "sharq.md"


def test_each_row_of_the_page_has_its_test() -> None:
    text = PAGE.read_text("utf-8").partition("## Where SharQ is wrong")[2].partition("\n## ")[0]
    rows = [line.split(" |")[0].strip("| ") for line in text.splitlines() if line.startswith("|")]
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    held = {test.__doc__ for test in tests if test.__doc__}
    assert {f"SharQ: {row}." for row in rows[2:]} == held


async def dequeued(client: httpx.AsyncClient, queue_type: str = "sms") -> str | None:
    """Return `queue id/job id` of the next job, None if there is none."""
    response = await client.get(f"/dequeue/{queue_type}/")
    assert response.status_code in {200, 404}
    job = response.json()
    return f"{job['queue_id']}/{job['job_id']}" if response.status_code == 200 else None


async def test_the_rate_outlives_the_lease_time_of_a_queue_that_ran_empty(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    """SharQ: an empty queue loses its rate when `interval` exceeds `job_expire_interval`."""
    interval = 2 * LEASE
    await send(client, enqueue("j1", interval=interval))
    assert await dequeued(client) == "q/j1"
    await client.post("/finish/sms/q/j1/")
    clock.advance(LEASE + 1)
    await service.tend()
    await send(client, enqueue("j2", interval=interval))
    assert await dequeued(client) is None
    clock.advance(interval - LEASE - 2)
    assert await dequeued(client) is None
    clock.advance(1)
    assert await dequeued(client) == "q/j2"


async def test_a_changed_interval_reaches_the_jobs_that_wait(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    """SharQ: a changed interval does not reach the jobs that wait."""
    for job_id in ("j1", "j2"):
        await send(client, enqueue(job_id, interval=10**6))
    assert await dequeued(client) == "q/j1"
    await client.post("/interval/sms/q/", json={"interval": 100})
    clock.advance(99)
    assert await dequeued(client) is None
    clock.advance(1)
    assert await dequeued(client) == "q/j2"


async def test_a_late_finish_does_not_end_another_workers_lease(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    """SharQ: a late finish ends another worker's lease."""
    await send(client, enqueue("j1"))
    late = (await client.get("/dequeue/sms/")).json()["lease"]
    clock.advance(LEASE)
    await service.tend()
    current = (await client.get("/dequeue/sms/")).json()["lease"]
    assert (await client.post("/finish/sms/q/j1/", json={"lease": late})).status_code == 409
    assert (await client.post("/finish/sms/q/j1/", json={"lease": current})).status_code == 200


async def test_the_same_job_id_twice_is_one_job(client: httpx.AsyncClient) -> None:
    """SharQ: the same job id twice: two entries, one payload, the second vanishes."""
    await send(client, enqueue("j1", payload="first"))
    again = await send(client, enqueue("j1", payload="second"))
    assert again.json()["duplicate"] is True
    job = (await client.get("/dequeue/sms/")).json()
    assert (job["payload"], job["current_queue_length"]) == ("first", 0)
    await send(client, enqueue("j1", payload="third"))
    assert await dequeued(client) is None
    await client.post("/finish/sms/q/j1/")
    assert (await client.get("/metrics/sms/")).json()["queue_ids"] == []


async def test_a_job_out_of_requeues_is_kept_as_a_dead_letter(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    """SharQ: a job out of requeues is dropped without a trace."""
    await send(client, enqueue("j1", requeue_limit=1))
    for _ in range(2):
        assert await dequeued(client) == "q/j1"
        clock.advance(LEASE)
        await service.tend()
    metrics = (await client.get("/metrics/sms/q/")).json()
    assert (metrics["queue_length"], metrics["leased"], metrics["dead_letters"]) == (0, 0, 1)


async def _dequeue_time(open_backend: Callable[[], QueueStore], queues: int) -> float:
    """Return the seconds of the fastest of many dequeues with so many ready queues."""
    async with open_backend() as store:
        jobs = [NewJob(f"{queues}-{number}", "j1", b"1", 0) for number in range(queues)]
        for start in range(0, queues, 1000):
            await store.enqueue(f"sms{queues}", jobs[start : start + 1000])
        times = []
        for _ in range(50):
            start_time = time.perf_counter()
            await dequeue_for_one(store, f"sms{queues}", count=1, lease_time=LEASE)
            times.append(time.perf_counter() - start_time)
        return min(times)


async def test_a_dequeue_does_not_read_every_ready_queue(
    open_backend: Callable[[], QueueStore],
) -> None:
    """SharQ: the cost of a dequeue grows with the ready queues."""
    few = await _dequeue_time(open_backend, 100)
    many = await _dequeue_time(open_backend, 20_000)
    assert many < 5 * few  # reading them all takes about 200 times as long


async def test_ties_go_in_turn_and_not_by_the_alphabet(client: httpx.AsyncClient) -> None:
    """SharQ: in one millisecond the alphabetically first queue wins."""
    for queue in ("c", "a", "b"):
        for job_id in ("j1", "j2"):
            await send(client, enqueue(job_id, f"sms/{queue}"))
    order = [await dequeued(client) for _ in range(6)]
    assert order == ["c/j1", "a/j1", "b/j1", "c/j2", "a/j2", "b/j2"]


@pytest.mark.parametrize(
    "name", ["payload", "active", "ready", "interval", "queue_type", "metrics", "default"]
)
async def test_a_type_may_have_any_name(client: httpx.AsyncClient, name: str) -> None:
    """SharQ: a type called `payload` breaks the server; one stale entry stops a type."""
    for queue_type in (name, "sms"):
        call = enqueue("j1", f"{queue_type}/{name}", payload=queue_type)
        assert (await send(client, call)).status_code == 201
    for queue_type in (name, "sms"):
        assert await dequeued(client, queue_type) == f"{name}/j1"
        assert (await client.post(f"/finish/{queue_type}/{name}/j1/")).status_code == 200
    assert (await client.get("/metrics/")).json()["queue_types"] == []


async def test_what_one_queue_went_through_stops_no_other_of_its_type(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    """SharQ: a type called `payload` breaks the server; one stale entry stops a type."""
    for _ in range(2):
        await send(client, enqueue("j1", "sms/first"))
    assert await dequeued(client) == "first/j1"
    await client.delete("/deletequeue/sms/first/")
    await send(client, enqueue("j1", "sms/second", interval=10))
    clock.advance(LEASE)
    await service.tend()
    assert await dequeued(client) == "second/j1"


async def test_clearing_leaves_nothing_and_nothing_comes_back(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    """SharQ: clearing leaves payloads, limits and types behind, and leased jobs come back."""
    for job_id in ("j1", "j2"):
        await send(client, enqueue(job_id, requeue_limit=3, payload="old"))
    assert await dequeued(client) == "q/j1"
    await client.request("DELETE", "/deletequeue/sms/q/", json={"purge_all": True})
    assert (await client.get("/metrics/")).json()["queue_types"] == []
    assert (await client.post("/finish/sms/q/j1/")).status_code == 404
    clock.advance(LEASE)
    await service.tend()
    assert await dequeued(client) is None
    await send(client, enqueue("j2", payload="new"))
    job = (await client.get("/dequeue/sms/")).json()
    assert (job["payload"], job["requeues_remaining"]) == ("new", -1)


async def test_what_is_no_job_is_refused_and_any_json_value_is_a_payload(
    client: httpx.AsyncClient,
) -> None:
    """SharQ: malformed JSON, or a payload that is no object: 500."""
    for body in (b"{", b"[]", b'{"job_id": "j1", "interval": true, "payload": {}}'):
        response = await client.post("/enqueue/sms/q/", content=body)
        assert response.status_code == 400
        assert response.json()["message"]
    for payload in (None, False, 7, "text", [1, 2]):
        assert (await send(client, enqueue("j1", payload=payload))).status_code == 201
        assert (await client.get("/dequeue/sms/")).json()["payload"] == payload
        await client.post("/finish/sms/q/j1/")


async def test_the_limit_holds_while_many_enqueue(client: httpx.AsyncClient) -> None:
    """SharQ: `max_queued_length` is checked before, not while, enqueueing."""
    calls = [enqueue(f"j{number}", max_queued_length=5) for number in range(40)]
    responses = await asyncio.gather(*(send(client, call) for call in calls))
    assert Counter(response.status_code for response in responses) == {201: 5, 429: 35}
    lengths = [r.json()["current_queue_length"] for r in responses if r.status_code == 201]
    assert sorted(lengths) == [0, 1, 2, 3, 4]
    assert (await client.get("/metrics/sms/q/")).json()["queue_length"] == 5


async def test_jobs_are_requeued_again_after_an_outage_of_redis(
    tmp_path: Path, clock: ManualClock
) -> None:
    """SharQ: after an outage of Redis nothing is requeued any more."""
    options = AppOptions(service=ServiceOptions(tend_interval=10))
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as redis:
        open_redis = partial(open_store, "redis", {"url": redis.url}, clock=clock)
        async with serving(open_redis, options) as served:
            await send(served.client, enqueue("j1"))
            assert await dequeued(served.client) == "q/j1"
            redis.stop()
            down = await served.client.get("/deepstatus/")
            assert (down.status_code, down.headers["retry-after"]) == (503, "1")
            redis.start()
            clock.advance(LEASE)
            async with asyncio.timeout(5):
                await _second_attempt(served.client)


async def _second_attempt(client: httpx.AsyncClient) -> None:
    """Ask until the reclaim passes, which run by themselves, have brought the job back."""
    while (response := await client.get("/dequeue/sms/")).status_code != 200:
        pass
    assert response.json()["attempt"] == 2
