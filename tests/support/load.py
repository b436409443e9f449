"""Producers that enqueue until the server is gone, and what the store then holds."""

import asyncio

import httpx

from sharq_plug.plugins import open_store
from sharq_plug.testing.calls import dequeue_for_one


class Load:
    """Keep `producers` enqueueing at a server; know which jobs were acknowledged."""

    def __init__(self, url: str, producers: int = 8) -> None:
        self.acknowledged: set[str] = set()
        self.refusals: list[httpx.Response] = []
        self._url = url
        self._goal = 0
        self._goal_reached = asyncio.Event()
        self._producers = [asyncio.create_task(self._produce(n)) for n in range(producers)]

    async def reach(self, count: int) -> None:
        """Wait until so many jobs were acknowledged."""
        self._goal = count
        async with asyncio.timeout(20):
            await self._goal_reached.wait()

    async def end(self) -> None:
        """Wait until no producer reaches the server any more."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self._producers)

    async def _produce(self, producer: int) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=20) as client:
            sent = 0
            while True:
                sent += 1
                job_id = f"{producer}-{sent}"
                job = {"job_id": job_id, "interval": 0, "payload": sent}
                try:
                    answer = await client.post(f"/enqueue/load/{producer}/", json=job)
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    self.acknowledged.add(job_id)
                    if len(self.acknowledged) == self._goal:
                        self._goal_reached.set()
                else:
                    self.refusals.append(answer)


async def jobs_in_redis(url: str, queue_type: str = "load") -> set[str]:
    """Take every job of a type from the store, and return their ids."""
    async with open_store("redis", {"url": url}) as store:
        found: set[str] = set()
        while jobs := (
            await dequeue_for_one(store, queue_type, count=1000, lease_time=60_000)
        ).jobs:
            found.update(job.job_id for job in jobs)
        return found
