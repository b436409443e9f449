"""Settings of a queue: what a PATCH takes, what a GET shows, and that both show the same."""

import json
from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import NO_INTEGERS, enqueue, invalid, send
from support.operators import seen
from support.settings_schema import NOTHING_SET

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

QUEUE = "/queue/sms/q/"
MS = 10**12
MAX = 2**53 - 1
SECOND = {"rate": 1, "per": 1000, "burst": 1, "unit": "job"}
TOKENS = {"rate": 100_000, "per": 60_000, "burst": 5000, "unit": "tokens"}
ALL = {
    "limits": [SECOND, TOKENS],
    "concurrency": 5,
    "weight": 2,
    "max_length": 100,
    "paused": True,
    "uses": ["a", "b"],
}


@pytest.fixture(autouse=True)
async def _limits(client: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        await client.patch(f"/limit/sms/{name}/", json={})


async def patch(client: httpx.AsyncClient, path: str = QUEUE, /, **fields: Any) -> dict[str, Any]:
    """Change settings; return the answer, which is what a GET shows."""
    response = await client.patch(path, json=fields)
    assert response.status_code == 200, response.text
    shown = await client.get(path)
    assert (response.json(), response.headers["etag"]) == (shown.json(), shown.headers["etag"])
    answer: dict[str, Any] = response.json()
    return answer


async def settings(client: httpx.AsyncClient, **fields: Any) -> Any:
    """Change settings; return what is set then."""
    return (await patch(client, **fields))["settings"]


async def test_what_is_set_is_shown_and_in_effect_whether_the_queue_exists_or_not(
    client: httpx.AsyncClient,
) -> None:
    assert (await seen(client, QUEUE))["settings"] == {}
    for _ in range(2):
        answer = await patch(client, **ALL)
        assert answer["settings"] == ALL
        assert answer["in_effect"] == {name: ALL[name] for name in NOTHING_SET}
        assert answer["pending"] is False
        await send(client, enqueue("j1"))


async def test_a_patch_leaves_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    await patch(client, **ALL)
    assert await settings(client) == ALL
    assert await settings(client, weight=7) == ALL | {"weight": 7}
    assert await settings(client, limits=[SECOND]) == ALL | {"weight": 7, "limits": [SECOND]}


async def test_null_takes_back_and_what_was_taken_back_leaves_nothing(
    client: httpx.AsyncClient,
) -> None:
    before = await client.get(QUEUE)
    await patch(client, **ALL)
    for name in ALL:
        assert name not in await settings(client, **{name: None})
    after = await client.get(QUEUE)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


async def test_no_limits_are_set_by_an_empty_list(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", interval=500))
    effect = {"limits": [{"rate": 1, "per": 500, "burst": 1, "unit": "job"}]}
    assert (await seen(client, QUEUE))["in_effect"] == NOTHING_SET | effect
    answer = await patch(client, limits=[])
    assert (answer["settings"], answer["in_effect"]) == ({"limits": []}, NOTHING_SET)
    assert (await patch(client, limits=None))["in_effect"] == NOTHING_SET | effect


async def test_an_interval_is_short_for_limits(client: httpx.AsyncClient) -> None:
    assert await settings(client, interval=1000) == {"limits": [SECOND]}
    assert await settings(client, interval=0) == {"limits": []}
    assert await settings(client, interval=None) == {}


async def test_a_limit_has_a_burst_of_one_and_counts_jobs_unless_it_says_otherwise(
    client: httpx.AsyncClient,
) -> None:
    for limit in ({"rate": 1, "per": 1000}, {"rate": 1, "per": 1000, "burst": None, "unit": None}):
        assert await settings(client, limits=[limit]) == {"limits": [SECOND]}


async def test_a_queue_that_is_not_paused_does_not_show_it(client: httpx.AsyncClient) -> None:
    assert await settings(client, paused=True) == {"paused": True}
    assert await settings(client, paused=False) == {}


async def test_settings_outlive_clearing_and_purging(client: httpx.AsyncClient) -> None:
    await patch(client, **ALL)
    await send(client, enqueue("j1"))
    for body in ({}, {"purge_all": True}):
        await client.request("DELETE", "/deletequeue/sms/q/", json=body)
        assert (await seen(client, QUEUE))["settings"] == ALL
    await client.request("DELETE", "/deletequeue/sms/", json={"purge_all": True})
    assert (await seen(client, QUEUE))["settings"] == ALL
    assert (await seen(client, "/metrics/"))["queue_types"] == []


async def test_shared_limits_are_set_in_any_order(client: httpx.AsyncClient) -> None:
    assert await settings(client, uses=["b", "a"]) == {"uses": ["a", "b"]}
    answer = await patch(client, uses=[])
    assert (answer["settings"], answer["in_effect"]) == ({"uses": []}, NOTHING_SET)


async def test_a_freeze_shows_until_when_and_ends(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    answer = await patch(client, freeze=5000)
    assert (answer["frozen_until"], answer["settings"]) == (clock.now() + 5000, {})
    assert (await patch(client, freeze=None))["frozen_until"] == clock.now() + 5000
    assert (await patch(client, freeze=1000))["frozen_until"] == clock.now() + 1000
    assert (await patch(client, freeze=0))["frozen_until"] is None
    await patch(client, freeze=1000)
    clock.advance(1000)
    assert (await seen(client, QUEUE))["frozen_until"] is None


async def test_why_a_queue_waits_is_told(client: httpx.AsyncClient, clock: ManualClock) -> None:
    await send(client, enqueue("j1"))
    await send(client, enqueue("j2"))
    await client.post("/dequeue/sms/")
    now = clock.now()
    answer = await patch(client, **ALL | {"concurrency": 1}, freeze=250)
    assert answer["held_by"] == [
        {"hold": "limit", "until": now + 1000, "unit": "job", "of": "queue"},
        {"hold": "frozen", "until": now + 250, "of": "queue"},
        {"hold": "concurrency", "until": None, "of": "queue"},
        {"hold": "paused", "until": None, "of": "queue"},
    ]
    assert (answer["ready_since"], answer["next_ready_at"]) == (None, None)


async def test_a_queue_of_delayed_jobs_waits_for_the_first(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(client, enqueue("j1", delay=700))
    held = [{"hold": "delay", "until": clock.now() + 700, "of": "queue"}]
    assert (await seen(client, QUEUE))["held_by"] == held


GOOD_LIMITS = [
    [],
    [{"rate": 1, "per": 1}],
    [{"rate": 1_000_000, "per": MS}],
    [{"rate": 1, "per": MS, "burst": 4000, "unit": "a" * 100}],
    [{"rate": 1, "per": 1, "burst": 4 * 10**15}],
    [SECOND, SECOND, TOKENS, TOKENS, TOKENS],
]
GOOD: dict[str, list[Any]] = {
    "limits": GOOD_LIMITS,
    "interval": [0, 1, MS],
    "concurrency": [1, MAX],
    "weight": [1, 100],
    "max_length": [0, MAX],
    "paused": [True, False],
    "freeze": [0, MS],
    "uses": [[], ["a"], ["b", "a"]],
}
BAD: dict[str, list[Any]] = {
    "limits": [1, "x", True, {}, SECOND, [1], [None], [[]], [SECOND] * 6],
    "interval": [-1, MS + 1, *NO_INTEGERS],
    "concurrency": [0, -1, MAX + 1, *NO_INTEGERS],
    "weight": [0, -1, 101, *NO_INTEGERS],
    "max_length": [-1, MAX + 1, *NO_INTEGERS],
    "paused": [0, 1, "true", []],
    "freeze": [-1, MS + 1, *NO_INTEGERS],
    "uses": [
        *(1, "a", True, {}, [1], [None], [["a"]], [{"name": "a"}]),
        *(["a", "a"], ["a", "b", "c"], [""], ["a b"], [".."], ["a" * 101]),
    ],
}
BAD_IN_LIMITS: dict[str, list[Any]] = {
    "rate": [0, -1, 1_000_001, None, *NO_INTEGERS],
    "per": [0, -1, MS + 1, None, *NO_INTEGERS],
    "burst": [0, -1, MAX + 1, *NO_INTEGERS],
    "unit": ["", "a b", "a" * 101, "..", 1, True, []],
}
BAD_BODIES: list[tuple[Any, str]] = [
    ({"colour": 1}, "Object contains unknown field `colour`"),
    ({"defaults": {}}, "Object contains unknown field `defaults`"),
    ({"limits": [{}]}, f"{invalid('limits')} `rate` is missing."),
    ({"limits": [SECOND, {"rate": 1}]}, f"{invalid('limits')} `per` is missing."),
    ({"limits": [SECOND | {"Burst": 1}]}, f"{invalid('limits')} `Burst` is unknown."),
    ({"limits": [SECOND | {"a\nb": 1}]}, f"{invalid('limits')} `a\nb` is unknown."),
    ({"limits": [], "interval": 1}, "`interval` and `limits` exclude each other."),
    ({"limits": None, "interval": None}, "`interval` and `limits` exclude each other."),
    (
        {"limits": [{"rate": 1, "per": MS, "burst": 4001}]},
        "`burst` times `per` must be at most 4000000000000000.",
    ),
    ([], "Expected `object`, got `array`"),
    (None, "Expected `object`, got `null`"),
]


def refusals() -> list[tuple[Any, str]]:
    """Return bodies that are refused, and why."""
    fields = [({name: value}, invalid(name)) for name, values in BAD.items() for value in values]
    limits = [
        ({"limits": [TOKENS, SECOND | {name: value}]}, invalid(name))
        for name, values in BAD_IN_LIMITS.items()
        for value in values
    ]
    return [*fields, *limits, *BAD_BODIES]


@pytest.mark.parametrize("field", GOOD)
@ON_MEMORY
async def test_a_setting_within_its_bounds_is_accepted(
    client: httpx.AsyncClient, field: str
) -> None:
    for value in GOOD[field]:
        await patch(client, **{field: value})


@ON_MEMORY
async def test_a_bad_setting_is_named_and_changes_nothing(client: httpx.AsyncClient) -> None:
    assert BAD.keys() == GOOD.keys()
    await patch(client, **ALL)
    for body, message in refusals():
        text = json.dumps(body if not isinstance(body, dict) else {"weight": 9} | body)
        response = await client.patch(QUEUE, content=text)
        assert (response.status_code, response.json()) == (
            400,
            {"status": "failure", "message": message, "error": "invalid"},
        ), text
    assert (await seen(client, QUEUE))["settings"] == ALL


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"weight": 1}}', b"[" * 100_000])
@ON_MEMORY
async def test_a_patch_without_valid_json_is_refused(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.patch(QUEUE, content=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid")
