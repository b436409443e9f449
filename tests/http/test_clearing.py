"""Clearing a queue by states, and a whole type."""

from itertools import combinations
from typing import Any

import httpx
import pytest

from support.api import enqueue, invalid, send
from support.operators import let_die, listed, seen

pytestmark = pytest.mark.anyio

STATES = ("waiting", "delayed", "leased", "dead")
SETS_OF_STATES = [
    states for size in range(1, len(STATES) + 1) for states in combinations(STATES, size)
]
EMPTY = {"status": "Failure", "message": "No queued calls found", "error": "not_found"}


async def fill(client: httpx.AsyncClient, queue: str = "sms/q") -> None:
    """Give a queue one job in each state."""
    await let_die(client, "dead", queue=queue)
    await send(client, enqueue("leased", queue))
    queue_type, _, queue_id = queue.partition("/")
    await client.post(f"/dequeue/{queue_type}/", json={"queues": [queue_id]})
    await send(client, enqueue("waiting", queue))
    await send(client, enqueue("delayed", queue, delay=5000))


async def clear(
    client: httpx.AsyncClient, path: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    response = await client.request("DELETE", f"/deletequeue/{path}", json=body)
    return response.status_code, response.json()


async def lengths(client: httpx.AsyncClient, path: str = "/queue/sms/q/") -> dict[str, int]:
    shown = await seen(client, path)
    return {state: shown[state] for state in STATES}


def numbers(states: tuple[str, ...], each: int = 1) -> dict[str, int]:
    return {state: each if state in states else 0 for state in STATES}


@pytest.mark.parametrize("states", SETS_OF_STATES, ids=",".join)
async def test_a_queue_is_cleared_of_the_states_that_are_named(
    client: httpx.AsyncClient, states: tuple[str, ...]
) -> None:
    await fill(client)
    path = f"sms/q/?states={','.join(states)}"
    assert await clear(client, path) == (
        200,
        {
            "status": "Success",
            "message": "Successfully removed all queued calls",
            "removed": numbers(states),
        },
    )
    assert await lengths(client) == {state: 1 - number for state, number in numbers(states).items()}
    assert await clear(client, path) == (200, EMPTY)


async def test_clearing_leaves_dead_letters_and_purging_does_not(
    client: httpx.AsyncClient,
) -> None:
    await fill(client)
    _, answer = await clear(client, "sms/q/", {})
    assert answer["removed"] == numbers(STATES[:3])
    assert await lengths(client) == numbers(("dead",))
    _, answer = await clear(client, "sms/q/", {"purge_all": True})
    assert answer["removed"] == numbers(("dead",))
    counted = (await seen(client, "/metrics/sms/q/"))["enqueue_counts"]
    assert sum(counted.values()) == 0


async def test_more_than_a_step_of_letters_is_cleared_in_one_request(
    client: httpx.AsyncClient,
) -> None:
    jobs = [{"queue_id": "q", "job_id": f"{n}", "interval": 0, "payload": n} for n in range(450)]
    await client.post("/enqueue/sms/", json={"jobs": jobs})
    leased = (await client.post("/dequeue/sms/", json={"count": 450})).json()["jobs"]
    names = ("queue_id", "job_id", "lease")
    failed = [{name: job[name] for name in names} | {"dead": True} for job in leased]
    await client.post("/fail/sms/", json={"jobs": failed})
    await client.post("/enqueue/sms/", json={"jobs": jobs})
    _, answer = await clear(client, "sms/q/?states=waiting,dead")
    assert answer["removed"] == numbers(("waiting", "dead"), 450)
    assert await lengths(client) == numbers(())


@pytest.mark.parametrize(
    ("query", "body", "states"),
    [
        ("", None, ("waiting", "delayed", "leased")),
        ("", {}, ("waiting", "delayed", "leased")),
        ("", {"purge_all": True}, STATES),
        ("?states=dead", None, ("dead",)),
        ("?states=leased,waiting", None, ("waiting", "leased")),
    ],
)
async def test_a_type_is_cleared(
    client: httpx.AsyncClient, query: str, body: object, states: tuple[str, ...]
) -> None:
    for queue in ("sms/a", "sms/b", "email/a"):
        await fill(client, queue)
    assert await clear(client, f"sms/{query}", body) == (
        200,
        {
            "status": "success",
            "removed": numbers(states, 2),
            "more": False,
            "cursor": None,
        },
    )
    left = tuple(state for state in STATES if state not in states)
    assert await lengths(client, "/type/sms/") == numbers(left, 2)
    assert await lengths(client, "/type/email/") == numbers(STATES)


async def test_an_unknown_type_has_nothing_to_clear(client: httpx.AsyncClient) -> None:
    nothing = {"status": "success", "removed": numbers(()), "more": False, "cursor": None}
    assert await clear(client, "sms/") == (200, nothing)


async def test_a_large_type_is_cleared_in_several_requests(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.service.clearing.TYPE_STEPS", 2)
    monkeypatch.setattr("sharq_plug.service.clearing.TYPE_LIMIT", 10)
    jobs = [{"queue_id": f"{n}", "job_id": "j", "interval": 0, "payload": n} for n in range(400)]
    await client.post("/enqueue/sms/", json={"jobs": jobs})
    removed, requests, query = 0, 0, ""
    while query or not requests:
        _, answer = await clear(client, f"sms/{query}", {"purge_all": True})
        requests += 1
        removed += answer["removed"]["waiting"]
        left = (await seen(client, "/type/sms/"))["waiting"]
        assert left == 400 - removed
        assert answer["more"] == (answer["cursor"] is not None)
        query = f"?{httpx.QueryParams(cursor=answer['cursor'])}" if answer["more"] else ""
        assert requests < 400
    assert (removed, requests > 1) == (400, True)
    assert await listed(client, "/queues/sms/", "queues") == []


@pytest.mark.parametrize("path", ["sms/q/", "sms/"])
async def test_an_invalid_request_clears_nothing(client: httpx.AsyncClient, path: str) -> None:
    await fill(client)
    both = "`states` and `purge_all` exclude each other."
    for query, body, message in (
        ("?states=", None, invalid("states")),
        ("?states=live", None, invalid("states")),
        ("?states=waiting,", None, invalid("states")),
        ("?states=Waiting", None, invalid("states")),
        ("?states=waiting%20dead", None, invalid("states")),
        ("?states=waiting&states=dead", None, "`states` is given more than once."),
        ("?states=waiting", {"purge_all": True}, both),
        ("?states=waiting,delayed,leased,dead", {"purge_all": 1}, both),
        ("", {"states": "dead"}, "Object contains unknown field `states`"),
    ):
        answer = {"status": "failure", "message": message, "error": "invalid"}
        assert (query, *await clear(client, path + query, body)) == (query, 400, answer)
    assert await lengths(client) == numbers(STATES)


async def test_states_may_be_percent_encoded_and_repeated(client: httpx.AsyncClient) -> None:
    await fill(client)
    _, answer = await clear(client, "sms/q/?states=dead%2C%77aiting,dead&x=1")
    assert answer["removed"] == numbers(("waiting", "dead"))
    _, answer = await clear(client, "sms/q/?states=leased", {"purge_all": False})
    assert answer["removed"] == numbers(("leased",))
