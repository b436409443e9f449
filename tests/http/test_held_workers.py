"""Workers that wait while a queue or its type is held, and what operators do at another server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from sharq_plug.service import QueueService
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.api import serving
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

SOON = 4.0
"""Seconds within which what must come has come; a look of the line's own would be later."""
QUEUE, TYPE, LIMIT = "/queue/sms/q/", "/type/sms/", "/limit/sms/acme/"
FAST = {"limits": [{"rate": 1_000_000, "per": 1, "burst": 2}]}
SLOW = {"limits": [{"rate": 1, "per": 3_600_000}]}


@dataclass(frozen=True)
class Servers:
    """Two servers on one store, or one where the store is in its memory."""

    worker: httpx.AsyncClient
    operator: httpx.AsyncClient
    service: QueueService
    """That of the server at which the worker waits."""


@pytest.fixture
async def servers(backend: str, open_backend: Callable[[], QueueStore]) -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(serving(open_backend))
        other = one
        if backend == "redis":
            other = await stack.enter_async_context(serving(open_backend))
        yield Servers(one.client, other.client, one.service)


HOLDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (QUEUE, {"paused": True}, {"paused": False}),
    (QUEUE, {"freeze": 3_600_000}, {"freeze": 0}),
    (QUEUE, {"concurrency": 1}, {"concurrency": 2}),
    (QUEUE, SLOW, {"limits": [{"rate": 1_000_000, "per": 1}]}),
    (TYPE, {"paused": True}, {"paused": None}),
    (TYPE, {"freeze": 3_600_000}, {"freeze": 0}),
    (TYPE, {"concurrency": 1}, {"concurrency": None}),
    (TYPE, {"concurrency": 1}, {}),
    (LIMIT, {"paused": True}, {"paused": False}),
    (LIMIT, {"freeze": 3_600_000}, {"freeze": 0}),
    (LIMIT, {"concurrency": 1}, {"concurrency": 2}),
    (LIMIT, {"concurrency": 1}, {}),
    (LIMIT, SLOW, {"limits": []}),
    (LIMIT, {"remaining": 0, "until": 10**15}, {"remaining": None}),
    (QUEUE, {"concurrency": 1}, {}),
]
"""Where something is held, by what, and what opens it; without that, a finish does."""


@pytest.mark.parametrize(("path", "hold", "opening"), HOLDS)
async def test_a_worker_is_woken_by_what_happens_at_another_server(
    servers: Servers, clock: ManualClock, path: str, hold: dict[str, Any], opening: dict[str, Any]
) -> None:
    operator = servers.operator
    await operator.patch(LIMIT, json=FAST)
    uses = ["acme"] if path == LIMIT else []
    await operator.patch(QUEUE, json={"limits": [], "uses": uses})
    for number in range(2):
        await operator.post("/enqueue/sms/q/", json={"job_id": f"j{number}", "payload": 1})
    first = (await operator.post("/dequeue/sms/")).json()
    assert (await operator.patch(path, json=hold)).status_code == 200
    asked = {"wait": 60_000}
    waiting = asyncio.create_task(servers.worker.post("/dequeue/sms/", json=asked, timeout=20))
    await comes_true(lambda: servers.service.waiting_callers == 1, within=SOON)
    clock.advance(1)
    if opening:
        assert (await operator.patch(path, json=opening)).status_code == 200
    else:
        await operator.post("/finish/sms/q/j0/", json={"lease": first["lease"]})
    async with asyncio.timeout(SOON):
        response = await waiting
    assert (response.status_code, response.json()["job_id"]) == (200, "j1")


async def test_a_worker_that_waits_for_a_paused_type_is_told_that_nothing_is_foreseen(
    servers: Servers,
) -> None:
    await servers.operator.patch(TYPE, json={"paused": True, "defaults": {"limits": []}})
    await servers.operator.post("/enqueue/sms/q/", json={"job_id": "j1", "payload": 1})
    response = await servers.worker.post("/dequeue/sms/", json={"wait": 50})
    assert (response.status_code, response.json()["next_ready_at"]) == (404, None)
    assert "retry-after" not in response.headers
