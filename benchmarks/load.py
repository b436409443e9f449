"""The load of the HTTP benchmarks, in its own process. It takes commands (remote.py).

It makes all requests of a round before the round and reads the answers after it, so that the load
does not slow itself down. It tells what share of a core it used.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count, repeat
from typing import Any

import msgspec
import uvloop

from benchmarks.remote import obey
from support.http_client import Answer, Connection, connect, request

TYPE = "load"
QUEUES = 1000
PAYLOAD_TEXT = "x" * 72


class Load:
    """Prepared requests, connections, and answers."""

    def __init__(self) -> None:
        self._numbers = count(1_000_000)
        self._connections: dict[int, list[Connection]] = {}
        self._requests: list[bytes] = []
        self._answers: list[bytes] = []
        self._headers: Mapping[str, str] = {}

    def prepare(self, verb: str, jobs: int, batch: int, token: str | None = None) -> None:
        """Prepare requests of a verb for `jobs` jobs, `batch` in each; 1 uses the single route.

        A finish is for the jobs in the answers that were kept last. With a `token` all carry it.
        """
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        make = {"enqueue": self._enqueues, "dequeue": self._dequeues, "finish": self._finishes}
        self._requests = list(make[verb](jobs, batch))

    def greet(self, requests: int) -> None:
        """Prepare requests for a greeting."""
        self._requests = [request("GET", "/")] * requests

    async def connect(self, port: int, connections: int) -> None:
        """Connect to a server."""
        self._connections[port] = [await connect(port) for _ in range(connections)]

    async def send(self, port: int, *, keep: bool = False) -> dict[str, Any]:
        """Send the prepared requests over all connections to a server.

        Return how many answers had each status, and the share of a core that was used.
        """
        statuses: Counter[int] = Counter()
        kept: list[bytes] = []

        def answered(answer: Answer) -> None:
            statuses[answer.status] += 1
            if keep:
                kept.append(answer.body)

        began, used = time.perf_counter(), time.process_time()
        requests = iter(self._requests)
        await asyncio.gather(*(c.send(requests, answered) for c in self._connections[port]))
        busy = (time.process_time() - used) / (time.perf_counter() - began)
        if keep:
            self._answers = kept
        return {"statuses": statuses, "busy": busy}

    def kept(self, text: str) -> int:
        """Return how often a text occurs in the answers that were kept last."""
        return sum(answer.count(text.encode()) for answer in self._answers)

    def _enqueues(self, jobs: int, batch: int) -> Iterator[bytes]:
        for _ in range(jobs // batch):
            bodies = [self._job(next(self._numbers)) for _ in range(batch)]
            path, body = f"/enqueue/{TYPE}/", {"jobs": bodies}
            if batch == 1:
                [body] = bodies
                path += f"{body.pop('queue_id')}/"
            yield request("POST", path, msgspec.json.encode(body), self._headers)

    def _dequeues(self, jobs: int, batch: int) -> Iterator[bytes]:
        query = "" if batch == 1 else f"?count={batch}"
        dequeue = request("GET", f"/dequeue/{TYPE}/{query}", headers=self._headers)
        return repeat(dequeue, jobs // batch)

    def _finishes(self, jobs: int, batch: int) -> Iterator[bytes]:
        answers = [msgspec.json.decode(answer) for answer in self._answers]
        taken = answers if batch == 1 else [job for answer in answers for job in answer["jobs"]]
        if len(taken) != jobs:
            raise ValueError(f"{len(taken)} jobs were dequeued, not {jobs}")
        for at in range(0, jobs, batch):
            claims = [
                {name: job[name] for name in ("queue_id", "job_id", "lease")}
                for job in taken[at : at + batch]
            ]
            path, body = f"/finish/{TYPE}/", {"jobs": claims}
            if batch == 1:
                [body] = claims
                path += f"{body.pop('queue_id')}/{body.pop('job_id')}/"
            yield request("POST", path, msgspec.json.encode(body), self._headers)

    @staticmethod
    def _job(number: int) -> dict[str, Any]:
        return {
            "queue_id": f"queue-{number % QUEUES}",
            "job_id": str(uuid.UUID(int=number)),
            "interval": 0,
            "payload": {"number": number, "text": PAYLOAD_TEXT},
        }


def main() -> None:
    load = Load()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        obey(
            {
                "prepare": load.prepare,
                "greet": load.greet,
                "kept": load.kept,
                "connect": lambda **how: loop.run_until_complete(load.connect(**how)),
                "send": lambda **how: loop.run_until_complete(load.send(**how)),
            }
        )


if __name__ == "__main__":
    main()
