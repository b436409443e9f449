"""Workers that wait for jobs, in their own process. It takes commands (remote.py)."""

import asyncio
import time
from itertools import count

import msgspec
import uvloop

from benchmarks.remote import obey
from support.http_client import Connection, connect, request

TYPE = "waiting"
WAIT = 60_000
HANG_UP = 1.0
"""Seconds after which a server has noticed new and closed connections."""


class Waiters:
    """Workers that share the jobs of one type, and a producer."""

    def __init__(self) -> None:
        self._numbers = count()
        self._idle: list[tuple[Connection, asyncio.Task[object]]] = []

    async def wait(
        self, enqueue_port: int, dequeue_port: int, workers: int, jobs: int, pause: float
    ) -> list[float]:
        """Enqueue a job every `pause` seconds while `workers` wait for it.

        Return for each job the ms from sending the enqueue to the answer of a worker's dequeue.
        """
        sent: dict[str, float] = {}
        took: list[float] = []
        all_done = asyncio.Event()

        async def work(connection: Connection) -> None:
            while True:
                answer = await connection.ask(_dequeue(wait=WAIT))
                now = time.perf_counter()
                assert answer.status == 200, answer
                job = msgspec.json.decode(answer.body)
                took.append((now - sent[job["job_id"]]) * 1000)
                await connection.ask(_finish(job))
                if len(took) == jobs:
                    all_done.set()

        connections = [await connect(dequeue_port) for _ in range(workers)]
        tasks = [asyncio.create_task(work(connection)) for connection in connections]
        producer = await connect(enqueue_port)
        for _ in range(jobs):
            await asyncio.sleep(pause)
            job_id = f"job-{next(self._numbers)}"
            sent[job_id] = time.perf_counter()
            await producer.ask(_enqueue(job_id))
        await all_done.wait()
        for task, connection in zip(tasks, connections, strict=True):
            task.cancel()
            connection.close()
        producer.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(HANG_UP)
        return took

    async def ask(self, port: int, jobs: int, pause: float) -> list[float]:
        """Enqueue a job every `pause` seconds, then dequeue it without a wait.

        Return for each job the ms that both took.
        """
        took = []
        connection = await connect(port)
        for _ in range(jobs):
            await asyncio.sleep(pause)
            began = time.perf_counter()
            await connection.ask(_enqueue(f"job-{next(self._numbers)}"))
            answer = await connection.ask(_dequeue())
            took.append((time.perf_counter() - began) * 1000)
            await connection.ask(_finish(msgspec.json.decode(answer.body)))
        connection.close()
        return took

    async def settle(self, port: int, workers: int) -> None:
        """Let `workers` wait from now on for jobs that never come."""
        for _ in range(workers):
            connection = await connect(port)
            task = asyncio.create_task(connection.ask(_dequeue(wait=WAIT)))
            self._idle.append((connection, task))
        await asyncio.sleep(HANG_UP)

    async def leave(self) -> None:
        """Let the workers hang up; none may have got an answer."""
        answered = sum(task.done() for _, task in self._idle)
        for connection, task in self._idle:
            task.cancel()
            connection.close()
        self._idle.clear()
        await asyncio.sleep(HANG_UP)
        assert not answered, f"{answered} did not wait"


def _enqueue(job_id: str) -> bytes:
    body = {"job_id": job_id, "interval": 0, "payload": "x" * 100}
    return request("POST", f"/enqueue/{TYPE}/queue/", msgspec.json.encode(body))


def _dequeue(wait: int = 0) -> bytes:
    return request("GET", f"/dequeue/{TYPE}/" + (f"?wait={wait}" if wait else ""))


def _finish(job: dict[str, str]) -> bytes:
    path = f"/finish/{TYPE}/{job['queue_id']}/{job['job_id']}/"
    return request("POST", path, msgspec.json.encode({"lease": job["lease"]}))


def main() -> None:
    waiters = Waiters()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        run = runner.get_loop().run_until_complete
        obey(
            {
                "wait": lambda **how: run(waiters.wait(**how)),
                "ask": lambda **how: run(waiters.ask(**how)),
                "settle": lambda **how: run(waiters.settle(**how)),
                "leave": lambda: run(waiters.leave()),
            }
        )


if __name__ == "__main__":
    main()
