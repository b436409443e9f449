"""Producers and workers, in processes of their own, that repeat whatever was not answered.

Started with the name of an act and a part as JSON: see `start`.
"""

import asyncio
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import uvloop

from faults.client import PAUSE, Caller
from faults.journal import Journal

INTERVALS = (0, 1, 2, 5, 10, 20, 30, 40, 60, 80)
"""The interval (ms) of each queue."""
WEIGHTS = [1 / (interval + 10) for interval in INTERVALS]
"""How many jobs come to each: so that none is empty or full all the time."""
LEASE = 800
"""ms that a lease lasts, on every server of the suite."""
PEOPLE = 4
"""Producers or workers in one process."""
HASTE = 0.03
"""The share of requests whose caller hangs up at once, and then repeats them."""
TOIL = 0.005
OK = 200
LIFETIME = 120
"""Seconds after which a process ends, should nobody be left to end it."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of a crowd is to do, and where it writes its record.

    Producers enqueue `jobs` jobs in about `duration` seconds, and end when each of them is
    acknowledged. Workers take up to `toil` seconds for a job, go on until SIGTERM, and end when
    what they have in hand is done.
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


class Offer(msgspec.Struct, frozen=True):
    """The answer to a dequeue, as far as a worker needs it."""

    queue_id: str
    job_id: str
    lease: str
    attempt: int


_offer = msgspec.json.Decoder(Offer)
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
    started = time.monotonic()
    for job in range(producer.number, part.jobs, PEOPLE):
        due = started + part.duration * job / part.jobs
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        [queue] = chance.choices(range(len(INTERVALS)), WEIGHTS)
        body = {
            "job_id": f"job-{job}",
            "interval": INTERVALS[queue],
            "payload": {"n": job, "text": "x" * chance.randrange(100)},
            "requeue_limit": chance.choice((-1, 100)),
        }
        path = f"/enqueue/{part.queue_type}/q{queue}/"
        await producer.caller.insist("POST", path, _encode(body))


async def _work(worker: Person) -> None:
    part, attempts = worker.part, 0
    while not worker.stop.is_set():
        attempts += 1
        attempt_id = f"{part.name}-{worker.number}-{attempts}"
        ask = f"/dequeue/{part.queue_type}/?attempt_id={attempt_id}"
        answer = await worker.caller.insist("GET", ask)
        if answer.status == OK:
            await _do(worker, _offer.decode(answer.body), ask)
        else:
            await asyncio.sleep(PAUSE)


async def _do(worker: Person, job: Offer, ask: str) -> None:
    """Work on a job and finish it; on its first delivery sometimes badly."""
    chance = worker.chance
    mood = chance.random() if job.attempt == 1 else 1.0
    if mood < 0.02:  # forgets it
        return
    if mood < 0.05:  # takes too long
        await asyncio.sleep(LEASE / 1000 * chance.uniform(0.9, 1.4))
    elif mood < 0.09:  # asks again, as one who lost the answer
        await worker.caller.ask("GET", ask)
    elif job.attempt > 1:  # has it while one who took too long may finish it
        await asyncio.sleep(LEASE / 1000 * chance.uniform(0, 0.5))
    else:
        await asyncio.sleep(chance.uniform(0, worker.part.toil))
    finish = f"/finish/{worker.part.queue_type}/{job.queue_id}/{job.job_id}/"
    token = _encode({"lease": job.lease})
    await worker.caller.insist("POST", finish, token)
    if mood > 0.97:  # repeats what was done
        await worker.caller.ask("POST", finish, token)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_crowd(msgspec.json.decode(sys.argv[1], type=Part)))
