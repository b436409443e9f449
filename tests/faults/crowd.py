"""Producers and workers in their own processes. They repeat each request that got no answer.

Started with the name of an act and a part as JSON: see `start`.
"""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import uvloop

from faults.asking import LEASE, Ask, Habits, Order, Saying, enqueue, say
from faults.client import PAUSE, Caller
from faults.journal import Journal
from faults.limits import founded, limit_change, opened
from faults.settings import change, lifted
from support.wire_schema import Batch, DeliveryBody

PEOPLE = 4
"""Producers or workers in one process. An operator is alone in its own."""
HASTE = 0.03
"""The share of requests whose caller hangs up at once and then repeats them."""
TOIL = 0.005
MOST_NEW = 12
"""The largest batch of a producer."""
OK = 200
MOODS = {"usual": 75, "slow": 3, "asks again": 4, "extend": 5, "release": 7, "fail": 6}
"""How a worker treats its jobs, and how often."""
PATIENT = 2
"""Deliveries of a job that may be treated badly."""
REPEATED = {"finish": 0.03, "release": 0.2, "fail": 0.2, "extend": 0.2}
"""The share of what is said again though it was answered."""
FORGETFUL = 0.1
"""The share of orders with keys after which a producer repeats one that was answered."""
AT_LAST = 5
"""The orders with keys that a producer repeats in the end."""
OF_LIMITS = 0.2
"""The share of an operator's changes that are of shared limits."""
LIFETIME = 120
"""Seconds after which a process ends if nothing else ends it."""

Act: TypeAlias = Literal["produce", "work", "operate"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The task of one process of a crowd, and where it writes its record.

    An operator changes settings until SIGTERM, and then takes back what holds queues.
    Producers enqueue `jobs` jobs in about `duration` seconds, and end when each of them is
    acknowledged. Workers take up to `toil` seconds for a job, go on until SIGTERM, and end when
    what they have in hand is done. Some of either work in batches, some workers wait. With a
    `limit` they freeze that shared limit, to which each lease is charged.
    """

    act: Act
    name: str
    ports: tuple[int, ...]
    queue_type: str
    seed: int
    journal: str
    jobs: int = 0
    duration: float = 0.0
    toil: float = TOIL
    people: int = PEOPLE
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One producer or worker; `number` counts those of its process."""

    part: Part
    number: int
    caller: Caller
    chance: random.Random
    stop: asyncio.Event


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
            for number in range(part.people):
                group.create_task(_be_person(part, journal, number, stop))


async def _be_person(part: Part, journal: Journal, number: int, stop: asyncio.Event) -> None:
    chance = random.Random(f"{part.seed} {part.name} {number}")
    patience = chance.choice((0.5, 1.0, 6.0))
    async with Caller(part.ports, journal, chance, patience=patience, haste=HASTE) as caller:
        person = Person(part, number, caller, chance, stop)
        await ACTS[part.act](person)


async def _produce(producer: Person) -> None:
    part, chance = producer.part, producer.chance
    most = chance.choice((1, 1, MOST_NEW))
    started = time.monotonic()
    left = list(range(producer.number, part.jobs, part.people))
    keyed: list[Order] = []
    while left:
        size = chance.randint(1, most)
        batch, left = left[:size], left[size:]
        due = started + part.duration * batch[-1] / part.jobs
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        has_keys = chance.random() < 0.6
        order = enqueue(part.queue_type, batch, chance, is_batch=most > 1, has_keys=has_keys)
        await _insist_on(producer, order)
        if has_keys:
            keyed.append(order)
            if chance.random() < FORGETFUL:
                await _insist_on(producer, chance.choice(keyed))
    await asyncio.sleep(chance.uniform(0, 1))
    for order in chance.sample(keyed, min(AT_LAST, len(keyed))):  # most of their jobs are finished
        await _insist_on(producer, order)


async def _operate(operator: Person) -> None:
    """Change settings, and look at what became of it; in the end lift what holds queues."""
    part, chance, caller = operator.part, operator.chance, operator.caller
    for path, body in founded(part.queue_type):
        await caller.insist("PATCH", path, body)
    while not operator.stop.is_set():
        draw = limit_change if chance.random() < OF_LIMITS else change
        path, body = draw(part.queue_type, chance)
        await caller.insist("PATCH", path, body)
        if chance.random() < 0.5:
            await caller.insist("GET", path)
        await asyncio.sleep(chance.uniform(0, 0.06))
    for path, body in (*opened(part.queue_type), *lifted(part.queue_type)):
        await caller.insist("PATCH", path, body)


async def _insist_on(producer: Person, order: Order) -> None:
    await producer.caller.insist("POST", order.path, order.body, key=order.key)


async def _work(worker: Person) -> None:
    part, habits = worker.part, Habits.drawn(worker.chance)
    attempts = count()
    while not worker.stop.is_set():
        ask = habits.ask(part.queue_type, f"{part.name}-{worker.number}-{next(attempts)}")
        answer = await worker.caller.insist(ask.method, ask.path, ask.body, wait=ask.wait)
        if answer.status != OK:
            await asyncio.sleep(0 if habits.wait else PAUSE)
            continue
        many = habits.count is not None
        jobs = _many_jobs.decode(answer.body).jobs if many else [_one_job.decode(answer.body)]
        await _do(worker, jobs, ask if habits.repeats else None)


async def _do(worker: Person, jobs: Sequence[DeliveryBody], ask: Ask | None) -> None:
    """Work on jobs and say how it went. The first deliveries are sometimes treated badly.

    `ask` is the dequeue that gave the jobs, if it can be repeated.
    """
    chance = worker.chance
    held = [
        job for job in jobs if job.attempt > 1 or chance.random() >= 0.02
    ]  # the rest: forgotten
    if not held:
        return
    mood = "usual"
    if all(job.attempt <= PATIENT for job in held):
        [mood] = chance.choices(list(MOODS), list(MOODS.values()))
    await _toil(worker, held, mood, ask)
    saying: Saying = "release" if mood == "release" else "fail" if mood == "fail" else "finish"
    await _say(worker, saying, held)


async def _toil(worker: Person, jobs: Sequence[DeliveryBody], mood: str, ask: Ask | None) -> None:
    """Take as long for jobs as the mood of their worker says."""
    chance = worker.chance
    if mood == "asks again" and ask is not None:  # as one who lost the answer
        await worker.caller.ask(ask.method, ask.path, ask.body, wait=ask.wait)
    elif mood in {"slow", "extend"}:
        if mood == "extend":
            await _say(worker, "extend", jobs)
        await asyncio.sleep(LEASE / 1000 * chance.uniform(0.9, 1.4))
    elif any(job.attempt > 1 for job in jobs):  # has it while one who took too long may finish it
        await asyncio.sleep(LEASE / 1000 * chance.uniform(0, 0.5))
    else:
        await asyncio.sleep(sum(chance.uniform(0, worker.part.toil) for _ in jobs))


async def _say(worker: Person, saying: Saying, jobs: Sequence[DeliveryBody]) -> None:
    """Say the same of all jobs until it is answered, and sometimes once more."""
    part = worker.part
    path, body = say(saying, part.queue_type, jobs, worker.chance, limit=part.limit)
    await worker.caller.insist("POST", path, body)
    if worker.chance.random() < REPEATED[saying]:
        await worker.caller.ask("POST", path, body)


ACTS: Mapping[Act, Callable[[Person], Awaitable[None]]] = {
    "produce": _produce,
    "work": _work,
    "operate": _operate,
}

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_crowd(msgspec.json.decode(sys.argv[1], type=Part)))
