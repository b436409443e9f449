"""Clients that go in a circle, enqueue, dequeue, finish: over raw sockets, to be many cheaply."""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

PAYLOAD = "x" * 100
NOTHING_READY = 404
OVERLOADED = 503
RETRY_AFTER = 1.0
RECONNECT_AFTER = 0.1


@dataclass
class Record:
    """How long (ms) the answers took that did what was asked for, and the refusals."""

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
        """Let so many clients loose for so long; return what they got after the first second."""
        self.ending = False
        circles = [asyncio.create_task(self._circle(next(self._numbers))) for _ in range(clients)]
        await asyncio.sleep(1)
        record = self.record = Record()
        await asyncio.sleep(seconds)
        self.record = Record()
        self.ending = True
        await asyncio.gather(*circles)
        return record

    async def _circle(self, client: int) -> None:
        connection = Connection(self)
        for number in count():
            job_id = f"{client}-{number}"
            job = {"job_id": job_id, "interval": 0, "payload": PAYLOAD}
            await connection.request(f"POST /enqueue/load/{client}/", job, good=(201,))
            self.acknowledged.add(job_id)
            body = await connection.request("GET /dequeue/load/", good=(200,))
            if body["status"] == "success":
                path = f"/finish/load/{body['queue_id']}/{body['job_id']}/"
                ended = await connection.request(
                    f"POST {path}", {"lease": body["lease"]}, good=(200,)
                )
                if ended["status"] == "success":
                    self.finished.add(body["job_id"])
            if self.ending:
                connection.close()
                return


class Connection(asyncio.Protocol):
    """One connection at a time, made anew when the server hangs up."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._transport: Any = None
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def request(
        self, target: str, body: object = None, *, good: tuple[int, ...]
    ) -> dict[str, str]:
        """Send a request until it is neither refused nor lost; return the body of the answer."""
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n"
        while True:
            record = self._crowd.record
            started = time.perf_counter()
            try:
                status, answer = await self._exchange(head.encode() + text)
            except ConnectionError:
                await asyncio.sleep(RECONNECT_AFTER)
                continue
            took = (time.perf_counter() - started) * 1000
            if status == OVERLOADED:
                record.refused.append(took)
                await asyncio.sleep(RETRY_AFTER)
                continue
            if status in good:
                record.accepted.append(took)
            elif status != NOTHING_READY:
                self._crowd.strange += 1
            found: dict[str, str] = json.loads(answer)
            return found

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._received = b""
            self._answer = loop.create_future()  # a server that is full answers unasked
            await loop.create_connection(lambda: self, "127.0.0.1", self._crowd.port)
        else:
            self._answer = loop.create_future()
        if self._transport is not None:
            self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or self._answer is None or self._answer.done():
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        if len(body) == length:
            self._received = b""
            self._answer.set_result((int(head[9:12]), body))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def drain(port: int, expected: set[str], lease: float) -> set[str]:
    """Dequeue until all expected jobs came, or none for two leases; return those that did not."""
    connection = Connection(Crowd(port))
    last = time.monotonic()
    while expected and time.monotonic() - last < 2 * lease:
        body = await connection.request("GET /dequeue/load/", good=(200,))
        if body["status"] == "success":
            expected.discard(body["job_id"])
            path = f"/finish/load/{body['queue_id']}/{body['job_id']}/"
            await connection.request(f"POST {path}", {"lease": body["lease"]}, good=(200,))
            last = time.monotonic()
        else:
            await asyncio.sleep(0.1)
    connection.close()
    return expected


def percentile(values: Sequence[float], part: int) -> float:
    """Return the value that so many hundredths of the values do not exceed."""
    if not values:
        return math.nan
    return sorted(values)[math.ceil(len(values) * part / 100) - 1]
