"""What a job takes of an HTTP server in front of a cluster of one, two and three primaries.

`python -m benchmarks.cluster_http` prints a table: the CPU time of the server process for a job,
and that of all Redis servers. One job a request comes over 32 connections, ten over 16, a hundred
over 8. The requests go to 96 types in turn. Beside them stands a Redis without a cluster; all take
turns.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks.cluster_time import CYCLE, SIDES, TYPES, VERBS, started, thread_of
from benchmarks.redis_time import show
from benchmarks.servers import sharq_server
from support.cores import cpu_time
from support.http_client import Answer, Connection, connect, request
from support.redis_server import RedisServer

QUEUES = 200
REQUESTS = {1: 50, 10: 15, 100: 5}
"""To each type in a round, by batch."""
CONNECTIONS = {1: 32, 10: 16, 100: 8}
ROUNDS = 7
PAYLOAD = {"to": "+441632960001", "text": "x" * 68}


class Side:
    """A server, its Redis servers, and the load on them."""

    def __init__(self, pid: int, redis: Sequence[RedisServer], connections: Sequence[Connection]):
        self._pid = pid
        self._redis = [server.client() for server in redis]
        self._connections = connections
        self._numbers = {name: itertools.count() for name in TYPES}
        self._taken: list[dict[str, str]] = []

    async def round(self, batch: int) -> dict[str, tuple[float, float]]:
        """Return the seconds a job, of the server and of all Redis servers, by verb."""
        makers = (self._enqueues, self._dequeues, self._finishes)
        found = {}
        for verb, make in zip(VERBS, makers, strict=True):
            requests = [*make(batch)]
            answers: list[Answer] = []
            server, redis = self._meters()
            await self._send(batch, iter(requests), answers)
            used, busy = self._meters()
            jobs = len(requests) * batch
            found[verb] = ((used - server) / jobs, (busy - redis) / jobs)
            assert all(answer.status in (200, 201) for answer in answers)
            if verb == "dequeue":
                bodies = [msgspec.json.decode(answer.body) for answer in answers]
                self._taken = [job for body in bodies for job in body.get("jobs", [body])]
                assert len(self._taken) == jobs
        server, redis = (sum(parts) for parts in zip(*found.values(), strict=True))
        return found | {CYCLE: (server, redis)}

    async def _send(self, batch: int, requests: Iterator[bytes], answers: list[Answer]) -> None:
        used = self._connections[: CONNECTIONS[batch]]
        await asyncio.gather(*(one.send(requests, answers.append) for one in used))

    def _meters(self) -> tuple[float, float]:
        return cpu_time(self._pid), sum(map(thread_of, self._redis))

    def _enqueues(self, batch: int) -> Iterator[bytes]:
        for name in TYPES * REQUESTS[batch]:
            jobs = [self._job(name) for _ in range(batch)]
            if batch == 1:
                [job] = jobs
                yield _post(f"/enqueue/{name}/{job.pop('queue_id')}/", job)
            else:
                yield _post(f"/enqueue/{name}/", {"jobs": jobs})

    def _dequeues(self, batch: int) -> Iterator[bytes]:
        for name in TYPES * REQUESTS[batch]:
            yield _post(f"/dequeue/{name}/", {} if batch == 1 else {"count": batch})

    def _finishes(self, batch: int) -> Iterator[bytes]:
        by_type: dict[str, list[dict[str, str]]] = {name: [] for name in TYPES}
        for job in self._taken:
            name = job["queue_id"].partition("~")[0]
            by_type[name].append({key: job[key] for key in ("queue_id", "job_id", "lease")})
        for at in range(REQUESTS[batch]):
            for name, claims in by_type.items():
                mine = claims[at * batch : (at + 1) * batch]
                if batch == 1:
                    [one] = mine
                    path = f"/finish/{name}/{one['queue_id']}/{one['job_id']}/"
                    yield _post(path, {"lease": one["lease"]})
                else:
                    yield _post(f"/finish/{name}/", {"jobs": mine})

    def _job(self, name: str) -> dict[str, object]:
        number = next(self._numbers[name])
        return {
            "queue_id": f"{name}~{number % QUEUES}",
            "job_id": f"job-{number:032}",
            "interval": 0,
            "payload": PAYLOAD,
        }


def _post(path: str, body: Mapping[str, object]) -> bytes:
    return request("POST", path, msgspec.json.encode(body))


def _environ(options: Mapping[str, object]) -> dict[str, str]:
    """Return the store's options as a server's environment has them."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
    }
    return {"SHARQ_SERVER_BACKEND": "redis"} | {
        f"SHARQ_REDIS_{name.upper()}": text for name, text in texts.items()
    }


async def main(count: int) -> None:
    show("a request", "us a job", *SIDES)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sides = {name: await _side(stack, Path(folder), name) for name in SIDES}
        for batch in REQUESTS:
            rounds = [
                {name: await side.round(batch) for name, side in sides.items()}
                for _ in range(1 + count)
            ]
            _show(batch, rounds[1:])


async def _side(stack: ExitStack, folder: Path, name: str) -> Side:
    redis, options = stack.enter_context(started(folder, name))
    server = stack.enter_context(sharq_server(_environ(options)))
    connections = [await connect(server.port) for _ in range(max(CONNECTIONS.values()))]
    return Side(server.process.pid, redis, connections)


def _show(batch: int, rounds: Sequence[Mapping[str, Mapping[str, tuple[float, float]]]]) -> None:
    for verb in (*VERBS, CYCLE):
        for at, what in enumerate(("server", "redis")):
            each = (statistics.median(one[name][verb][at] for one in rounds) for name in SIDES)
            show(batch, f"{verb[:4]} {what}", *(f"{1e6 * seconds:.1f}" for seconds in each))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asyncio.run(main(parser.parse_args().rounds))
