"""The machine under the memory store: a pure state machine whose state goes out and in as rows."""

import random
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sharq_memory.check import check_machine
from sharq_memory.machine import TYPES_A_STEP, Machine
from sharq_memory.rows import VERSION
from sharq_memory.tally import Tally
from sharq_plug.model import (
    Deduplicate,
    Extras,
    Finish,
    LeaseRef,
    NewJob,
    RequeueDelay,
    SetInterval,
    Take,
    Tended,
)
from sharq_plug.testing.model_check.values import NEW_JOB, SETTINGS, SETTLEMENTS, Fields

NOW = 1_700_000_000_000
TYPES = ["t", "u"]
VALUES: Fields = {
    "queue_id": ["b", "a", "a-", "10", "9"],
    "interval": [0, 0, 1, 50, 1000, 70_000, 10**9],
    "receipt_time": [100_000],
}
"""Fields with values of their own: these walks take longer steps than the model check."""
STEPS = 150
WALKS = 60


class Walk:
    """Calls drawn at random, given to several machines; all must answer the same."""

    def __init__(self, seed: int) -> None:
        self.machines = [Machine()]
        self.now = NOW
        self._chance = random.Random(seed)
        self._leases: list[tuple[str, LeaseRef]] = []
        self._tokens = 0
        self._latest = NOW

    def take_steps(self, steps: int) -> None:
        for _ in range(steps):
            call, *arguments = self._draw()
            answers = [self._ask(machine, call, *arguments) for machine in self.machines]
            assert all(answer == answers[0] for answer in answers), (call, arguments)
            self._latest = max(self._latest, self.now)
            for machine in self.machines:
                check_machine(machine, self._latest)

    def settle_down(self) -> None:
        """Tend until nothing is due."""
        for machine in self.machines:
            while machine.tend(100, self.now).more:
                pass

    def _draw(self) -> tuple[Any, ...]:
        chance = self._chance
        queue_type, queue_id = chance.choice(TYPES), chance.choice(VALUES["queue_id"])
        call: tuple[Any, ...]
        match chance.choice("EEEDDDDSSSSTTCIAAAB"):
            case "E":
                jobs = [self._job() for _ in range(3)]
                call = Machine.enqueue, queue_type, jobs
            case "D":
                takes = [self._take() for _ in range(chance.randint(1, 2))]
                call = Machine.dequeue, queue_type, takes
            case "S" if self._leases:
                queue_type, lease = chance.choice(self._leases[-20:])
                kind = chance.choice(list(SETTLEMENTS))
                item = kind(lease, **self._drawn(SETTLEMENTS[kind]))
                call = Machine.settle, queue_type, [item]
            case "C":
                clear = partial(Machine.clear, purge=chance.random() < 0.5)
                call = clear, queue_type, queue_id
            case "I":
                setting = chance.choice(list(SETTINGS))
                change = setting(queue_id, **self._drawn(SETTINGS[setting]))
                call = Machine.configure, queue_type, [change]
            case "A":
                self.now += chance.choice([1, 20, 200, 1000, 60_000, 600_000, 10**9])
                call = Machine.look, queue_type, queue_id
            case "B":
                self.now -= chance.choice([1, 50, 1000, 700_000])
                call = Machine.look, queue_type, queue_id
            case _:
                call = Machine.tend, chance.choice([1, 2, 100])
        return *call, self.now

    def _drawn(self, fields: Fields) -> dict[str, Any]:
        return {name: self._chance.choice(VALUES.get(name, fields[name])) for name in fields}

    def _job(self) -> NewJob:
        extras = self._extras() if self._chance.random() < 0.6 else None
        return NewJob(**self._drawn(NEW_JOB), extras=extras)

    def _extras(self) -> Extras:
        chance = self._chance
        delays = [None, None, 0, 20, 1000, 70_000]
        late = chance.choice([None, None, None, -50, 20, 1000])
        key = Deduplicate(chance.choice("kl"), chance.choice([20, 1000, 10**6]))
        return Extras(
            delay=chance.choice(delays) if late is None else None,
            at=None if late is None else self.now + late,
            priority=chance.choice([0, 0, 1, 9]),
            ttl=chance.choice([None, None, 1, 200, 70_000]),
            requeue_delay=chance.choice([None, RequeueDelay(20), RequeueDelay(20, 3, 1000)]),
            deduplicate=chance.choice([None, None, key]),
            cost=chance.choice([None, {"job": 2, "tokens": 100}]),
            headers=chance.choice([None, {"a": "b"}]),
        )

    def _take(self) -> Take:
        chance = self._chance
        lease_time = chance.choice([1, 20, 1000, 100_000])
        return Take(chance.choice([1, 1, 5]), lease_time, chance.choice([None, None, "x", "y"]))

    def _ask(self, machine: Machine, call: Any, *arguments: Any) -> object:
        if call is Machine.dequeue:
            tokens = numbered_tokens(self._tokens)
            queue_type, takes, now = arguments
            answers = machine.dequeue(queue_type, takes, now, tokens)
            if machine is self.machines[-1]:
                self._tokens = int(next(tokens))
                jobs = [job for answer in answers for job in answer.jobs]
                self._leases += [(queue_type, claim(job)) for job in jobs]
            return answers, machine.given
        answer = call(machine, *arguments)
        if isinstance(answer, Tended):
            by_type = sorted(answer.ended, key=lambda lease: lease.queue_type)
            answer = replace(answer, ended=tuple(by_type), more=False)
        return answer, machine.given


