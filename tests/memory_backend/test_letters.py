"""What rows keep of dead letters and of totals."""

import pytest
from memory_backend.walk import KEPT, NOW, claim, copy_of

from sharq_memory.check import check_machine
from sharq_memory.machine import Machine
from sharq_memory.totals import TOTALS_KEPT, Counters
from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Deduplicate,
    Delivery,
    Extras,
    Fail,
    JobEntry,
    JobRef,
    Jobs,
    JobState,
    JobView,
    LetterRange,
    Letters,
    LettersMoved,
    LetterView,
    NewJob,
    Redrive,
    RequeueDelay,
    Retention,
    Take,
    Totals,
)

EXTRAS = Extras(
    priority=3,
    ttl=5000,
    requeue_delay=RequeueDelay(20, 3, 1000),
    deduplicate=Deduplicate("k", 10**6),
    cost={"job": 2, "tokens": 7},
    headers={"a": "b"},
)


def take_one(machine: Machine, now: int) -> Delivery:
    [answer] = machine.dequeue("t", [Take(1, 1000)], now, iter(["token"]))
    [job] = answer.jobs
    return job


def let_die(machine: Machine, job: NewJob, now: int = NOW) -> None:
    """Enqueue a job; it is failed for good at its first lease."""
    machine.enqueue("t", [job], now)
    machine.settle("t", [Fail(claim(take_one(machine, now)), "why", dead=True)], now)


def numbers(machine: Machine) -> list[int]:
    letters = machine.page("t", Letters(), None, 1000, NOW).items
    return [letter.number for letter in letters if isinstance(letter, LetterView)]


def test_a_letter_that_went_through_rows_is_redriven_as_it_was_enqueued() -> None:
    machine = Machine()
    machine.enqueue("t", [NewJob("q", "j", b"\0\xff", 7, 2, extras=EXTRAS)], NOW)
    for n in range(3):
        lease = take_one(machine, NOW + 100 * n)
        machine.settle("t", [Fail(claim(lease), "why")], NOW + 100 * n)
    copy = copy_of(machine)
    for each in (machine, copy):
        each.amend("t", [Redrive(JobRef("q", "j"))], NOW + 1000)
        check_machine(each, NOW + 1000)
        [job] = each.find("t", [JobRef("q", "j")], NOW + 1000, payloads=True)
        assert job == JobView(
            JobState.WAITING,
            attempt=0,
            requeues_remaining=2,
            enqueued_at=NOW,
            priority=3,
            position=0,
            cost=EXTRAS.cost,
            headers=EXTRAS.headers,
            payload=b"\0\xff",
            earliest_at=NOW + 1000,
        )
        assert each.tend(100, KEPT, NOW + 5999).more is False
        assert numbers(each) == []
        each.tend(100, KEPT, NOW + 6000)  # its ttl began anew
        assert numbers(each) == [2]


def test_the_next_letter_has_a_higher_number_although_the_latest_is_gone() -> None:
    machine = Machine()
    for n in range(3):
        let_die(machine, NewJob("q", f"j{n}", b"x", 0))
    assert machine.discard("t", LetterRange(after=1), 100, NOW) == LettersMoved(2)
    copy = copy_of(machine)
    for each in (machine, copy):
        let_die(each, NewJob("other", "j", b"x", 0))
        assert numbers(each) == [4, 1]


def test_a_type_whose_letters_are_gone_keeps_its_totals_for_a_day_also_as_rows() -> None:
    machine = Machine()
    let_die(machine, NewJob("q", "j", b"x", 0))
    machine.clear("t", Clear("q", ALL_STATES, counts=True), None, 100, NOW)
    counted = Totals(enqueued=1, dequeued=1, failed=1, dead=1, discarded=1)
    for each in (machine, copy_of(machine)):
        assert each.look("t", None, NOW + TOTALS_KEPT - 1).totals == counted
        assert each.look("t", None, NOW + TOTALS_KEPT).totals == Totals()
        let_die(each, NewJob("q", "j", b"x", 0), NOW + TOTALS_KEPT)
        assert numbers(each) == [1]


def test_tending_forgets_totals_that_have_ended_and_then_the_type() -> None:
    machine = Machine()
    let_die(machine, NewJob("q", "j", b"x", 0))
    machine.clear("t", Clear("q", ALL_STATES), None, 100, NOW)
    while machine.tend(100, KEPT, NOW + TOTALS_KEPT - 1).more:
        pass
    assert list(machine.types) == ["t"]
    assert not machine.tend(100, KEPT, NOW + TOTALS_KEPT).more
    assert not machine.types


def test_when_letters_are_looked_at_next_is_in_the_rows() -> None:
    machine = Machine()
    for n in range(5):
        let_die(machine, NewJob("q", f"j{n}", b"x", 0))
    assert machine.tend(2, Retention(max_count=1), NOW).more
    copy = copy_of(machine)
    for each in (machine, copy):
        each.tend(100, Retention(max_count=1), NOW)
        assert numbers(each) == [5]
    copy = copy_of(machine)
    for each in (machine, copy):
        each.tend(100, Retention(max_count=0), NOW + 3_599_999)
        assert numbers(each) == [5]
        each.tend(100, Retention(max_count=0), NOW + 3_600_000)
        assert numbers(each) == []


@pytest.mark.parametrize("deaths", [3, 2500])
def test_letters_of_one_job_id_go_one_by_one_the_newest_first_by_its_id(deaths: int) -> None:
    machine = Machine()
    for _ in range(deaths):
        let_die(machine, NewJob("q", "j", b"x", 0))
    page = machine.page("t", Jobs("q", JobState.DEAD), None, deaths, NOW)
    assert [item.job_id for item in page.items if isinstance(item, JobEntry)] == ["j"] * deaths
    machine.amend("t", [Redrive(JobRef("q", "j"))], NOW)
    assert numbers(machine) == [*range(deaths - 1, 0, -1)][:1000]
    machine.tend(1, Retention(max_count=0), NOW)
    assert numbers(machine) == [*range(deaths - 1, 1, -1)][:1000]
    check_machine(machine, NOW)


def test_totals_and_counters_have_the_same_fields_in_the_same_order() -> None:
    fields = Totals.__struct_fields__
    assert Counters.__struct_fields__[: len(fields)] == fields
