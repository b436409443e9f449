"""Settings of a shared limit: what a PATCH takes, what a GET shows, when a DELETE is refused."""

from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import enqueue, send
from support.operators import column, listed, seen

pytestmark = pytest.mark.anyio

LIMIT = "/limit/sms/acme/"
SECOND = {"rate": 1, "per": 1000, "burst": 1, "unit": "job"}
TOKENS = {"rate": 100_000, "per": 60_000, "burst": 5000, "unit": "tokens"}
ALL = {"limits": [SECOND, TOKENS], "concurrency": 5, "paused": True}
UNKNOWN = {
    "status": "failure",
    "message": "There is no shared limit `acme`.",
    "error": "unknown_limit",
}
IN_USE = {
    "status": "failure",
    "message": "The shared limit `acme` is in use.",
    "error": "limit_in_use",
}


def idle(clock: ManualClock, **fields: Any) -> dict[str, Any]:
    """Return what is shown of a shared limit that nothing uses, except for these fields."""
    shown: dict[str, Any] = {
        "settings": {},
        "held_by": [],
        "frozen_until": None,
        "owed": [],
        "opens_at": clock.now(),
        "leased": 0,
        "queues": 0,
        "remaining": [],
        "now": clock.now(),
    }
    return shown | fields


async def patch(client: httpx.AsyncClient, path: str = LIMIT, /, **fields: Any) -> dict[str, Any]:
    """Change a shared limit; return the answer, which is what a GET shows."""
    response = await client.patch(path, json=fields)
    assert response.status_code == 200, response.text
    shown = await client.get(path)
    assert (response.json(), response.headers["etag"]) == (shown.json(), shown.headers["etag"])
    answer: dict[str, Any] = response.json()
    assert answer.pop("status") == "success"
    return answer


async def settings(client: httpx.AsyncClient, **fields: Any) -> Any:
    """Change a shared limit; return what is set then."""
    return (await patch(client, **fields))["settings"]


async def drop(client: httpx.AsyncClient, path: str = LIMIT) -> tuple[int, Any]:
    response = await client.delete(path)
    return response.status_code, response.json()


