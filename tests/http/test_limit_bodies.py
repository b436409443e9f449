"""What a PATCH of a shared limit may hold: good fields, and bad ones, which change nothing."""

import json
from typing import Any

import httpx
import pytest

from support.api import NO_INTEGERS, invalid
from support.operators import seen

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

LIMIT = "/limit/sms/acme/"
MS = 10**12
MAX = 2**53 - 1
SECOND = {"rate": 1, "per": 1000, "burst": 1, "unit": "job"}
TOKENS = {"rate": 100_000, "per": 60_000, "burst": 5000, "unit": "tokens"}
ALL = {"limits": [SECOND, TOKENS], "concurrency": 5, "paused": True}

GOOD: dict[str, list[Any]] = {
    "limits": [
        *([], [{"rate": 1, "per": 1}], [{"rate": 1_000_000, "per": MS}]),
        [SECOND, SECOND, TOKENS, TOKENS, TOKENS],
    ],
    "interval": [0, 1, MS],
    "concurrency": [1, MAX],
    "paused": [True, False],
    "freeze": [0, MS],
    "remaining": [0, MAX],
    "until": [0, 10**15],
    "unit": ["job", "a" * 100],
}
BAD: dict[str, list[Any]] = {
    "limits": [1, "x", True, {}, SECOND, [1], [None], [[]], [SECOND] * 6],
    "interval": [-1, MS + 1, *NO_INTEGERS],
    "concurrency": [0, -1, MAX + 1, *NO_INTEGERS],
    "paused": [0, 1, "true", []],
    "freeze": [-1, MS + 1, *(value for value in NO_INTEGERS if value != {}), {"limit": "a"}],
    "remaining": [-1, MAX + 1, *NO_INTEGERS],
    "until": [-1, 10**15 + 1, *NO_INTEGERS],
    "unit": ["", "a b", "a" * 101, "..", 1, True, []],
}
LEFT = {"remaining": 1, "until": 10**15}
"""What `remaining`, `until` and `unit` need of each other."""
BAD_BODIES: list[tuple[Any, str]] = [
    ({"colour": 1}, "Object contains unknown field `colour`"),
    ({"weight": 1}, "Object contains unknown field `weight`"),
    ({"max_length": 1}, "Object contains unknown field `max_length`"),
    ({"uses": []}, "Object contains unknown field `uses`"),
    ({"defaults": {}}, "Object contains unknown field `defaults`"),
    ({"limits": [SECOND | {"rate": 0}]}, invalid("rate")),
    ({"limits": [{"rate": 1}]}, f"{invalid('limits')} `per` is missing."),
    ({"limits": [], "interval": 1}, "`interval` and `limits` exclude each other."),
    ({"remaining": 1}, "`remaining` needs `until`."),
    ({"remaining": 1, "until": None}, "`remaining` needs `until`."),
    ({"until": 1}, "`until` and `unit` need `remaining`."),
    ({"unit": "job"}, "`until` and `unit` need `remaining`."),
    ({"remaining": None, "until": 1}, "`until` and `unit` need `remaining`."),
    ([], "Expected `object`, got `array`"),
    (None, "Expected `object`, got `null`"),
]


@pytest.mark.parametrize("field", GOOD)
@ON_MEMORY
async def test_a_field_within_its_bounds_is_accepted(client: httpx.AsyncClient, field: str) -> None:
    needed = LEFT if field in {*LEFT, "unit"} else {}
    for value in GOOD[field]:
        response = await client.patch(LIMIT, json=needed | {field: value})
        assert response.status_code == 200, response.text


@ON_MEMORY
async def test_a_bad_field_is_named_and_changes_nothing(client: httpx.AsyncClient) -> None:
    assert BAD.keys() == GOOD.keys()
    await client.patch(LIMIT, json=ALL)
    before = await seen(client, LIMIT)
    bad = [
        ((LEFT if name in {*LEFT, "unit"} else {}) | {name: value}, invalid(name))
        for name, values in BAD.items()
        for value in values
    ]
    for body, message in [*bad, *BAD_BODIES]:
        text = json.dumps(body if not isinstance(body, dict) else {"concurrency": 9} | body)
        response = await client.patch(LIMIT, content=text)
        assert (response.status_code, response.json()) == (
            400,
            {"status": "failure", "message": message, "error": "invalid"},
        ), text
        assert (await client.patch("/limit/sms/new/", content=text)).status_code == 400
    assert await seen(client, LIMIT) == before
    assert (await client.get("/limit/sms/new/")).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
@ON_MEMORY
async def test_a_patch_without_valid_json_is_refused(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.patch(LIMIT, content=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid")
    assert (await client.get(LIMIT)).status_code == 404
