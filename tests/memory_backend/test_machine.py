"""The machine under the memory store: a pure state machine whose state goes out and in as rows."""

from typing import Any

import msgspec
import pytest
from memory_backend.walk import KEPT, NOW, Walk, copy_of, numbered_tokens, rows_of

from sharq_memory.machine import TYPES_A_STEP, Machine
from sharq_memory.rows import VERSION
from sharq_memory.tally import Tally
from sharq_plug.model import ALL_STATES, Clear, Finish, LeaseRef, NewJob, SetInterval, Take

STEPS = 150
WALKS = 60


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
    for seed in range(10):
        walk = Walk(seed)
        walk.take_steps(STEPS)
        found.update(row[1] for row in walk.machines[0].rows())
    of_queues = {"limit", "queue", "row", "job", "letter"}
    assert found == {"machine", "tally", "type", "receipt", "attempt", "key"} | of_queues


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
    machine.clear("t", Clear("q", ALL_STATES, counts=True), None, 100, NOW)
    assert not machine.types
    assert not machine.tend(100, KEPT, NOW).more
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
        assert not machine.tend(100, KEPT, NOW + later).more
    assert machine.tended == 0


def test_tending_visits_a_type_when_something_is_due_there() -> None:
    machine = CountingMachine()
    for n in range(1000):
        machine.enqueue(f"t{n}", [NewJob("q", "j", b"x", 0)], NOW)
    machine.dequeue("t7", [Take(1, 1000)], NOW, numbered_tokens(0))
    assert not machine.tend(100, KEPT, NOW + 999).ended
    assert machine.tended == 0
    assert [lease.queue_type for lease in machine.tend(100, KEPT, NOW + 1000).ended] == ["t7"]
    assert machine.tended == 1


def test_a_clock_that_steps_back_is_met_a_few_types_at_a_time() -> None:
    machine = CountingMachine()
    for n in range(10 * TYPES_A_STEP):
        machine.enqueue(f"t{n}", [NewJob("q", "j", b"x", 0)], NOW)
    steps = 1
    while machine.tend(100, KEPT, NOW - 1000).more:
        steps += 1
        assert machine.tended <= steps * TYPES_A_STEP
    assert machine.tended == 10 * TYPES_A_STEP
    for n in range(10 * TYPES_A_STEP):
        [answer] = machine.dequeue(f"t{n}", [Take(1, 10)], NOW - 1000, numbered_tokens(n))
        assert answer.jobs
