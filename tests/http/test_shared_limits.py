"""Shared limits at work: which jobs go, who waits, and what is told of it."""

import httpx
import pytest

from sharq_plug.model import MAX_MOVES
from sharq_plug.testing import ManualClock
from support.operators import seen
from support.sharing import LIMIT, SECOND, fill, next_ready_at, queues, share, use

pytestmark = pytest.mark.anyio


async def test_a_shared_limit_holds_all_queues_that_use_it_together(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, limits=[SECOND | {"burst": 2}])
    await use(client, "a", "b", "c")
    await fill(client, "a", "b", "c", "free", count=1)
    assert await queues(client) == ["a", "b", "free"]
    assert await next_ready_at(client) == clock.now() + 1000
    clock.advance(1000)
    assert await queues(client) == ["c"]


async def test_a_shared_limit_shows_what_it_is_owed_and_who_waits(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, limits=[SECOND | {"burst": 2}, SECOND | {"unit": "tokens"}])
    await use(client, "a", "b")
    await fill(client, "a", "b", "free", count=3, cost={"tokens": 2})
    assert await queues(client) == ["a", "free", "free", "free"]
    now = clock.now()
    shown = await seen(client, LIMIT)
    assert shown["owed"] == [1, 2]
    assert shown["held_by"] == [{"hold": "limit", "until": now + 2000, "unit": "tokens"}]
    assert (shown["opens_at"], shown["now"]) == (now + 2000, now)
    assert (shown["leased"], shown["queues"]) == (1, 2)
    clock.advance(500)
    assert (await seen(client, LIMIT))["owed"] == [1, 2]


async def test_a_queue_says_which_shared_limit_it_waits_for(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, limits=[SECOND])
    await use(client, "q")
    await fill(client, "q")
    assert await queues(client) == ["q"]
    now = clock.now()
    shared = {"hold": "shared_limit", "name": "acme", "until": now + 1000}
    for path in ("/queue/sms/q/", "/job/sms/q/j1/"):
        assert (await seen(client, path))["held_by"] == [shared]
    await client.patch("/queue/sms/q/", json={"freeze": 100})
    await client.patch("/type/sms/", json={"paused": True})
    frozen = {"hold": "frozen", "until": now + 100, "of": "queue"}
    paused = {"hold": "paused", "until": None, "of": "type"}
    for path in ("/queue/sms/q/", "/job/sms/q/j1/"):
        assert (await seen(client, path))["held_by"] == [frozen, shared, paused]
    await share(client, paused=True)
    [_, shared, _] = (await seen(client, "/queue/sms/q/"))["held_by"]
    assert shared == {"hold": "shared_limit", "name": "acme", "until": None}


async def test_so_many_leases_at_a_time_over_all_queues(client: httpx.AsyncClient) -> None:
    await share(client, concurrency=2)
    await use(client, "a", "b")
    await fill(client, "a", "b")
    assert await queues(client) == ["a", "b"]
    shown = await seen(client, LIMIT)
    assert shown["held_by"] == [{"hold": "concurrency", "until": None}]
    assert (shown["opens_at"], shown["leased"]) == (None, 2)
    await client.post("/finish/sms/b/j0/")
    assert len(await queues(client)) == 1


async def test_a_pause_and_a_freeze_hold_those_that_use_it_and_nobody_else(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, paused=True)
    await use(client, "q")
    await fill(client, "q", "free", count=1)
    assert await queues(client) == ["free"]
    await client.post("/finish/sms/free/j0/")
    assert await next_ready_at(client) is None
    await share(client, paused=False, freeze=700)
    assert await next_ready_at(client) == clock.now() + 700
    clock.advance(700)
    assert await queues(client) == ["q"]


async def test_a_changed_shared_limit_holds_at_once_for_what_waits(
    client: httpx.AsyncClient,
) -> None:
    await share(client, limits=[SECOND])
    await use(client, "a", "b")
    await fill(client, "a", "b", count=2)
    assert await queues(client) == ["a"]
    await share(client, limits=[])
    assert await queues(client) == ["b", "a", "b"]


async def test_queues_use_the_defaults_of_their_type_unless_they_have_their_own(
    client: httpx.AsyncClient,
) -> None:
    await share(client, paused=True)
    await client.patch("/type/sms/", json={"defaults": {"uses": ["acme"]}})
    await use(client, "free", uses=())
    await fill(client, "q", "free", count=1)
    assert (await seen(client, "/queue/sms/q/"))["in_effect"]["uses"] == ["acme"]
    assert (await seen(client, "/queue/sms/free/"))["in_effect"]["uses"] == []
    assert await queues(client) == ["free"]


async def test_a_queue_with_two_names_goes_when_both_are_open(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, "acme", limits=[SECOND])
    await share(client, "provider", limits=[SECOND | {"per": 3000}])
    await use(client, "both", uses=("provider", "acme"))
    await use(client, "one", uses=("acme",))
    await fill(client, "both", "one", count=2)
    assert await queues(client) == ["both"]
    now = clock.now()
    assert (await seen(client, "/queue/sms/both/"))["held_by"] == [
        {"hold": "shared_limit", "name": "acme", "until": now + 1000},
        {"hold": "shared_limit", "name": "provider", "until": now + 3000},
    ]
    clock.advance(1000)
    assert await queues(client) == ["one"]
    clock.advance(2000)
    assert len(await queues(client)) == 1


@pytest.mark.parametrize("wait", [0, 60_000])
async def test_a_dequeue_that_had_too_much_to_look_at_is_asked_again_at_once(
    client: httpx.AsyncClient, clock: ManualClock, wait: int
) -> None:
    await share(client, "provider", paused=True)
    for number in range(MAX_MOVES):
        await share(client, f"customer-{number}")
        await use(client, f"q{number}", uses=(f"customer-{number}", "provider"))
        await fill(client, f"q{number}", count=1)
    clock.advance(1)
    await fill(client, "free", count=1)
    if not wait:
        early = await client.post("/dequeue/sms/")
        assert early.status_code == 404
        assert early.json() == {"status": "failure", "next_ready_at": clock.now()}
        assert early.headers["Retry-After"] == "0"
    served = await client.post("/dequeue/sms/", json={"wait": wait})
    assert (served.status_code, served.json()["queue_id"]) == (200, "free")
