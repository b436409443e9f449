"""Rows against a plain search: who may go, who goes first, and when to come back."""

import random
from collections.abc import Iterator
from math import inf

import pytest
from memory_backend.walk import KEPT, NOW, claim, numbered_tokens

from sharq_memory.check import check_machine
from sharq_memory.holds import uses_of
from sharq_memory.machine import Machine
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Delivery,
    Extras,
    Finish,
    Limit,
    NewJob,
    PatchLimit,
    PatchQueue,
    Release,
    Setting,
    SettingsPatch,
    Take,
    Use,
)

LIMITS = ["k", "l", "m"]
USES = [(), ("k",), ("l",), ("k", "l"), ("k", "m"), ("l", "m")]
QUEUES = [f"q{n}" for n in range(8)]
RULES = [
    SettingsPatch(limits=None, concurrency=None, paused=False),
    SettingsPatch(limits=(Limit(1, 20),), paused=False),
    SettingsPatch(limits=(Limit(2, 50, 3),), concurrency=3, paused=False),
    SettingsPatch(concurrency=1, limits=None),
    SettingsPatch(paused=True),
]


class Crossing:
    """Random steps on queues that use one or two of three limits."""

    def __init__(self, seed: int) -> None:
        self.machine = Machine()
        self.now = NOW
        self.moves = self.waits = self.served = 0
        self._chance = random.Random(seed)
        self._jobs: list[Delivery] = []
        self._ids = numbered_tokens(0)
        self.machine.configure("t", [PatchLimit(name) for name in LIMITS], NOW)

    @property
    def state(self) -> TypeState:
        state: TypeState = self.machine.types["t"]
        return state

    def step(self) -> None:
        chance = self._chance
        match chance.choice("EEEDDDDDDFFRACCUT"):
            case "E":
                uses = chance.choice([None, tuple(map(Use, chance.choice(USES)))])
                extras = Extras(uses=uses, delay=chance.choice([None, None, 30]))
                interval = chance.choice([0, 0, 10])
                job = NewJob(chance.choice(QUEUES), next(self._ids), b"x", interval, extras=extras)
                self.machine.enqueue("t", [job], self.now)
            case "D":
                self._dequeue()
            case ("F" | "R") as kind if self._jobs:
                lease = claim(self._jobs.pop(chance.randrange(len(self._jobs))))
                item = Finish(lease, 0) if kind == "F" else Release(lease)
                self.machine.settle("t", [item], self.now)
            case "C":
                self._configure(PatchLimit(chance.choice(LIMITS), chance.choice(RULES)))
            case "U":
                patch = SettingsPatch(uses=chance.choice([None, *USES]))
                self._configure(PatchQueue(chance.choice(QUEUES), patch))
            case "T":
                self.machine.tend(100, KEPT, self.now)
            case _:
                self.now += chance.choice([1, 7, 20])
        check_machine(self.machine, self.now)

    def _configure(self, change: Setting) -> None:
        self.machine.configure("t", [change], self.now)

    def _dequeue(self) -> None:
        ready = {queue.queue_id: queue for queue in self._ready()}
        places = {name: queue.place() for name, queue in ready.items()}
        benches = {row.names: row.bench for row in self.state.line.benches.rows.values()}
        [answer] = self.machine.dequeue("t", [Take(1, 10**9)], self.now, self._ids)
        after = {row.names: row.bench for row in self.state.line.benches.rows.values()}
        self.moves += sum(benches.get(names, bench) != bench for names, bench in after.items())
        if not answer.jobs:
            assert not ready
            self.waits += 1
            self._check_foreseen(answer.next_ready_at)
            return
        self.served += 1
        [job] = answer.jobs
        self._jobs.append(job)
        names = uses_of(self.state.queues[job.queue_id])
        same = [name for name, queue in ready.items() if uses_of(queue) == names]
        assert job.queue_id == min(same, key=places.__getitem__)

    def _check_foreseen(self, next_ready_at: int | None) -> None:
        """Raise AssertionError unless nothing can be ready before `next_ready_at`."""
        opens = [self._opens_at(queue) for queue in self._in_line()]
        assert min(opens, default=inf) >= (inf if next_ready_at is None else next_ready_at)

    def _ready(self) -> Iterator[Queue]:
        return (queue for queue in self._in_line() if self._opens_at(queue) <= self.now)

    def _in_line(self) -> Iterator[Queue]:
        queues = self.state.queues.values()
        return (queue for queue in queues if queue.ready_since is not None)

    def _opens_at(self, queue: Queue) -> float:
        limits = [self.state.limits[name] for name in uses_of(queue)]
        instants: list[float] = [limit.held_until(self.now) for limit in limits]
        return max(queue.ready_since or 0, *instants, 0)


@pytest.mark.parametrize("seed", range(30))
def test_a_dequeue_serves_a_row_in_order_and_misses_nobody(seed: int) -> None:
    crossing = Crossing(seed)
    for _ in range(400):
        crossing.step()
    assert crossing.served
    assert crossing.waits


def test_the_steps_move_rows() -> None:
    crossing = Crossing(0)
    for _ in range(3000):
        crossing.step()
    assert crossing.moves > 10