async def test_a_patch_creates_a_shared_limit(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    unknown = await client.get(LIMIT)
    assert (unknown.status_code, unknown.json()) == (404, UNKNOWN)
    assert await patch(client) == idle(clock)
    await drop(client)
    expected = idle(
        clock,
        settings=ALL,
        held_by=[{"hold": "paused", "until": None}],
        owed=[0, 0],
        opens_at=None,
    )
    assert await patch(client, **ALL) == expected


async def test_a_shared_limit_belongs_to_its_type(client: httpx.AsyncClient) -> None:
    await patch(client, **ALL)
    for path in ("/limit/email/acme/", "/limit/sms/Acme/"):
        assert (await client.get(path)).status_code == 404
    assert (await seen(client, "/limits/email/"))["limits"] == []
    assert (await seen(client, "/types/"))["types"] == []


async def test_a_patch_leaves_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    await patch(client, **ALL)
    assert await settings(client) == ALL
    assert await settings(client, concurrency=7) == ALL | {"concurrency": 7}
    assert await settings(client, paused=False) == {"limits": [SECOND, TOKENS], "concurrency": 7}
    assert await settings(client, limits=None) == {"concurrency": 7}
    assert await settings(client, interval=1000, concurrency=None) == {"limits": [SECOND]}
    assert await settings(client, interval=0) == {"limits": []}


async def test_a_freeze_shows_until_when_and_ends(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    until = clock.now() + 5000
    held = [{"hold": "frozen", "until": until}]
    frozen = idle(clock, frozen_until=until, held_by=held, opens_at=until)
    assert await patch(client, freeze=5000) == frozen
    assert await patch(client, freeze=None) == frozen
    assert await patch(client, freeze=0) == idle(clock)
    await patch(client, freeze=1000)
    clock.advance(1000)
    assert await seen(client, LIMIT) == idle(clock)


async def test_what_an_upstream_says_is_left_is_kept_by_unit_until_its_time(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    now = clock.now()
    jobs = {"remaining": 3, "until": now + 1000, "unit": "job"}
    tokens = {"remaining": 0, "until": now + 2000, "unit": "tokens"}
    assert (await patch(client, remaining=3, until=now + 1000))["remaining"] == [jobs]
    held = [{"hold": "limit", "until": now + 2000, "unit": "tokens"}]
    closed = idle(clock, remaining=[jobs, tokens], held_by=held, opens_at=now + 2000)
    assert await patch(client, **tokens) == closed
    assert await patch(client, remaining=5, until=now + 500, unit="job") == closed
    assert await patch(client, remaining=1, until=now, unit="job") == closed
    clock.advance(1000)
    assert (await seen(client, LIMIT))["remaining"] == [tokens]
    assert await patch(client, remaining=None) == idle(clock)


async def test_of_two_who_saw_the_same_the_first_wins(client: httpx.AsyncClient) -> None:
    tags = [(await client.patch(LIMIT, json={})).headers["etag"]]
    for fields in ({"concurrency": 1}, {"paused": True}, {"concurrency": None}):
        headers = {"If-Match": tags[-1]}
        response = await client.patch(LIMIT, json=fields, headers=headers)
        assert response.status_code == 200
        tags.append(response.headers["etag"])
        late = await client.patch(LIMIT, json={"freeze": 5000}, headers=headers)
        assert (late.status_code, late.json()["error"]) == (412, "settings_changed")
    assert len(set(tags)) == 4
    shown = await seen(client, LIMIT)
    assert (shown["settings"], shown["frozen_until"]) == ({"paused": True}, None)
    await client.patch(LIMIT, json={"freeze": 5000, "remaining": 1, "until": 10**15})
    assert (await client.head(LIMIT)).headers["etag"] == tags[-1]


async def test_a_missing_one_has_the_tag_of_empty_settings(client: httpx.AsyncClient) -> None:
    empty = (await client.patch("/limit/sms/other/", json={})).headers["etag"]
    refused = await client.patch(LIMIT, json={"concurrency": 1}, headers={"If-Match": '"x"'})
    assert (refused.status_code, refused.json()["error"]) == (412, "settings_changed")
    assert (await client.get(LIMIT)).status_code == 404
    created = await client.patch(LIMIT, json={"concurrency": 1}, headers={"If-Match": empty})
    assert (created.status_code, created.json()["settings"]) == (200, {"concurrency": 1})


async def test_a_shared_limit_that_nothing_uses_is_removed(client: httpx.AsyncClient) -> None:
    assert await drop(client) == (404, UNKNOWN)
    await patch(client, **ALL)
    assert await drop(client) == (200, {"status": "success"})
    assert (await client.get(LIMIT)).status_code == 404
    assert await drop(client) == (404, UNKNOWN)
    assert await settings(client) == {}


@pytest.mark.parametrize(
    ("path", "use", "unused"),
    [
        ("/queue/sms/q/", {"uses": ["acme"]}, {"uses": None}),
        ("/type/sms/", {"defaults": {"uses": ["acme"]}}, {"defaults": {"uses": []}}),
    ],
)
async def test_a_shared_limit_that_settings_name_is_in_use(
    client: httpx.AsyncClient, path: str, use: object, unused: object
) -> None:
    await patch(client, **ALL)
    assert (await client.patch(path, json=use)).status_code == 200
    assert await drop(client) == (409, IN_USE)
    assert await settings(client) == ALL
    await client.patch(path, json=unused)
    assert (await drop(client))[0] == 200


async def test_a_shared_limit_is_in_use_while_a_lease_was_charged_to_it(
    client: httpx.AsyncClient,
) -> None:
    await patch(client)
    await client.patch("/queue/sms/q/", json={"uses": ["acme"]})
    await send(client, enqueue("j1"))
    await client.post("/dequeue/sms/")
    await client.patch("/queue/sms/q/", json={"uses": None})
    assert await drop(client) == (409, IN_USE)
    await client.post("/finish/sms/q/j1/")
    assert (await drop(client))[0] == 200


async def test_shared_limits_are_listed_by_name_page_by_page(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    names = [f"limit-{number:02}" for number in range(30)]
    for name in reversed(names):
        await patch(client, f"/limit/sms/{name}/")
    limits = await listed(client, "/limits/sms/", "limits", limit=7)
    assert column(limits, "name") == names
    assert limits[0] == {"name": names[0]} | idle(clock)
    assert len((await seen(client, "/limits/sms/?limit=7"))["limits"]) == 7


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/queue/sms/q/", {"weight": 2, "uses": ["acme"]}),
        ("/type/sms/", {"concurrency": 2, "defaults": {"uses": ["acme"]}}),
    ],
)
async def test_settings_that_name_an_unknown_shared_limit_are_refused(
    client: httpx.AsyncClient, path: str, fields: dict[str, Any]
) -> None:
    before = await seen(client, path)
    refused = await client.patch(path, json=fields)
    assert (refused.status_code, refused.json()) == (400, UNKNOWN)
    assert await seen(client, path) == before
    assert (await seen(client, "/limits/sms/"))["limits"] == []


async def test_of_two_names_it_is_said_that_one_is_unknown(client: httpx.AsyncClient) -> None:
    await patch(client)
    refused = await client.patch("/queue/sms/q/", json={"uses": ["globex", "acme"]})
    assert (refused.status_code, refused.json()) == (
        400,
        UNKNOWN
        | {"message": "Of the shared limits `acme` and `globex` at least one does not exist."},
    )
