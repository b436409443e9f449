"""What workers hear from upstreams and say of shared limits: what is left, what it took, a 429."""

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.operators import seen
from support.sharing import LIMIT, SECOND, fill, next_ready_at, queues, share, taken, use

pytestmark = pytest.mark.anyio

SUCCESS = {"status": "success"}


async def test_what_is_left_at_an_upstream_is_taken_by_deliveries(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    until = clock.now() + 5000
    await share(client, remaining=3, until=until, unit="tokens")
    await use(client, "a", "b")
    await fill(client, "a", "b", cost={"tokens": 2})
    assert await queues(client) == ["a", "b"]
    shown = await seen(client, LIMIT)
    assert shown["remaining"] == [{"remaining": 0, "until": until, "unit": "tokens"}]
    assert (shown["held_by"], shown["opens_at"]) == (
        [{"hold": "limit", "until": until, "unit": "tokens"}],
        until,
    )
    assert await next_ready_at(client) == until
    clock.advance(5000)
    assert len(await queues(client)) == 4


async def test_what_was_said_to_be_left_can_be_taken_back(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, remaining=0, until=clock.now() + 5000)
    await use(client, "q")
    await fill(client, "q", count=1)
    assert await queues(client) == []
    await share(client, remaining=None)
    assert await queues(client) == ["q"]


async def test_a_finish_corrects_what_a_shared_limit_was_paid(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await share(client, limits=[SECOND | {"unit": "tokens"}])
    await use(client, "a", "b")
    await fill(client, "a", "b", cost={"tokens": 9})
    [job] = await taken(client)
    await client.patch("/queue/sms/a/", json={"uses": None})
    fields = {"lease": job["lease"], "actual": {"tokens": 4}}
    assert (await client.post("/finish/sms/a/j0/", json=fields)).status_code == 200
    shown = await seen(client, LIMIT)
    assert (shown["owed"], shown["opens_at"]) == ([4], clock.now() + 4000)


@pytest.mark.parametrize("verb", ["release", "fail"])
async def test_a_worker_freezes_a_shared_limit_with_what_it_says(
    client: httpx.AsyncClient, clock: ManualClock, verb: str
) -> None:
    await share(client)
    await use(client, "a", "b")
    await fill(client, "a", "b", "free", count=1)
    first, second, _ = await taken(client)
    said = {"lease": first["lease"], "freeze": {"limit": "acme", "for": 30_000}}
    answer = await client.post(f"/{verb}/sms/a/j0/", json=said)
    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    shorter = {"lease": second["lease"], "freeze": {"limit": "acme", "for": 10}}
    items = {"jobs": [shorter | {"queue_id": "b", "job_id": "j0"}]}
    answer = await client.post(f"/{verb}/sms/", json=items)
    assert answer.json()["results"] == [SUCCESS | {"code": 200}]
    until = clock.now() + 30_000
    assert (await seen(client, LIMIT))["frozen_until"] == until
    assert (await seen(client, "/queue/sms/a/"))["frozen_until"] is None
    await fill(client, "other", count=1)
    assert await queues(client) == ["other"]
    assert await next_ready_at(client) == until
    clock.advance(30_000)
    assert sorted(await queues(client)) == ["a", "b"]


@pytest.mark.parametrize("verb", ["release", "fail"])
async def test_a_worker_freezes_only_what_its_lease_was_charged_to(
    client: httpx.AsyncClient, verb: str
) -> None:
    await share(client, "acme")
    await share(client, "globex")
    await use(client, "q")
    await fill(client, "q", count=1)
    [job] = await taken(client)
    await use(client, "q", uses=("globex",))
    for name in ("globex", "unknown"):
        said = {"lease": job["lease"], "freeze": {"limit": name, "for": 30_000}}
        refusal = {
            "status": "failure",
            "message": f"The lease was not charged to the shared limit `{name}`.",
            "error": "not_charged",
        }
        answer = await client.post(f"/{verb}/sms/q/j0/", json=said)
        assert (answer.status_code, answer.json()) == (400, refusal)
        items = {"jobs": [said | {"queue_id": "q", "job_id": "j0"}]}
        answer = await client.post(f"/{verb}/sms/", json=items)
        assert answer.json()["results"] == [refusal | {"code": 400}]
        stale = said | {"lease": "of-nobody"}
        assert (await client.post(f"/{verb}/sms/q/j0/", json=stale)).status_code == 409
    assert (await seen(client, "/limit/sms/globex/"))["frozen_until"] is None
    assert (await seen(client, "/queue/sms/q/"))["leased"] == 1
    said = {"lease": job["lease"], "freeze": {"limit": "acme", "for": 30_000}}
    assert (await client.post(f"/{verb}/sms/q/j0/", json=said)).status_code == 200
