"""What tests of an operator's routes share: queues with dead letters, pages read to their end."""

from collections.abc import Sequence
from typing import Any

import httpx

from support.api import enqueue, send


async def let_die(
    client: httpx.AsyncClient, *job_ids: str, queue: str = "sms/q", **fields: Any
) -> None:
    """Enqueue jobs and make a dead letter of each, in this order."""
    queue_type, _, queue_id = queue.partition("/")
    for job_id in job_ids:
        await send(client, enqueue(job_id, queue, **fields))
        asked = {"queues": [queue_id]}
        job = (await client.post(f"/dequeue/{queue_type}/", json=asked)).json()
        assert job["job_id"] == job_id
        failing = {"lease": job["lease"], "error": "no route", "dead": True}
        path = f"/fail/{queue_type}/{queue_id}/{job_id}/"
        assert (await client.post(path, json=failing)).status_code == 200


async def fill(client: httpx.AsyncClient) -> None:
    """Give the queue `q` a dead letter, a lease, two jobs that wait and one that is delayed."""
    await let_die(client, "dead")
    for number in range(3):
        await send(client, enqueue(f"j{number}"))
    await send(client, enqueue("later", delay=5000))
    await client.post("/dequeue/sms/")


async def seen(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Return what a GET shows."""
    response = await client.get(path)
    assert response.status_code == 200, response.text
    fields: dict[str, Any] = response.json()
    assert fields.pop("status") == "success"
    return fields


async def listed(client: httpx.AsyncClient, path: str, title: str, **asked: Any) -> list[Any]:
    """Follow a listing from its first page to its last; return all items."""
    items: list[Any] = []
    query = {name: str(value) for name, value in asked.items()}
    for _ in range(1000):
        page = await seen(client, f"{path}?{httpx.QueryParams(query)}")
        assert page.keys() == {title, "cursor"}
        items += page[title]
        if page["cursor"] is None:
            return items
        query["cursor"] = page["cursor"]
    raise AssertionError(f"{path} does not end")


async def moved(
    client: httpx.AsyncClient, path: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    """Redrive or discard; return the status and the answer without its own."""
    response = await client.post(path, json=body)
    answer: dict[str, Any] = response.json()
    return response.status_code, {k: v for k, v in answer.items() if k != "status"}


async def letters(client: httpx.AsyncClient, path: str = "/deadletters/sms/") -> list[Any]:
    """Return all dead letters of a type or a queue, the newest first."""
    return await listed(client, path, "letters")


def done(**numbers: int) -> dict[str, Any]:
    """Return the answer to a redrive or discard that has nothing left to do."""
    return {**numbers, "more": False, "cursor": None}


def column(items: Sequence[dict[str, Any]], name: str) -> list[Any]:
    """Return one field of each item."""
    return [item[name] for item in items]
