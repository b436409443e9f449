"""Steps are bounded, whatever the numbers."""

import pytest
from memory_backend.walk import KEPT, NOW, claim, numbered_tokens

from sharq_memory.check import check_machine
from sharq_memory.defaults import version_of
from sharq_memory.machine import MOVES_A_STEP, Machine
from sharq_plug.model import (
    ALL_STATES,
    LIVING,
    MAX_DROPS,
    Clear,
    Cleared,
    Extras,
    Fail,
    Jobs,
    JobState,
    NewJob,
    PatchType,
    Queues,
    Retention,
    SettingsPatch,
    Take,
    TypeView,
)

LIMIT = 200
MANY = 5000


def machine_with(queues: int, *, jobs: int, extras: Extras | None = None) -> Machine:
    machine = Machine()
    for start in range(0, jobs, 1000):
        names = ((f"q{n % queues}", f"j{n}") for n in range(start, start + 1000))
        new = [NewJob(queue_id, job_id, b"x", 0, extras=extras) for queue_id, job_id in names]
        machine.enqueue("t", new, NOW)
    return machine


def let_all_die(machine: Machine) -> None:
    tokens = numbered_tokens(0)
    while True:
        [answer] = machine.dequeue("t", [Take(1000, 1000)], NOW, tokens)
        if not answer.jobs:
            break
        machine.settle("t", [Fail(claim(job), dead=True) for job in answer.jobs], NOW)


def steps_of(machine: Machine, what: Clear) -> list[Cleared]:
    steps, cursor = list[Cleared](), None
    while not steps or cursor is not None:
        steps.append(machine.clear("t", what, cursor, LIMIT, NOW))
        cursor = steps[-1].cursor
    check_machine(machine, NOW)
    return steps


def test_a_type_is_cleared_a_few_queues_at_a_time() -> None:
    machine = machine_with(MANY, jobs=MANY)
    steps = steps_of(machine, Clear(counts=True))
    assert [step.waiting for step in steps] == [LIMIT] * (MANY // LIMIT)
    view = machine.look("t", None, NOW).type
    assert view == TypeView("t")


@pytest.mark.parametrize(
    ("states", "extras"),
    [
        ({JobState.WAITING}, None),
        ({JobState.WAITING, JobState.DELAYED}, Extras(delay=1000)),
        (LIVING - {JobState.LEASED}, Extras(priority=9)),
    ],
)
def test_jobs_in_some_states_go_a_few_at_a_time(
    states: frozenset[JobState], extras: Extras | None
) -> None:
    machine = machine_with(1, jobs=MANY, extras=extras)
    steps = steps_of(machine, Clear("q0", states))
    assert [step.waiting + step.delayed for step in steps] == [LIMIT] * (MANY // LIMIT)


def test_a_large_queue_goes_at_once_and_is_freed_a_little_at_a_time() -> None:
    machine = machine_with(1, jobs=MANY)
    [step] = steps_of(machine, Clear("q0"))
    assert step.waiting == MANY
    tends = 1
    while machine.tend(LIMIT, KEPT, NOW).more:
        tends += 1
    assert tends == 2 * MANY // LIMIT  # each job stands among all jobs, and among those that wait


def test_dead_letters_are_dropped_a_few_at_a_time() -> None:
    machine = machine_with(7, jobs=MANY)
    let_all_die(machine)
    left = MANY
    while left:
        more = machine.tend(LIMIT, Retention(max_count=0), NOW).more
        left -= MAX_DROPS
        view = machine.look("t", None, NOW).type
        assert view is not None
        assert (view.dead, more) == (left, left > 0)


def test_many_types_with_much_to_do_are_tended_a_few_in_each_call() -> None:
    machine = Machine()
    for n in range(20):
        jobs = [NewJob("q", f"j{job}", b"x", 0) for job in range(LIMIT)]
        machine.enqueue(f"t{n}", jobs, NOW)
        machine.dequeue(f"t{n}", [Take(1000, 1000)], NOW, numbered_tokens(LIMIT * n))
    ended, more = set[str](), True
    while more:
        tended = machine.tend(LIMIT, KEPT, NOW + 1000)
        ended |= {lease.token for lease in tended.ended}
        assert len(tended.ended) < MOVES_A_STEP + LIMIT
        more = tended.more
        check_machine(machine, NOW + 1000)
    assert len(ended) == 20 * LIMIT


def test_changed_defaults_of_many_types_reach_a_few_queues_in_each_call() -> None:
    machine = Machine()
    for n in range(20):
        machine.enqueue(f"t{n:02}", [NewJob(f"q{q}", "j", b"x", 0) for q in range(LIMIT)], NOW)
        changed = PatchType(defaults=SettingsPatch(concurrency=1))
        machine.configure(f"t{n:02}", [changed], NOW)
    left, more = 20 * LIMIT, True
    while more:
        more = machine.tend(LIMIT, KEPT, NOW).more
        before, left = left, pending_in(machine)
        assert 0 <= before - left < MOVES_A_STEP + LIMIT
        check_machine(machine, NOW)
    assert left == 0


def pending_in(machine: Machine) -> int:
    """Return how many queues have not taken up the defaults of their type."""
    return sum(
        version_of(queue) != state.defaults.version
        for state in machine.types.values()
        if state.defaults is not None
        for queue in state.queues.values()
    )


def test_a_long_walk_of_changed_defaults_keeps_no_other_type_waiting() -> None:
    machine = Machine()
    machine.enqueue("z", [NewJob("q", "j", b"x", 0)], NOW)
    machine.dequeue("z", [Take(1, 999)], NOW, numbered_tokens(0))
    for n in range(3):
        machine.enqueue(f"t{n}", [NewJob(f"q{q}", "j", b"x", 0) for q in range(MANY)], NOW)
        changed = PatchType(defaults=SettingsPatch(concurrency=1))
        machine.configure(f"t{n}", [changed], NOW)
    tended = [machine.tend(MOVES_A_STEP, KEPT, NOW + 1000 + step) for step in range(4)]
    assert sum(len(one.ended) for one in tended) == 1
    assert pending_in(machine) > 0


def test_dead_letters_are_cleared_a_few_at_a_time() -> None:
    machine = machine_with(MANY // 3, jobs=MANY)
    let_all_die(machine)
    steps = steps_of(machine, Clear(states=ALL_STATES))
    assert sum(step.dead for step in steps) == MANY
    assert max(step.dead for step in steps) == LIMIT


def test_a_prefix_that_few_queues_have_looks_at_no_others() -> None:
    machine = machine_with(MANY, jobs=MANY)
    page = machine.page("t", Queues("q499"), None, LIMIT, NOW)
    assert (len(page.items), page.cursor) == (11, None)


def test_jobs_of_a_state_are_found_behind_many_of_another() -> None:
    machine = machine_with(1, jobs=MANY, extras=Extras(delay=10))
    machine.enqueue("t", [NewJob("q0", "late", b"x", 0, extras=Extras(delay=1000))], NOW)
    page = machine.page("t", Jobs("q0", JobState.DELAYED), None, LIMIT, NOW + 10)
    assert len(page.items) == 1
    cleared = machine.clear("t", Clear("q0", {JobState.DELAYED}), None, LIMIT, NOW + 10)
    assert cleared == Cleared(delayed=1)
