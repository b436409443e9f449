"""Producers and workers in their own processes. They repeat each request that got no answer.

Started with the name of an act and a part as JSON: see `start`.
"""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlencode

import msgspec
import uvloop

from faults.client import PAUSE, Caller
from faults.journal import Journal
from support.wire_schema import Batch, DeliveryBody

INTERVALS = (0, 1, 2, 5, 10, 20, 30, 40, 60, 80)
"""The interval (ms) of each queue."""
WEIGHTS = [1 / (interval + 10) for interval in INTERVALS]
"""How many jobs each queue gets. None is empty or full all the time."""
LEASE = 800
"""ms that a lease lasts, on every server of the suite."""
PEOPLE = 4
"""Producers or workers in one process."""
HASTE = 0.03
"""The share of requests whose caller hangs up at once and then repeats them."""
TOIL = 0.005
LONGEST_WAIT = 2000
"""The longest wait (ms) that a worker asks for."""
MOST_OFFERS = 5
"""The largest batch of a worker: its jobs must be done before their leases expire."""
MOST_NEW = 12
"""The largest batch of a producer."""
OK = 200
LIFETIME = 120
"""Seconds after which a process ends if nothing else ends it."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The task of one process of a crowd, and where it writes its record.

    Producers enqueue `jobs` jobs in about `duration` seconds, and end when each of them is
    acknowledged. Workers take up to `toil` seconds for a job, go on until SIGTERM, and end when
    what they have in hand is done. Some of either work in batches, some workers wait.
    """

    act: Literal["produce", "work"]
    name: str
    ports: tuple[int, ...]
    queue_type: str
    seed: int
    journal: str
    jobs: int = 0
    duration: float = 0.0
    toil: float = TOIL


@dataclass(frozen=True, slots=True)
class Person:
    """One producer or worker; `number` counts those of its process."""

    part: Part
    number: int
    caller: Caller
    chance: random.Random
    stop: asyncio.Event


@dataclass(frozen=True, slots=True)
class Habits:
    """How a worker asks for jobs: in batches of up to `count`, waiting up to `wait` ms.

    One that `repeats` names each attempt, so that none of its jobs stays leased unseen.
    """

    count: int | None
    wait: int
    repeats: bool

    @classmethod
    def drawn(cls, chance: random.Random) -> Self:
        """Return random habits."""
        return cls(
            count=chance.randint(2, MOST_OFFERS) if chance.random() < 0.4 else None,
            wait=chance.randint(50, LONGEST_WAIT) if chance.random() < 0.5 else 0,
            repeats=chance.random() < 0.6,
        )

    def query(self, attempt_id: str) -> str:
        """Return the query of a dequeue."""
        asked = {
            "count": self.count,
            "wait": self.wait or None,
            "attempt_id": attempt_id if self.repeats else None,
        }
        return urlencode({name: value for name, value in asked.items() if value is not None})


_one_job = msgspec.json.Decoder(DeliveryBody)
_many_jobs = msgspec.json.Decoder(Batch[DeliveryBody])
_encode = msgspec.json.Encoder().encode


def start(part: Part) -> "subprocess.Popen[bytes]":
    """Start a process of producers or of workers."""
    command = [sys.executable, "-m", "faults.crowd", _encode(part).decode()]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1])


async def _crowd(part: Part) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with Journal(Path(part.journal)) as journal:
        async with asyncio.timeout(LIFETIME), asyncio.TaskGroup() as group:
            for number in range(PEOPLE):
                group.create_task(_be_person(part, journal, number, stop))


async def _be_person(part: Part, journal: Journal, number: int, stop: asyncio.Event) -> None:
    chance = random.Random(f"{part.seed} {part.name} {number}")
    patience = chance.choice((0.5, 1.0, 6.0))
    async with Caller(part.ports, journal, chance, patience=patience, haste=HASTE) as caller:
        person = Person(part, number, caller, chance, stop)
        await (_produce(person) if part.act == "produce" else _work(person))


async def _produce(producer: Person) -> None:
    part, chance = producer.part, producer.chance
    most = chance.choice((1, 1, MOST_NEW))
    started = time.monotonic()
    left = list(range(producer.number, part.jobs, PEOPLE))
    while left:
        size = chance.randint(1, most)
        batch, left = left[:size], left[size:]
        due = started + part.duration * batch[-1] / part.jobs
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        jobs = [_new_job(job, chance) for job in batch]
        path, body = f"/enqueue/{part.queue_type}/", {"jobs": jobs}
        if most == 1:
            [body] = jobs
            path += f"{body.pop('queue_id')}/"
        await producer.caller.insist("POST", path, _encode(body))


def _new_job(number: int, chance: random.Random) -> dict[str, Any]:
    [queue] = chance.choices(range(len(INTERVALS)), WEIGHTS)
    return {
        "queue_id": f"q{queue}",
        "job_id": f"job-{number}",
        "interval": INTERVALS[queue],
        "payload": {"n": number, "text": "x" * chance.randrange(100)},
        "requeue_limit": chance.choice((-1, 100)),
    }


async def _work(worker: Person) -> None:
    part, habits = worker.part, Habits.drawn(worker.chance)
    attempts = count()
    while not worker.stop.is_set():
        query = habits.query(f"{part.name}-{worker.number}-{next(attempts)}")
        ask = f"/dequeue/{part.queue_type}/?{query}"
        answer = await worker.caller.insist("GET", ask, wait=habits.wait / 1000)
        if answer.status != OK:
            await asyncio.sleep(0 if habits.wait else PAUSE)
        elif habits.count is None:
            await _do(worker, [_one_job.decode(answer.body)], ask)
        else:
            await _do(worker, _many_jobs.decode(answer.body).jobs, ask)


async def _do(worker: Person, jobs: Sequence[DeliveryBody], ask: str) -> None:
    """Work on jobs and finish them. A first delivery is sometimes treated badly."""
    chance = worker.chance
    done = [
        job for job in jobs if job.attempt > 1 or chance.random() >= 0.02
    ]  # the rest: forgotten
    if not done:
        return
    mood = chance.random() if all(job.attempt == 1 for job in done) else 1.0
    if mood < 0.03:  # takes too long
        await asyncio.sleep(LEASE / 1000 * chance.uniform(0.9, 1.4))
    elif mood < 0.07 and "attempt_id" in ask:  # asks again, as one who lost the answer
        await worker.caller.ask("GET", ask)
    elif any(job.attempt > 1 for job in done):  # has it while one who took too long may finish it
        await asyncio.sleep(LEASE / 1000 * chance.uniform(0, 0.5))
    else:
        await asyncio.sleep(sum(chance.uniform(0, worker.part.toil) for _ in done))
    path, body = _finish(worker.part.queue_type, done)
    await worker.caller.insist("POST", path, body)
    if mood > 0.97:  # repeats what was done
        await worker.caller.ask("POST", path, body)


def _finish(queue_type: str, jobs: Sequence[DeliveryBody]) -> tuple[str, bytes]:
    """Return the path and the body that finish jobs."""
    if len(jobs) == 1:
        [job] = jobs
        path = f"/finish/{queue_type}/{job.queue_id}/{job.job_id}/"
        return path, _encode({"lease": job.lease})
    claims = [{"queue_id": j.queue_id, "job_id": j.job_id, "lease": j.lease} for j in jobs]
    return f"/finish/{queue_type}/", _encode({"jobs": claims})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_crowd(msgspec.json.decode(sys.argv[1], type=Part)))
