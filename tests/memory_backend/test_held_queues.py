"""Queues that are held cost the others nothing, and rows keep what distinguishes a queue."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from memory_backend.walk import KEPT, NOW, claim, copy_of, numbered_tokens, rows_of

from sharq_memory.check import check_machine
from sharq_memory.holds import owes_until
from sharq_memory.machine import Machine
from sharq_plug.model import (
    MAX_HEADS,
    Finish,
    Limit,
    NewJob,
    PatchQueue,
    PatchType,
    QueueRules,
    SettingsPatch,
    Take,
)

FEW, MANY = 20, 5000
HOLDS = {
    "limit": SettingsPatch(limits=(Limit(1, 10**9),)),
    "concurrency": SettingsPatch(concurrency=1),
    "paused": SettingsPatch(paused=True),
}
ON_TOP = SettingsPatch(weight=2)


def enqueue(machine: Machine, *queue_ids: str, interval: int | None = 0) -> None:
    jobs = [NewJob(queue_id, f"j{n}", b"x", interval) for queue_id in queue_ids for n in range(3)]
    for at in range(0, len(jobs), 1000):
        machine.enqueue("t", jobs[at : at + 1000], NOW)


def dequeue(machine: Machine, count: int, now: int = NOW) -> list[str]:
    tokens = numbered_tokens(machine.types["t"].totals.dequeued)
    [answer] = machine.dequeue("t", [Take(count, 10**6)], now, tokens)
    return [job.queue_id for job in answer.jobs]


def with_held(queues: int, hold: str) -> Machine:
    """Return a machine with so many queues that are held, and one that is not."""
    machine = Machine()
    names = [f"held-{n}" for n in range(queues)]
    enqueue(machine, *names)
    machine.configure("t", [PatchQueue(name, HOLDS[hold]) for name in names], NOW)
    for _ in range(0, queues, 1000):
        dequeue(machine, 1000)
    enqueue(machine, "free")
    return machine


def calls_in(work: Callable[[], object]) -> int:
    """Return how many functions run while `work` does."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("hold", HOLDS)
def test_a_dequeue_meets_no_queue_that_is_held(hold: str) -> None:
    few, many = (with_held(queues, hold) for queues in (FEW, MANY))
    assert calls_in(lambda: dequeue(many, 1)) <= calls_in(lambda: dequeue(few, 1)) + 10
    assert dequeue(many, 2) == ["free", "free"]


def test_a_closed_gate_costs_a_dequeue_less_than_a_job() -> None:
    machine = with_held(FEW, "paused")
    machine.configure("t", [PatchType(SettingsPatch(concurrency=1))], NOW)
    open_calls, closed_calls = (calls_in(lambda: dequeue(machine, 1)) for _ in range(2))
    assert closed_calls < open_calls
    assert machine.types["t"].totals.leased == 1


def test_a_dequeue_moves_a_bounded_number_of_heads() -> None:
    machine = Machine()
    enqueue(machine, *(f"q{n}" for n in range(MAX_HEADS + 500)))
    dequeue(machine, MAX_HEADS)
    dequeue(machine, 500)
    changed = PatchType(defaults=SettingsPatch(limits=(Limit(1, 5000),)))
    machine.configure("t", [changed], NOW + 1)
    takes = [Take(1, 1000), Take(1, 1000)]
    for expected in ([NOW + 1] * 2, [NOW + 5000] * 2):
        answers = machine.dequeue("t", takes, NOW + 1, numbered_tokens(10**6))
        assert [answer.next_ready_at for answer in answers] == expected
        assert not any(answer.jobs for answer in answers)
        check_machine(machine, NOW + 1)


def test_tend_takes_up_defaults_a_few_queues_at_a_time() -> None:
    machine = Machine()
    names = [f"q{n}" for n in range(50)]
    enqueue(machine, *names)
    machine.configure("t", [PatchType(defaults=SettingsPatch(concurrency=2))], NOW)
    for step in range(5):
        assert pending(machine, names) == 50 - 10 * step
        machine.tend(10, KEPT, NOW)
        check_machine(machine, NOW)
    assert pending(machine, names) == 0
    machine.tend(10, KEPT, NOW)
    assert not machine.tend(10, KEPT, NOW).more


