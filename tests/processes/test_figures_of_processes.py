"""Figures of several processes: a scrape of any of them tells what all have counted."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest

from support.metrics import METRICS, Reading
from support.server import ServerProcess
from support.waiting import comes_true, until

PROCESSES = 3
REQUESTS = 60


def tells_all(server: ServerProcess) -> bool:
    reading = Reading(httpx.get(f"{server.url}{METRICS}").text)
    labels = {"route": "/enqueue/<queue_type>/<queue_id>", "status": "201"}
    times = ("sharq_time_in_queue_seconds_count", "sharq_lease_seconds_count")
    return (
        reading.value("sharq_http_requests_total", **labels) == REQUESTS
        and [reading.value(name, queue_type="sms") for name in times] == [REQUESTS] * 2
        and reading.value("sharq_jobs_finished_total", queue_type="sms") == REQUESTS
    )


def test_a_scrape_tells_what_all_processes_have_counted(
    on_redis: dict[str, str], tmp_path: Path
) -> None:
    environ = {**on_redis, "TMPDIR": str(tmp_path)}
    with ServerProcess("--workers", str(PROCESSES), environ=environ) as server:
        for number in range(REQUESTS):
            job = {"job_id": str(number), "interval": 0, "payload": 1}
            # a connection of its own: so that each process gets some
            assert httpx.post(f"{server.url}/enqueue/sms/q/", json=job).status_code == 201
        for _ in range(REQUESTS):
            job = httpx.get(f"{server.url}/dequeue/sms/").json()
            httpx.post(f"{server.url}/finish/sms/q/{job['job_id']}/")
        until(lambda: all(tells_all(server) for _ in range(10)))  # each second they write theirs
        [private] = tmp_path.glob("sharq-figures-*")
        assert private.stat().st_mode & 0o777 == 0o700
        assert server.stop() == 0
        assert not private.exists()


@pytest.mark.anyio
async def test_workers_that_wait_at_any_process_are_counted(on_redis: dict[str, str]) -> None:
    waits = 6
    with ServerProcess("--workers", str(PROCESSES), environ=on_redis) as server:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=30) as client:
            tasks = [
                asyncio.create_task(client.get("/dequeue/sms/?wait=20000")) for _ in range(waits)
            ]

            async def all_are_counted() -> bool:
                reading = Reading((await client.get(METRICS)).text)
                return reading.value("sharq_waiting_workers") == waits

            await comes_true(all_are_counted)
            for task in tasks:
                task.cancel()


def test_a_killed_process_leaves_no_directory(on_redis: dict[str, str], tmp_path: Path) -> None:
    environ = {**on_redis, "TMPDIR": str(tmp_path)}
    with ServerProcess("--workers", "2", environ=environ) as server:
        until(lambda: len(server.children()) == 2)
        os.kill(server.children()[0], signal.SIGKILL)
        assert server.wait() == 1
    assert list(tmp_path.iterdir()) == []
