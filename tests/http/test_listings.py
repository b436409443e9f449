"""Types, queues and jobs listed page by page."""

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import enqueue, send
from support.operators import column, fill, let_die, listed, seen

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

NOTHING = {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}
HELD = {"ready_since": None, "next_ready_at": None}


async def test_types_are_listed_with_what_is_in_them(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await fill(client)
    await let_die(client, "dead", queue="email/only-a-letter")
    await send(client, enqueue("j1", "push/q", delay=7000))
    types = {item["queue_type"]: item for item in await listed(client, "/types/", "types")}
    now = clock.now()
    assert types == {
        "sms": {
            "queue_type": "sms",
            "waiting": 2,
            "delayed": 1,
            "leased": 1,
            "dead": 1,
            "queues": 1,
            "ready_queues": 1,
            "ready_since": now,
            "next_ready_at": now,
        },
        "email": {
            "queue_type": "email",
            "waiting": 0,
            "delayed": 0,
            "leased": 0,
            "dead": 1,
            "queues": 0,
            "ready_queues": 0,
            "ready_since": None,
            "next_ready_at": None,
        },
        "push": {
            "queue_type": "push",
            "waiting": 0,
            "delayed": 1,
            "leased": 0,
            "dead": 0,
            "queues": 1,
            "ready_queues": 0,
            "ready_since": None,
            "next_ready_at": now + 7000,
        },
    }


async def test_many_types_come_in_pages(client: httpx.AsyncClient) -> None:
    names = {f"type-{number}" for number in range(30)}
    for name in names:
        await send(client, enqueue("j1", f"{name}/q"))
    found = column(await listed(client, "/types/", "types", limit=7), "queue_type")
    assert set(found) == names


async def test_metrics_list_only_what_exists(client: httpx.AsyncClient) -> None:
    await let_die(client, "dead")
    assert (await seen(client, "/metrics/"))["queue_types"] == []
    assert (await seen(client, "/metrics/sms/"))["queue_ids"] == []
    assert column(await listed(client, "/queues/sms/", "queues"), "queue_id") == ["q"]


async def test_queues_are_listed_with_what_is_in_them(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await fill(client)
    await let_die(client, "dead", queue="sms/only-a-letter")
    queues = {item.pop("queue_id"): item for item in await listed(client, "/queues/sms/", "queues")}
    now = clock.now()
    assert queues == {
        "q": {
            "waiting": 2,
            "delayed": 1,
            "leased": 1,
            "dead": 1,
            "ready_since": now,
            "next_ready_at": now,
        },
        "only-a-letter": NOTHING | {"dead": 1} | HELD,
    }


async def test_many_queues_come_in_pages_and_by_prefix(
    client: httpx.AsyncClient,
) -> None:
    jobs = [
        {"queue_id": f"{start}-{number}", "job_id": "j", "interval": 0, "payload": 1}
        for start in ("acme", "globex")
        for number in range(40)
    ]
    await client.post("/enqueue/sms/", json={"jobs": jobs})
    all_queues = await listed(client, "/queues/sms/", "queues", limit=9)
    assert set(column(all_queues, "queue_id")) == {job["queue_id"] for job in jobs}
    of_acme = await listed(client, "/queues/sms/", "queues", limit=9, prefix="acme-1")
    assert set(column(of_acme, "queue_id")) == {"acme-1", *(f"acme-1{n}" for n in range(10))}
    assert await listed(client, "/queues/sms/", "queues", prefix="initech") == []


async def test_overdue_queues_come_in_the_order_of_the_line(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    for name in ("c", "a", "b"):
        await send(client, enqueue("j", f"sms/{name}"))
        clock.advance(10)
    await send(client, enqueue("j", "sms/held", delay=1000))
    overdue = await listed(client, "/queues/sms/", "queues", sort="overdue", limit=2)
    assert column(overdue, "queue_id") == ["c", "a", "b"]
    assert column(overdue, "ready_since") == [clock.now() - ago for ago in (30, 20, 10)]


async def test_the_longest_backlogs_come_first(client: httpx.AsyncClient) -> None:
    for name, length in {"b": 2, "long": 5, "a": 2, "short": 1}.items():
        for number in range(length):
            await send(client, enqueue(f"j{number}", f"sms/{name}"))
    await send(client, enqueue("j", "sms/held", delay=1000))
    page = await seen(client, "/queues/sms/?sort=waiting")
    assert page["cursor"] is None
    found = [(queue["queue_id"], queue["waiting"]) for queue in page["queues"]]
    assert found == [("long", 5), ("a", 2), ("b", 2), ("short", 1)]
    page = await seen(client, "/queues/sms/?sort=waiting&limit=2")
    assert column(page["queues"], "queue_id") == ["long", "a"]
    assert page["queues"][0].keys() == {
        *("queue_id", "waiting", "delayed", "leased", "dead", "ready_since", "next_ready_at"),
    }


async def test_jobs_are_listed_by_their_states(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await fill(client)
    shown = {
        state: column(await listed(client, "/jobs/sms/q/", "jobs", state=state), "job_id")
        for state in ("waiting", "delayed", "leased", "dead")
    }
    assert shown == {
        "waiting": ["j1", "j2"],
        "delayed": ["later"],
        "leased": ["j0"],
        "dead": ["dead"],
    }
    assert column(await listed(client, "/jobs/sms/q/", "jobs"), "job_id") == ["j1", "j2"]
    [delayed] = await listed(client, "/jobs/sms/q/", "jobs", state="delayed")
    assert delayed["at"] == clock.now() + 5000


@pytest.mark.parametrize("state", ["waiting", "delayed", "leased", "dead"])
async def test_a_job_is_listed_as_it_is_shown_by_its_id(
    client: httpx.AsyncClient, state: str
) -> None:
    await fill(client)
    jobs = await listed(client, "/jobs/sms/q/", "jobs", state=state, payload=1)
    for job in jobs:
        shown = await seen(client, f"/job/sms/q/{job.pop('job_id')}/?payload=1")
        why = {"held_by", "earliest_at"} if state in {"waiting", "delayed"} else set()
        assert shown.keys() - job.keys() == why
        assert job.items() <= shown.items()
    for job in await listed(client, "/jobs/sms/q/", "jobs", state=state, payload=0):
        assert "payload" not in job


async def test_many_jobs_come_in_pages(client: httpx.AsyncClient) -> None:
    for number in range(25):
        await send(client, enqueue(f"j{number}", priority=number % 2))
    jobs = await listed(client, "/jobs/sms/q/", "jobs", limit=4)
    odd, even = [[f"j{n}" for n in range(start, 25, 2)] for start in (1, 0)]
    assert column(jobs, "job_id") == odd + even
    assert column(jobs, "position") == list(range(25))
    page = await seen(client, "/jobs/sms/q/?limit=4")
    assert len(page["jobs"]) == 4


async def test_payloads_come_out_as_they_went_in(client: httpx.AsyncClient) -> None:
    payload = rb'[1.50, "\ud83d", {"b": 1,  "a": 1e400}]'
    body = b'{"job_id": "j1", "interval": 0, "payload": %b}' % payload
    assert (await client.post("/enqueue/sms/q/", content=body)).status_code == 201
    assert payload in (await client.get("/jobs/sms/q/?payload=1")).content


@ON_MEMORY
async def test_large_payloads_end_a_page_early(client: httpx.AsyncClient) -> None:
    large = "x" * 1_000_000
    for number in range(10):
        await send(client, enqueue(f"j{number}", payload=large))
    page = await seen(client, "/jobs/sms/q/?payload=1")
    assert len(page["jobs"]) == 8
    assert len((await seen(client, "/jobs/sms/q/"))["jobs"]) == 10
    jobs = await listed(client, "/jobs/sms/q/", "jobs", payload=1)
    assert column(jobs, "job_id") == [f"j{number}" for number in range(10)]
