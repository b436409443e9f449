"""What tests of shared limits share: limits, queues that use them, and jobs that go."""

from typing import Any

import httpx

from support.api import enqueue, send

LIMIT = "/limit/sms/acme/"
SECOND = {"rate": 1, "per": 1000, "burst": 1, "unit": "job"}


async def share(client: httpx.AsyncClient, name: str = "acme", /, **fields: Any) -> dict[str, Any]:
    """Create or change a shared limit."""
    response = await client.patch(f"/limit/sms/{name}/", json=fields)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def use(
    client: httpx.AsyncClient, *queue_ids: str, uses: tuple[str, ...] = ("acme",)
) -> None:
    """Have queues use shared limits."""
    for queue_id in queue_ids:
        response = await client.patch(f"/queue/sms/{queue_id}/", json={"uses": uses})
        assert response.status_code == 200, response.text


async def fill(client: httpx.AsyncClient, *queue_ids: str, count: int = 3, **fields: Any) -> None:
    """Enqueue jobs into queues without limits of their own."""
    for queue_id in queue_ids:
        for number in range(count):
            response = await send(client, enqueue(f"j{number}", f"sms/{queue_id}", **fields))
            assert response.status_code == 201, response.text


async def taken(client: httpx.AsyncClient, count: int = 100) -> list[dict[str, Any]]:
    """Dequeue what may go."""
    response = await client.post("/dequeue/sms/", json={"count": count})
    jobs: list[dict[str, Any]] = response.json().get("jobs", [])
    return jobs


async def queues(client: httpx.AsyncClient) -> list[str]:
    """Dequeue what may go; return the queues of the jobs."""
    return [job["queue_id"] for job in await taken(client)]


async def next_ready_at(client: httpx.AsyncClient) -> Any:
    """Return when a dequeue that gets nothing is told to come back."""
    response = await client.post("/dequeue/sms/")
    assert response.status_code == 404
    return response.json()["next_ready_at"]
