"""What limits and holds do to workers and producers: answers, and when the next job goes."""

from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import enqueue, mandatory, send
from support.operators import seen

pytestmark = pytest.mark.anyio

QUEUE = "/queue/sms/q/"
NO_INTERVAL = {"status": "failure", "message": mandatory("interval"), "error": "invalid"}
TOKENS = {"rate": 100, "per": 1000, "burst": 1, "unit": "tokens"}


async def fill(client: httpx.AsyncClient, *, count: int = 9, **fields: Any) -> None:
    """Enqueue jobs without an interval."""
    jobs = [{"queue_id": "q", "job_id": f"j{n}", "payload": n, **fields} for n in range(count)]
    response = await client.post("/enqueue/sms/", json={"jobs": jobs})
    assert {result["code"] for result in response.json()["results"]} == {201}, response.text


async def put(client: httpx.AsyncClient, **settings: Any) -> None:
    """Set settings of the queue."""
    response = await client.patch(QUEUE, json=settings)
    assert response.status_code == 200, response.text


async def taken(client: httpx.AsyncClient, count: int = 100) -> list[dict[str, Any]]:
    """Dequeue what may go."""
    response = await client.post("/dequeue/sms/", json={"count": count})
    jobs: list[dict[str, Any]] = response.json().get("jobs", [])
    return jobs


async def next_ready_at(client: httpx.AsyncClient) -> tuple[Any, str | None]:
    """Return when a dequeue that gets nothing is told to come back, and its `Retry-After`."""
    response = await client.post("/dequeue/sms/")
    assert response.status_code == 404
    return response.json()["next_ready_at"], response.headers.get("retry-after")


async def test_an_interval_may_be_left_out_where_limits_are_set(client: httpx.AsyncClient) -> None:
    job = {"job_id": "j1", "payload": {}}
    refused = await client.post("/enqueue/sms/q/", json=job)
    assert (refused.status_code, refused.json()) == (400, NO_INTERVAL)
    for limits in ([], [TOKENS]):
        await put(client, limits=limits)
        assert (await client.post("/enqueue/sms/q/", json=job)).status_code == 201
    await put(client, limits=None)
    refused = await client.post("/enqueue/sms/q/", json=job | {"job_id": "j2"})
    assert (refused.status_code, refused.json()) == (400, NO_INTERVAL)
    assert (await seen(client, QUEUE))["waiting"] == 1


async def test_each_job_of_a_batch_needs_an_interval_where_its_queue_has_no_limits(
    client: httpx.AsyncClient,
) -> None:
    await put(client, limits=[])
    job = {"job_id": "j1", "payload": {}}
    jobs = [job | {"queue_id": queue_id} for queue_id in ("q", "other", "q")]
    response = await client.post("/enqueue/sms/", json={"jobs": jobs})
    assert response.json()["results"] == [
        {"status": "queued", "code": 201},
        NO_INTERVAL | {"code": 400},
        {"status": "queued", "duplicate": True, "code": 201},
    ]
    assert (await seen(client, "/metrics/sms/"))["queue_ids"] == ["q"]


async def test_the_interval_that_an_enqueue_brings_has_no_effect_where_limits_are_set(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, interval=1000)
    for number in range(3):
        await send(client, enqueue(f"j{number}", interval=0))
    assert len(await taken(client)) == 1
    refused = await client.post("/interval/sms/q/", json={"interval": 0})
    assert (refused.status_code, refused.json()) == (
        409,
        {
            "status": "failure",
            "message": "The settings of the queue or its type have limits: change those.",
            "error": "limits_set",
        },
    )
    unknown = await client.post("/interval/sms/nobody/", json={"interval": 0})
    assert (unknown.status_code, unknown.json()) == (404, {"status": "failure"})
    await put(client, limits=None)
    assert len(await taken(client)) == 2


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, limits=[{"rate": 2, "per": 1000, "burst": 3}])
    await fill(client)
    assert len(await taken(client)) == 3
    assert await next_ready_at(client) == (clock.now() + 500, "1")
    clock.advance(1000)
    assert len(await taken(client)) == 2


async def test_a_costly_job_holds_its_queue_for_longer(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, limits=[TOKENS])
    await fill(client, cost={"tokens": 250})
    assert len(await taken(client)) == 1
    held = [{"hold": "limit", "until": clock.now() + 2500, "unit": "tokens", "of": "queue"}]
    shown = await seen(client, QUEUE)
    assert (shown["held_by"], shown["next_ready_at"]) == (held, clock.now() + 2500)
    assert await next_ready_at(client) == (clock.now() + 2500, "3")


@pytest.mark.parametrize(
    ("actual", "wait"), [({"tokens": 50}, 500), ({"tokens": 1000}, 10_000), ({}, 2500), (7, 2500)]
)
async def test_a_finish_corrects_what_the_job_paid(
    client: httpx.AsyncClient, clock: ManualClock, actual: object, wait: int
) -> None:
    await put(client, limits=[TOKENS])
    await fill(client, cost={"tokens": 250})
    [job] = await taken(client)
    fields = {"lease": job["lease"], "actual": actual}
    assert (await client.post("/finish/sms/q/j0/", json=fields)).status_code == 200
    assert (await next_ready_at(client))[0] == clock.now() + wait