def claim(job: Any) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)


def numbered_tokens(number: int) -> Iterator[str]:
    return map(str, count(number))


def copy_of(machine: Machine) -> Machine:
    """Return the machine made of the rows of another, which went through bytes."""
    stored = [msgspec.msgpack.encode(row) for row in machine.rows()]
    return Machine.from_rows(msgspec.msgpack.decode(row) for row in stored)


def rows_of(machine: Machine) -> list[str]:
    """Return a machine's rows in an order that does not depend on its past."""
    return sorted(map(repr, machine.rows()))


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_machine_made_of_rows_answers_as_the_one_they_came_from(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(2):
        walk.take_steps(STEPS)
        [machine] = walk.machines
        machine.given.clear()
        copy = copy_of(machine)
        assert rows_of(copy) == rows_of(machine)
        walk.machines.append(copy)
        walk.take_steps(STEPS)
        walk.settle_down()
        assert rows_of(copy) == rows_of(machine)
        walk.machines.pop(0)


def test_a_walk_brings_each_kind_of_row() -> None:
    found = set[str]()
    for seed in range(5):
        walk = Walk(seed)
        walk.take_steps(STEPS)
        found.update(row[1] for row in walk.machines[0].rows())
    kinds_of_a_type = {"type", "queue", "job", "letter", "receipt", "attempt", "key"}
    assert found == {"machine", "tally"} | kinds_of_a_type


def test_each_row_holds_a_version_and_one_thing_of_bounded_size() -> None:
    machine = Machine()
    machine.enqueue("t", [NewJob("q", f"j{n}", b"x", 0) for n in range(1000)], NOW)
    machine.dequeue("t", [Take(1000, 1000, "a")], NOW, numbered_tokens(0))
    machine.enqueue("t", [NewJob("q", f"k{n}", b"x", 0) for n in range(1000)], NOW)
    rows = list(machine.rows())
    assert {row[0] for row in rows} == {VERSION}
    assert sum(row[1] == "job" for row in rows) == 2000
    assert max(len(msgspec.msgpack.encode(row)) for row in rows if row[1] != "attempt") < 100


@pytest.mark.parametrize(
    "row", [(VERSION + 1, "tally", *Tally().row()), (VERSION, "unheard-of", "t")]
)
def test_a_row_of_another_version_or_an_unknown_kind_is_refused(row: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="a row of"):
        Machine.from_rows([row])


def test_calls_that_queue_nothing_leave_no_state() -> None:
    machine = Machine()
    machine.enqueue("t", [NewJob("q", "j", b"x", 0, max_queued_length=0)], NOW)
    machine.dequeue("t", [Take(1, 1000, "attempt")], NOW, numbered_tokens(0))
    machine.settle("t", [Finish(LeaseRef("q", "j", "token"), 1000)], NOW)
    machine.configure("t", [SetInterval("q", 5)], NOW)
    machine.clear("t", "q", NOW, purge=True)
    assert not machine.types
    assert not machine.tend(100, NOW).more
    machine.enqueue("t", [NewJob("q", "j", b"x", 0)], NOW)
    before = rows_of(machine)
    machine.enqueue("t", [NewJob("other", "j", b"x", 0, max_queued_length=0)], NOW)
    assert rows_of(machine) == before


class CountingMachine(Machine):
    """Counts the types that it tends."""

    tended = 0

    def _tend_type(self, *arguments: Any) -> Any:
        self.tended += 1
        return super()._tend_type(*arguments)


def test_tending_visits_no_type_in_which_jobs_only_wait() -> None:
    machine = CountingMachine()
    for n in range(1000):
        machine.enqueue(f"t{n}", [NewJob("q", "j", b"x", 10**6)], NOW)
    for later in (0, 60_000, 600_000, 10**9):
        assert not machine.tend(100, NOW + later).more
    assert machine.tended == 0


def test_tending_visits_a_type_when_something_is_due_there() -> None:
    machine = CountingMachine()
    for n in range(1000):
        machine.enqueue(f"t{n}", [NewJob("q", "j", b"x", 0)], NOW)
    machine.dequeue("t7", [Take(1, 1000)], NOW, numbered_tokens(0))
    assert not machine.tend(100, NOW + 999).ended
    assert machine.tended == 0
    assert [lease.queue_type for lease in machine.tend(100, NOW + 1000).ended] == ["t7"]
    assert machine.tended == 1


def test_a_clock_that_steps_back_is_met_a_few_types_at_a_time() -> None:
    machine = CountingMachine()
    for n in range(10 * TYPES_A_STEP):
        machine.enqueue(f"t{n}", [NewJob("q", "j", b"x", 0)], NOW)
    steps = 1
    while machine.tend(100, NOW - 1000).more:
        steps += 1
        assert machine.tended <= steps * TYPES_A_STEP
    assert machine.tended == 10 * TYPES_A_STEP
    for n in range(10 * TYPES_A_STEP):
        [answer] = machine.dequeue(f"t{n}", [Take(1, 10)], NOW - 1000, numbered_tokens(n))
        assert answer.jobs
