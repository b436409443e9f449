"""Clients that enqueue, dequeue and finish in turns, as cheaply as many of them must."""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from loadtests.ledger import DONE, QUEUED
from support.http_client import Answer, Connection, connect, request

PAYLOAD = "x" * 100
NOTHING_READY = 404
OVERLOADED = 503
RETRY_AFTER = 1.0
RECONNECT_AFTER = 0.1


@dataclass
class Record:
    """How long (ms) good answers and refusals took."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)


class Crowd:
    """Clients of one server, and what they know of its jobs."""

    def __init__(self, port: int) -> None:
        self.acknowledged: set[str] = set()
        self.finished: set[str] = set()
        self.strange = 0
        self.record = Record()
        self.port = port
        self.ending = False
        self._numbers = count()

    async def run(self, clients: int, seconds: float) -> Record:
        """Let clients work for a second, then for `seconds`; return the record of these."""
        self.ending = False
        circles = [asyncio.create_task(self._circle(next(self._numbers))) for _ in range(clients)]
        await asyncio.sleep(1)
        record = self.record = Record()
        await asyncio.sleep(seconds)
        self.record = Record()
        self.ending = True
        await asyncio.gather(*circles)
        return record

    async def _circle(self, number: int) -> None:
        client = Client(self)
        for job in count():
            job_id = f"{number}-{job}"
            body = {"job_id": job_id, "interval": 0, "payload": PAYLOAD}
            await client.request("POST", f"/enqueue/load/{number}/", body, good=QUEUED)
            self.acknowledged.add(job_id)
            finished = await client.work()
            if finished is not None:
                self.finished.add(finished)
            if self.ending:
                client.close()
                return


class Client:
    """Sends one request at a time, and connects again when the server closes the connection."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._connection: Connection | None = None

    async def request(
        self, method: str, path: str, body: object = None, *, good: int
    ) -> dict[str, str]:
        """Repeat a request until it is neither refused nor lost; return the body of the answer.

        `good` is the status of an answer that does what was asked for.
        """
        text = b"" if body is None else json.dumps(body).encode()
        while True:
            record = self._crowd.record
            started = time.perf_counter()
            try:
                answer = await self._exchange(request(method, path, text))
            except ConnectionError:
                await asyncio.sleep(RECONNECT_AFTER)
                continue
            took = (time.perf_counter() - started) * 1000
            if answer.status == OVERLOADED:
                record.refused.append(took)
                await asyncio.sleep(RETRY_AFTER)
                continue
            if answer.status == good:
                record.accepted.append(took)
            elif answer.status != NOTHING_READY:
                self._crowd.strange += 1
            found: dict[str, str] = json.loads(answer.body)
            return found

    async def work(self) -> str | None:
        """Dequeue a job and finish it; return its id if both went well, or None."""
        job = await self.request("GET", "/dequeue/load/", good=DONE)
        if job["status"] != "success":
            return None
        path = f"/finish/load/{job['queue_id']}/{job['job_id']}/"
        ended = await self.request("POST", path, {"lease": job["lease"]}, good=DONE)
        return job["job_id"] if ended["status"] == "success" else None

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()

    async def _exchange(self, message: bytes) -> Answer:
        if self._connection is None or not self._connection.is_open:
            self._connection = await connect(self._crowd.port)
        return await self._connection.ask(message)


async def drain(port: int, expected: set[str], lease: float) -> set[str]:
    """Dequeue until all expected jobs came or none came for two leases; return the missing ones."""
    client = Client(Crowd(port))
    last = time.monotonic()
    while expected and time.monotonic() - last < 2 * lease:
        job_id = await client.work()
        if job_id is None:
            await asyncio.sleep(0.1)
        else:
            expected.discard(job_id)
            last = time.monotonic()
    client.close()
    return expected


def percentile(values: Sequence[float], part: int) -> float:
    """Return the percentile `part` (1 to 100) of the values."""
    if not values:
        return math.nan
    return sorted(values)[math.ceil(len(values) * part / 100) - 1]
