"""Every route x every scope x no key, a wrong one, an expired one, other types, other queues."""

from itertools import product

import pytest

from sharq_plug.http.wire.app import ROUTES
from sharq_plug.model import Scope
from support.door_table import (
    ALL_TYPES,
    BATCH,
    NAMES,
    NOTHING,
    OPEN,
    QUEUE,
    READ,
    TABLE,
    TYPE,
    WORK,
)
from support.keyed import House

pytestmark = pytest.mark.anyio

SCOPES = ("enqueue", "work", "read", "read-payloads", "admin")


def call_of(told: str, queue_type: str = "sms", queue_id: str = "q") -> tuple[str, str]:
    method, _, path = told.partition(" ")
    for placeholder, name in (NAMES | {"<queue_type>": queue_type, "<queue_id>": queue_id}).items():
        path = path.replace(placeholder, name)
    return method, path.rstrip("/") + "/"


def test_the_table_has_every_route() -> None:
    served = {f"{method} {route.path}" for route in ROUTES for method in route.methods}
    assert set(TABLE) == {told for told in served if not told.startswith(("HEAD", "OPTIONS"))}


async def look(house: House, key_id: str, told: str, **names: str) -> tuple[int, str]:
    response = await house.ask(key_id, *call_of(told, **names))
    return response.status_code, response.text


async def fill(house: House) -> None:
    """Let there be something to see in the queue q of the types sms and default."""
    for queue_type in ("sms", "default"):
        for number in range(3):
            body = {"job_id": f"j{number or ''}", "interval": 0, "payload": "seen"}
            made = await house.ask("all", "POST", f"/enqueue/{queue_type}/q/", body)
            assert made.status_code == 201
    limit = await house.ask("all", "PATCH", "/limit/sms/n/", {"concurrency": 1})
    assert limit.status_code == 200
    dead = {"job_id": "d", "interval": 0, "payload": "seen", "ttl": 1}
    assert (await house.ask("all", "POST", "/enqueue/sms/q/", dead)).status_code == 201


async def test_every_route_with_every_key_that_is_none(house: House) -> None:
    for (told, (scope, _)), key_id in product(TABLE.items(), (None, "wrong", "expired")):
        response = await house.ask(key_id, *call_of(told), b"{")
        if scope is OPEN:
            assert response.status_code not in {401, 403}, told
            continue
        assert response.status_code == 401, (told, key_id)
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json()["error"] == "unauthorized"
        head = await house.ask(key_id, "HEAD", call_of(told)[1])
        assert head.status_code in {401, 405}
        options = await house.ask(key_id, "OPTIONS", call_of(told)[1])
        assert options.status_code == 200


async def test_every_route_with_every_scope(house: House) -> None:
    await fill(house)
    for (told, (scope, _)), key_id in product(TABLE.items(), SCOPES):
        response = await house.ask(key_id, *call_of(told), b"{")
        owned = {"read", "read_payloads"} if key_id == "read-payloads" else {key_id}
        if scope is OPEN or scope in owned:
            assert response.status_code not in {401, 403}, (told, key_id, response.text)
            continue
        assert response.status_code == 403, (told, key_id)
        assert response.json() == {
            "status": "failure",
            "message": f"This key lacks the scope `{scope}`.",
            "error": "forbidden",
        }


@pytest.mark.parametrize("key_id", ["other-type", "other-prefix"])
async def test_every_route_of_another_type(house: House, key_id: str) -> None:
    await fill(house)
    for told, (scope, reach) in TABLE.items():
        queue_type = "sms" if "<queue_type>" in told else "default"
        if reach == NOTHING:
            assert (await look(house, key_id, told)) == (await look(house, "all", told))
        elif scope == READ and reach != ALL_TYPES:
            seen = await look(house, key_id, told)
            absent = await look(house, "all", told, queue_type="absent")
            assert seen == absent, told
            assert "seen" not in seen[1]
        elif scope == READ:
            status, text = await look(house, key_id, told)
            assert status == 200
            assert "sms" not in text
            assert "default" not in text
        elif scope is not OPEN:
            response = await house.ask(key_id, *call_of(told), b"{")
            assert response.status_code == 403, told
            message = f"This key may not use the queue type `{queue_type}`."
            assert response.json()["message"] == message


async def test_every_route_of_a_type_with_the_prefix(house: House) -> None:
    await fill(house)
    for told, (scope, _) in TABLE.items():
        if scope is OPEN or "<queue_type>" not in told:
            continue
        if scope == READ:
            same = await look(house, "same-prefix", told), await look(house, "all", told)
            assert same[0] == same[1], told
        else:
            response = await house.ask("same-prefix", *call_of(told), b"{")
            assert response.status_code not in {401, 403}, told


async def test_every_route_of_another_queue(house: House) -> None:
    await fill(house)
    for told, (scope, reach) in TABLE.items():
        if scope in {OPEN, WORK}:
            continue
        response = await house.ask("other-queue", *call_of(told), b"{")
        if reach == NOTHING:
            assert response.status_code == 200
        elif reach in {TYPE, ALL_TYPES}:
            assert response.status_code == 403, told
            assert "for some queues only" in response.json()["message"]
        elif scope == READ and reach == QUEUE:
            seen = await look(house, "other-queue", told)
            assert seen == await look(house, "all", told, queue_id="absent"), told
            assert "seen" not in seen[1]
        elif scope == READ:
            assert response.status_code == 200
            assert '"q"' not in response.text
        elif reach == QUEUE:
            assert response.status_code == 403, told
            assert response.json()["message"] == "This key may not use the queue `q`."
        else:
            assert reach == BATCH
            assert response.status_code == 400  # its items are refused one by one


async def test_every_route_of_a_queue_with_the_prefix(house: House) -> None:
    await fill(house)
    for told, (scope, reach) in TABLE.items():
        if scope in {OPEN, WORK} or reach in {TYPE, ALL_TYPES}:
            continue
        if scope == READ:
            same = await look(house, "same-queue", told), await look(house, "all", told)
            assert same[0] == same[1], told
        else:
            response = await house.ask("same-queue", *call_of(told), b"{")
            assert response.status_code not in {401, 403}, told


def test_each_scope_is_in_the_table() -> None:
    scopes = {scope for scope, _ in TABLE.values()} - {OPEN}
    assert scopes == {scope.value for scope in Scope} - {"read_payloads"}
