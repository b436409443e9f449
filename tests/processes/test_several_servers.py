"""Servers on one Redis: one set of queues, one rate."""

import asyncio
from itertools import pairwise

import httpx
import pytest

from support.server import ServerProcess

pytestmark = pytest.mark.anyio

INTERVAL = 50
LEASE = 60_000
JOBS = 20


async def work(server: ServerProcess, served: list[tuple[int, str, str]]) -> None:
    """Take jobs, as SharQ's documentation has it, until all are served.

    A job's `expires_at` less the lease is the store's own time of its dequeue.
    """
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        while len(served) < JOBS:
            answer = await client.get("/dequeue/sms/")
            if answer.status_code == 404:
                await asyncio.sleep(INTERVAL / 5000)
                continue
            job = answer.json()
            served.append((job["expires_at"] - LEASE, job["job_id"], server.url))
            finished = await client.post(
                f"/finish/sms/johndoe/{job['job_id']}/", json={"lease": job["lease"]}
            )
            assert finished.status_code == 200


async def test_two_servers_share_jobs_and_keep_one_rate(on_redis: dict[str, str]) -> None:
    with ServerProcess(environ=on_redis) as first, ServerProcess(environ=on_redis) as second:
        async with httpx.AsyncClient(base_url=first.url) as client:
            for number in range(JOBS):
                job = {"job_id": f"{number:02}", "interval": INTERVAL, "payload": number}
                answer = await client.post("/enqueue/sms/johndoe/", json=job)
                assert answer.status_code == 201
        served: list[tuple[int, str, str]] = []
        async with asyncio.timeout(20):
            await asyncio.gather(
                *(work(server, served) for server in (first, first, second, second))
            )

        served.sort()
        assert [job_id for _, job_id, _ in served] == [f"{number:02}" for number in range(JOBS)]
        times = [time for time, _, _ in served]
        assert min(later - earlier for earlier, later in pairwise(times)) >= INTERVAL
        assert {url for _, _, url in served} == {first.url, second.url}
        assert (first.stop(), second.stop()) == (0, 0)


def test_a_job_leased_by_one_server_is_finished_through_the_other(
    on_redis: dict[str, str],
) -> None:
    with ServerProcess(environ=on_redis) as first, ServerProcess(environ=on_redis) as second:
        job = {"job_id": "1", "interval": 0, "payload": {}}
        assert httpx.post(f"{first.url}/enqueue/sms/johndoe/", json=job).status_code == 201
        assert httpx.get(f"{second.url}/dequeue/sms/").status_code == 200
        assert httpx.post(f"{first.url}/finish/sms/johndoe/1/").status_code == 200
        assert httpx.get(f"{second.url}/metrics/").json()["queue_types"] == []
