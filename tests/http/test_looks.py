"""Looks at queues and types: lengths, when a job can go, totals."""

from typing import Any

import httpx
import pytest

from sharq_plug.service import QueueService
from sharq_plug.testing import ManualClock
from support.api import enqueue, send
from support.operators import fill, let_die, seen
from support.settings_schema import NOTHING_SET

pytestmark = pytest.mark.anyio

NOTHING = {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}
HELD = {"ready_since": None, "next_ready_at": None}
NO_RULES = {
    "settings": {},
    "in_effect": NOTHING_SET,
    "pending": False,
    "held_by": [],
    "frozen_until": None,
}
NO_TYPE_RULES: dict[str, Any] = {
    "settings": {},
    "defaults": {},
    "held_by": [],
    "frozen_until": None,
}
NO_TOTALS = dict.fromkeys(
    (
        *("enqueued", "dequeued", "finished", "released", "failed", "expired_leases", "dead"),
        *("redriven", "discarded", "aged_out", "removed"),
    ),
    0,
)


async def look(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Look at a queue or a type; check and leave out the minute counts."""
    fields = await seen(client, path)
    for name in ("enqueue_counts", "dequeue_counts"):
        assert len(fields.pop(name)) == 10
    return fields


async def test_an_unknown_queue_is_answered_with_zeros(client: httpx.AsyncClient) -> None:
    assert await look(client, "/queue/sms/q/") == NOTHING | HELD | NO_RULES


async def test_an_unknown_type_is_answered_with_zeros(client: httpx.AsyncClient) -> None:
    sizes = {"queues": 0, "ready_queues": 0}
    expected = NOTHING | HELD | sizes | NO_TYPE_RULES | {"totals": NO_TOTALS}
    assert await look(client, "/type/sms/") == expected


async def test_a_queue_shows_its_lengths_and_since_when_it_could_go(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await fill(client)
    now = clock.now()
    assert (
        await look(client, "/queue/sms/q/")
        == {
            "waiting": 2,
            "delayed": 1,
            "leased": 1,
            "dead": 1,
            "ready_since": now,
            "next_ready_at": now,
        }
        | NO_RULES
    )


async def test_a_queue_that_may_not_go_yet_shows_when_it_may(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    for number in range(2):
        await send(client, enqueue(f"j{number}", interval=3000))
    await client.post("/dequeue/sms/")
    shown = await look(client, "/queue/sms/q/")
    assert (shown["ready_since"], shown["next_ready_at"]) == (None, clock.now() + 3000)
    clock.advance(3000)
    shown = await look(client, "/queue/sms/q/")
    assert (shown["ready_since"], shown["next_ready_at"]) == (clock.now(), clock.now())


async def test_a_queue_counts_its_minutes(client: httpx.AsyncClient) -> None:
    await fill(client)
    for path in ("/queue/sms/q/", "/type/sms/"):
        fields = await seen(client, path)
        counted = (sum(fields[f"{verb}_counts"].values()) for verb in ("enqueue", "dequeue"))
        assert tuple(counted) == (5, 2)
        assert fields["enqueue_counts"] == (await seen(client, "/metrics/sms/q/"))["enqueue_counts"]


async def test_a_type_shows_all_of_its_queues_together(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await fill(client)
    await send(client, enqueue("j1", "sms/held", delay=9000))
    now = clock.now()
    shown = await look(client, "/type/sms/")
    assert shown.pop("totals") == NO_TOTALS | {
        "enqueued": 6,
        "dequeued": 2,
        "failed": 1,
        "dead": 1,
    }
    assert (
        shown
        == {
            "waiting": 2,
            "delayed": 2,
            "leased": 1,
            "dead": 1,
            "queues": 2,
            "ready_queues": 1,
            "ready_since": now,
            "next_ready_at": now,
        }
        | NO_TYPE_RULES
    )


async def test_totals_count_what_happened_to_jobs(
    client: httpx.AsyncClient, service: QueueService, clock: ManualClock
) -> None:
    await let_die(client, "dead", "again")
    await client.post("/redrive/sms/q/", json={"jobs": ["again"]})
    await client.post("/discard/sms/q/", json={"jobs": ["dead"]})
    job = (await client.post("/dequeue/sms/")).json()
    await client.post("/release/sms/q/again/", json={"lease": job["lease"]})
    job = (await client.post("/dequeue/sms/")).json()
    await client.post("/finish/sms/q/again/", json={"lease": job["lease"]})
    for number in range(2):
        await send(client, enqueue(f"j{number}"))
    await client.post("/dequeue/sms/")
    clock.advance(60_000)
    await service.tend()
    await client.delete("/deletequeue/sms/q/")
    assert (await look(client, "/type/sms/"))["totals"] == {
        "enqueued": 4,
        "dequeued": 5,
        "finished": 1,
        "released": 1,
        "failed": 2,
        "expired_leases": 1,
        "dead": 2,
        "redriven": 1,
        "discarded": 1,
        "aged_out": 0,
        "removed": 2,
    }
