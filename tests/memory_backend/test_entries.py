"""Entries: a shared limit costs the line one place, however many queues wait for it."""

import pytest
from memory_backend.test_held_queues import FEW, MANY, calls_in
from memory_backend.walk import KEPT, NOW, copy_of, numbered_tokens, rows_of

from sharq_memory.check import check_machine
from sharq_memory.defaults import version_of
from sharq_memory.machine import Machine
from sharq_plug.model import (
    DropLimit,
    Extras,
    Limit,
    NewJob,
    PatchLimit,
    PatchType,
    Setting,
    SettingsPatch,
    SharedLimits,
    Take,
    Use,
)

CLOSED = {
    "limit": (SettingsPatch(limits=(Limit(1, 10**9),)), None),
    "concurrency": (SettingsPatch(concurrency=1), None),
    "paused": (SettingsPatch(paused=True), None),
    "frozen": (SettingsPatch(), 10**9),
}


def enqueue(machine: Machine, *queue_ids: str, uses: str = "", now: int = NOW) -> None:
    extras = Extras(uses=tuple(map(Use, uses))) if uses else None
    for queue_id in queue_ids:
        machine.enqueue("t", [NewJob(queue_id, "j", b"x", 0, extras=extras)], now)


def dequeue(machine: Machine, count: int = 1, now: int = NOW) -> list[str]:
    tokens = numbered_tokens(machine.types["t"].totals.dequeued)
    [answer] = machine.dequeue("t", [Take(count, 10**9)], now, tokens)
    return [job.queue_id for job in answer.jobs]


def configure(machine: Machine, *changes: Setting) -> None:
    machine.configure("t", changes, NOW)


def crowd(queues: int) -> Machine:
    """Return a machine with so many queues that use one shared limit."""
    machine = Machine()
    configure(machine, PatchLimit("l"))
    enqueue(machine, "first", uses="l")
    enqueue(machine, *(f"held{n}" for n in range(queues)), uses="l")
    return machine


def calls_of_dequeue(machine: Machine) -> int:
    return calls_in(lambda: dequeue(machine))


def calls_of_change(machine: Machine, *changes: Setting) -> int:
    return calls_in(lambda: configure(machine, *changes))


@pytest.mark.parametrize("hold", CLOSED)
def test_queues_behind_a_closed_limit_cost_the_others_nothing(hold: str) -> None:
    few, many = crowd(FEW), crowd(MANY)
    patch, freeze = CLOSED[hold]
    calls = [calls_of_change(machine, PatchLimit("l", patch, freeze)) for machine in (few, many)]
    assert abs(calls[0] - calls[1]) <= 10
    for machine in (few, many):
        dequeue(machine)
        enqueue(machine, "free", "other")
    calls = [calls_of_dequeue(machine) for machine in (few, many)]
    assert abs(calls[0] - calls[1]) <= 10
    assert dequeue(many, 2) == ["other"]
    check_machine(many, NOW)


def test_an_open_limit_costs_a_dequeue_the_same_whoever_waits() -> None:
    few, many = (calls_of_dequeue(crowd(queues)) for queues in (FEW, MANY))
    assert abs(few - many) <= 20


def test_a_look_at_a_limit_and_a_drop_look_at_no_queue() -> None:
    few, many = crowd(FEW), crowd(MANY)
    shown = [calls_of_look(machine) for machine in (few, many)]
    dropped = [calls_of_change(machine, DropLimit("l")) for machine in (few, many)]
    assert shown[0] == shown[1]
    assert dropped[0] == dropped[1]


def calls_of_look(machine: Machine) -> int:
    return calls_in(lambda: machine.page("t", SharedLimits(), None, 10, NOW))


def test_a_walk_of_changed_defaults_goes_from_the_line_through_the_rows() -> None:
    machine = Machine()
    configure(machine, *(PatchLimit(name, SettingsPatch(paused=True)) for name in "klm"))
    for nth, uses in enumerate(["k", "m", "kl", "lm", ""]):
        enqueue(machine, *(f"{nth}-{n}" for n in range(4)), uses=uses)
    configure(machine, PatchType(defaults=SettingsPatch(weight=2)))
    seen = list[str]()
    for _ in range(12):
        machine.tend(3, KEPT, NOW)
        check_machine(machine, NOW)
        state = machine.types["t"]
        taken_up = {name for name in state.queues if version_of(state.queues[name])} - {*seen}
        assert len(taken_up) <= 3
        seen += sorted(taken_up, key=lambda name: "40231".index(name[0]))
        machine = copy_of(machine)
    groups = [name[0] for name in seen]
    assert groups == [group for group in "40231" for _ in range(4)]
    assert not machine.tend(3, KEPT, NOW).more


def test_rows_keep_where_they_stand_and_what_a_limit_owes() -> None:
    machine = Machine()
    configure(machine, *(PatchLimit(name) for name in "kl"))
    configure(machine, PatchLimit("l", SettingsPatch(limits=(Limit(1, 100, 2),))))
    enqueue(machine, "a", "b", "c", uses="kl")
    enqueue(machine, "d", uses="k")
    assert dequeue(machine, 4) == ["a", "b", "d"]
    benches = machine.types["t"].line.benches
    assert benches.rows["k", "l"].bench == "l"
    machine.given.clear()
    copy = copy_of(machine)
    check_machine(copy, NOW)
    assert rows_of(copy) == rows_of(machine)
    assert copy.types["t"].line.benches.rows["k", "l"].bench == "l"
    assert dequeue(copy, now=NOW + 99) == []
    assert dequeue(copy, now=NOW + 100) == ["c"]


def test_a_type_with_a_shared_limit_stays_until_it_is_dropped() -> None:
    machine = Machine()
    configure(machine, PatchLimit("l"))
    later = NOW + 10**10
    assert not machine.tend(10, KEPT, later).more
    assert "t" in machine.types
    machine.configure("t", [DropLimit("l")], later)
    machine.tend(10, KEPT, later)
    assert not machine.types