def pending(machine: Machine, names: list[str]) -> int:
    rules = [machine.look("t", name, NOW).rules for name in names]
    return sum(isinstance(rule, QueueRules) and rule.pending for rule in rules)


@pytest.mark.parametrize("hold", HOLDS)
def test_a_queue_is_plain_again_when_nothing_distinguishes_it(hold: str) -> None:
    machine = Machine()
    enqueue(machine, "q", interval=50)
    dequeue(machine, 1)
    machine.configure("t", [PatchQueue("q", HOLDS[hold], freeze=7)], NOW)
    queue = machine.types["t"].queues["q"]
    assert queue.terms is not None
    assert queue.last is None
    back = SettingsPatch(limits=None, concurrency=None, paused=None)
    machine.configure("t", [PatchQueue("q", back, freeze=0)], NOW)
    assert queue.terms is None
    assert (queue.interval, queue.ready_since) == (50, NOW + 50)
    assert owes_until(queue) == NOW + 50


def test_rows_keep_turns_debts_and_an_open_end() -> None:
    machine = Machine()
    enqueue(machine, "a", "b", "c")
    limits = (Limit(5, 1000, 9), Limit(3, 1000, 7, "token"))
    machine.configure("t", [PatchQueue("a", SettingsPatch(limits=limits, weight=3))], NOW)
    machine.configure("t", [PatchQueue("b", SettingsPatch(paused=True))], NOW)
    machine.configure("t", [PatchQueue("nothing", SettingsPatch(max_length=5))], NOW)
    machine.configure("t", [PatchType(SettingsPatch(concurrency=4), ON_TOP, freeze=0)], NOW)
    assert dequeue(machine, 2) == ["a", "a"]
    machine.given.clear()
    copy = copy_of(machine)
    check_machine(copy, NOW)
    assert rows_of(copy) == rows_of(machine)
    assert dequeue(copy, 5) == dequeue(machine, 5) == ["a", "c"]
    assert copy.look("t", "nothing", NOW) == machine.look("t", "nothing", NOW)
    assert copy.given == machine.given


def test_a_type_is_forgotten_when_its_last_setting_is_taken_back() -> None:
    machine = Machine()
    machine.configure("t", [PatchType(SettingsPatch(paused=True), ON_TOP)], NOW)
    machine.configure("t", [PatchQueue("q", SettingsPatch(weight=2), freeze=50)], NOW)
    assert not machine.tend(10, KEPT, NOW + 10**9).more
    back = SettingsPatch(weight=None)
    machine.configure("t", [PatchType(SettingsPatch(paused=None), back)], NOW)
    machine.configure("t", [PatchQueue("q", back)], NOW)
    machine.tend(10, KEPT, NOW)
    assert list(machine.types) == ["t"]
    machine.tend(10, KEPT, NOW + 50)
    assert not machine.types


def test_a_finish_opens_a_gate_for_whoever_is_first_in_line() -> None:
    machine = Machine()
    enqueue(machine, "a", "b")
    machine.configure("t", [PatchType(SettingsPatch(concurrency=1))], NOW)
    [answer] = machine.dequeue("t", [Take(1, 1000)], NOW, numbered_tokens(0))
    machine.given.clear()
    machine.enqueue("t", [NewJob("c", "j", b"x", 0)], NOW + 5)
    assert not machine.given
    machine.settle("t", [Finish(claim(answer.jobs[0]), 1000)], NOW + 10)
    assert machine.given == {"t": (NOW, None)}


def test_a_type_of_which_a_freeze_was_all_is_forgotten_when_it_has_ended() -> None:
    machine = Machine()
    machine.configure("t", [PatchType(freeze=70)], NOW)
    check_machine(machine, NOW)
    for later in (69, 70):
        machine.dequeue("t", [Take(1, 100)], NOW + later, numbered_tokens(0))
        check_machine(machine, NOW + later)
        machine.tend(10, KEPT, NOW + later)
        assert list(machine.types) == (["t"] if later < 70 else [])
