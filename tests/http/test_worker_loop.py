"""SharQ's documented worker: dequeue; 200: work and finish; 404: sleep."""

from typing import TypeAlias

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import enqueue, send

pytestmark = pytest.mark.anyio

INTERVALS = {"slow": 1000, "fast": 250, "free": 0}
JOBS = 5


Done: TypeAlias = list[tuple[str, int]]


async def work(client: httpx.AsyncClient, clock: ManualClock, *, sleep: int) -> Done:
    """Run the loop until all is done; return each job's queue, and when (ms) it came."""
    start = clock.now()
    done: Done = []
    while len(done) < JOBS * len(INTERVALS):
        response = await client.get("/dequeue/sms/")
        if response.status_code == 404:
            clock.advance(sleep)
            continue
        assert response.status_code == 200
        job = response.json()
        assert job["payload"] == {"number": job["job_id"]}
        done.append((job["queue_id"], clock.now() - start))
        finish = f"/finish/sms/{job['queue_id']}/{job['job_id']}/"
        assert (await client.post(finish)).json() == {"status": "success"}
    return done


async def test_the_worker_drains_every_queue_at_its_rate(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    for queue, interval in INTERVALS.items():
        for number in map(str, range(JOBS)):
            call = enqueue(number, f"sms/{queue}", interval=interval, payload={"number": number})
            assert (await send(client, call)).status_code == 201
    done = await work(client, clock, sleep=50)
    for queue, interval in INTERVALS.items():
        came = [when for name, when in done if name == queue]
        assert came == [interval * number for number in range(JOBS)]
    assert (await client.get("/dequeue/sms/")).status_code == 404
    assert (await client.get("/metrics/")).json()["queue_types"] == []