async def test_a_finish_of_many_corrects_each(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, limits=[TOKENS | {"burst": 1000}])
    await fill(client, cost={"tokens": 500})
    jobs = [
        {"queue_id": "q", "job_id": job["job_id"], "lease": job["lease"], "actual": {"tokens": 550}}
        for job in await taken(client)
    ]
    assert len(jobs) == 2
    response = await client.post("/finish/sms/", json={"jobs": [*jobs, jobs[0] | {"actual": 0}]})
    assert [result["code"] for result in response.json()["results"]] == [200, 200, 400]
    assert (await next_ready_at(client))[0] == clock.now() + 1010


async def test_so_many_leases_at_a_time(client: httpx.AsyncClient, clock: ManualClock) -> None:
    await put(client, limits=[], concurrency=2)
    await fill(client)
    first, _ = await taken(client)
    assert await next_ready_at(client) == (clock.now() + 60_000, "60")
    held = [{"hold": "concurrency", "until": None, "of": "queue"}]
    assert (await seen(client, QUEUE))["held_by"] == held
    await client.post(f"/finish/sms/q/{first['job_id']}/", json={"lease": first["lease"]})
    assert len(await taken(client)) == 1
    await put(client, concurrency=4)
    assert len(await taken(client)) == 2


async def test_a_queue_of_twice_the_weight_gets_twice_the_jobs(client: httpx.AsyncClient) -> None:
    await put(client, weight=2)
    for queue_id in ("q", "other"):
        for number in range(9):
            await send(client, enqueue(f"j{number}", f"sms/{queue_id}"))
    got = [(await client.post("/dequeue/sms/")).json()["queue_id"] for _ in range(9)]
    assert got == ["q", "q", "other"] * 3


async def test_a_full_queue_refuses_jobs_by_its_setting(client: httpx.AsyncClient) -> None:
    await put(client, max_length=2)
    for number in range(2):
        await send(client, enqueue(f"j{number}", delay=number * 1000))
    full = {"status": "failure", "message": "Max queue length reached", "error": "queue_full"}
    for fields in ({}, {"max_queued_length": 5}):
        response = await send(client, enqueue("j2", **fields))
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        assert response.json() == full | {"current_queue_length": 2}
    response = await send(client, enqueue("j2", max_queued_length=1))
    assert response.status_code == 429
    assert (await send(client, enqueue("j1"))).json() == {"status": "queued", "duplicate": True}
    await put(client, max_length=3)
    assert (await send(client, enqueue("j2"))).json() == {"status": "queued"}


async def test_a_paused_queue_takes_jobs_and_gives_none(client: httpx.AsyncClient) -> None:
    await put(client, paused=True)
    await send(client, enqueue("j1"))
    assert await next_ready_at(client) == (None, None)
    await send(client, enqueue("j1", "sms/other"))
    assert [job["queue_id"] for job in await taken(client)] == ["other"]
    await put(client, paused=False)
    assert [job["queue_id"] for job in await taken(client)] == ["q"]


@pytest.mark.parametrize("verb", ["release", "fail"])
async def test_a_worker_freezes_the_queue_with_what_it_says(
    client: httpx.AsyncClient, clock: ManualClock, verb: str
) -> None:
    for number in range(2):
        await send(client, enqueue(f"j{number}"))
    job, other = await taken(client)
    path, said = f"/{verb}/sms/q/", {"lease": job["lease"], "freeze": 30_000}
    stale = await client.post(f"{path}{other['job_id']}/", json=said)
    assert (stale.status_code, (await seen(client, QUEUE))["frozen_until"]) == (409, None)
    assert (await client.post(f"{path}{job['job_id']}/", json=said)).status_code == 200
    shorter = {"lease": other["lease"], "freeze": 10}
    items = [shorter | {"queue_id": "q", "job_id": other["job_id"]}]
    await client.post(f"/{verb}/sms/", json={"jobs": items})
    assert (await seen(client, QUEUE))["frozen_until"] == clock.now() + 30_000
    assert await next_ready_at(client) == (clock.now() + 30_000, "30")
    clock.advance(30_000)
    assert len(await taken(client)) == 2


async def test_a_job_tells_why_it_waits_and_when_it_goes_at_the_earliest(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await put(client, limits=[{"rate": 1, "per": 1000}])
    await fill(client, count=3)
    await client.post("/dequeue/sms/")
    now = clock.now()
    limit = {"hold": "limit", "until": now + 1000, "unit": "job", "of": "queue"}
    for job_id, earliest_at in (("j1", now + 1000), ("j2", now + 2000)):
        shown = await seen(client, f"/job/sms/q/{job_id}/")
        assert (shown["held_by"], shown["earliest_at"]) == ([limit], earliest_at)
    await client.patch("/job/sms/q/j1/", json={"delay": 5000})
    shown = await seen(client, "/job/sms/q/j1/")
    delay = {"hold": "delay", "until": now + 5000, "of": "queue"}
    assert (shown["held_by"], shown["earliest_at"]) == ([limit, delay], now + 5000)
    await put(client, paused=True)
    shown = await seen(client, "/job/sms/q/j2/")
    paused = {"hold": "paused", "until": None, "of": "queue"}
    assert (shown["held_by"], shown["earliest_at"]) == ([limit, paused], None)


async def test_a_listing_of_jobs_does_not_say_why_they_wait(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1"))
    [job] = (await seen(client, "/jobs/sms/q/"))["jobs"]
    assert not {"held_by", "earliest_at"} & job.keys()
