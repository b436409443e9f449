"""Dead letters: listed, redriven and delivered again, dropped by age and number."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sharq_plug.model import Retention
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.api import QUIET, enqueue, send, serving
from support.operators import column, done, let_die, letters, listed, moved, seen

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)


async def test_a_dead_letter_shows_all_that_is_known_of_its_job(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    brought: dict[str, Any] = {
        "priority": 7,
        "cost": {"tokens": 5},
        "headers": {"a": "b"},
        "payload": [1.5, None],
    }
    await let_die(client, "j1", **brought)
    clock.advance(10)
    await let_die(client, "j2")
    assert await seen(client, "/deadletters/sms/q/") == {
        "letters": [
            {
                "number": 2,
                "queue_id": "q",
                "job_id": "j2",
                "reason": "failed",
                "last_error": "no route",
                "attempts": 1,
                "enqueued_at": clock.now(),
                "died_at": clock.now(),
                "priority": 0,
                "headers": {},
                "cost": {"job": 1},
                "payload": {},
            },
            {
                "number": 1,
                "queue_id": "q",
                "job_id": "j1",
                "reason": "failed",
                "last_error": "no route",
                "attempts": 1,
                "enqueued_at": clock.now() - 10,
                "died_at": clock.now() - 10,
                "priority": 7,
                "headers": {"a": "b"},
                "cost": {"job": 1, "tokens": 5},
                "payload": [1.5, None],
            },
        ],
        "cursor": None,
    }


async def test_the_reason_says_how_a_job_died(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    await let_die(client, "failed")
    await send(client, enqueue("expired", ttl=10))
    clock.advance(10)
    await service.tend()
    await send(client, enqueue("exhausted", requeue_limit=0))
    await client.post("/dequeue/sms/")
    clock.advance(60_000)
    await service.tend()
    reasons = {letter["job_id"]: letter["reason"] for letter in await letters(client)}
    assert reasons == {
        "failed": "failed",
        "expired": "expired",
        "exhausted": "requeues_exhausted",
    }


async def test_a_payload_comes_as_it_went_in(client: httpx.AsyncClient) -> None:
    payload = rb'[1.50, "\ud83d", {"b": 1,  "a": 1e400}]'
    body = b'{"job_id": "j1", "interval": 0, "payload": %b}' % payload
    assert (await client.post("/enqueue/sms/q/", content=body)).status_code == 201
    job = await client.post("/dequeue/sms/", json={"attempt_id": "a"})
    lease = job.text.partition('"lease":"')[2].partition('"')[0]
    await client.post("/fail/sms/q/j1/", json={"lease": lease, "dead": True})
    assert payload in (await client.get("/deadletters/sms/q/")).content


async def test_letters_of_a_type_or_a_queue_come_in_pages_the_newest_first(
    client: httpx.AsyncClient,
) -> None:
    for number in range(10):
        await let_die(client, f"j{number}", queue=f"sms/{'ab'[number % 2]}")
    page = await seen(client, "/deadletters/sms/?limit=3")
    assert column(page["letters"], "number") == [10, 9, 8]
    found = await listed(client, "/deadletters/sms/", "letters", limit=3)
    assert column(found, "number") == list(range(10, 0, -1))
    found = await listed(client, "/deadletters/sms/b/", "letters", limit=3)
    assert column(found, "number") == [10, 8, 6, 4, 2]
    assert await letters(client, "/deadletters/email/") == []
    assert await letters(client, "/deadletters/sms/nobody/") == []


@ON_MEMORY
async def test_large_letters_end_a_page_early(client: httpx.AsyncClient) -> None:
    names = [f"j{number}" for number in range(10)]
    await let_die(client, *names, payload="x" * 1_000_000)
    page = await seen(client, "/deadletters/sms/")
    assert len(page["letters"]) == 8
    assert column(await letters(client), "job_id") == names[::-1]


async def test_a_redriven_job_is_delivered_again(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(client, enqueue("j1", requeue_limit=3, payload={"n": 1}))
    job = (await client.post("/dequeue/sms/")).json()
    await client.post("/fail/sms/q/j1/", json={"lease": job["lease"], "dead": True})
    clock.advance(1000)
    assert await moved(client, "/redrive/sms/q/") == (200, done(redriven=1))
    assert await letters(client) == []
    again = (await client.post("/dequeue/sms/")).json()
    assert (again["job_id"], again["payload"]) == ("j1", {"n": 1})
    assert (again["attempt"], again["requeues_remaining"]) == (1, 3)
    assert again["enqueued_at"] == job["enqueued_at"]


async def test_old_letters_and_those_that_are_too_many_are_dropped(
    open_backend: Callable[[], QueueStore], clock: ManualClock
) -> None:
    service = ServiceOptions(tends=False, retention=Retention(max_age=1000, max_count=2))
    async with serving(open_backend, replace(QUIET, service=service)) as served:
        client = served.client
        await let_die(client, "j1", "j2", "j3")
        await served.service.tend()
        assert column(await letters(client), "job_id") == ["j3", "j2"]
        clock.advance(999)
        await served.service.tend()
        assert len(await letters(client)) == 2
        clock.advance(1)
        await served.service.tend()
        assert await letters(client) == []
        assert (await seen(client, "/type/sms/"))["totals"]["aged_out"] == 3
