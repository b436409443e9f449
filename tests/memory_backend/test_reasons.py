"""Why a job is dead: the verb's reason goes before that of the ttl where no requeue is left."""

from collections.abc import Callable
from typing import Any

import pytest

from sharq_memory.machine import Machine
from sharq_plug.model import Extras, Fail, LeaseRef, NewJob, Release, Retention, Take

NOW = 1_700_000_000_000
END = NOW + 100

Ending = Callable[[Machine, LeaseRef], Any]


def fail(machine: Machine, lease: LeaseRef) -> None:
    machine.settle("t", [Fail(lease, "why")], END)


def fail_for_good(machine: Machine, lease: LeaseRef) -> None:
    machine.settle("t", [Fail(lease, "why", dead=True)], END)


def release(machine: Machine, lease: LeaseRef) -> None:
    machine.settle("t", [Release(lease)], END)


def expire(machine: Machine, lease: LeaseRef) -> None:
    machine.tend(100, Retention(), END)


def release_early(machine: Machine, lease: LeaseRef) -> None:
    machine.settle("t", [Release(lease)], NOW)
    machine.tend(100, Retention(), END)


def release_early_and_dequeue(machine: Machine, lease: LeaseRef) -> None:
    machine.settle("t", [Release(lease)], NOW)
    machine.dequeue("t", [Take(1, 100)], END, iter(["b"]))


@pytest.mark.parametrize(
    ("end", "requeues", "reason"),
    [
        (fail, 0, "failed"),
        (fail, 1, "expired"),
        (fail, -1, "expired"),
        (fail_for_good, 0, "failed"),
        (fail_for_good, 5, "failed"),
        (release, 0, "expired"),
        (release, 5, "expired"),
        (expire, 0, "requeues_exhausted"),
        (expire, 1, "expired"),
        (expire, -1, "expired"),
        (release_early, 0, "expired"),
        (release_early_and_dequeue, 0, "expired"),
    ],
)
def test_a_job_whose_ttl_has_passed_is_dead_for_this_reason(
    end: Ending, requeues: int, reason: str
) -> None:
    machine = Machine()
    machine.enqueue("t", [NewJob("q", "j", b"x", 0, requeues, extras=Extras(ttl=100))], NOW)
    machine.dequeue("t", [Take(1, 100)], NOW, iter(["a"]))
    end(machine, LeaseRef("q", "j", "a"))
    [letter] = machine.types["t"].dead.by_number.values()
    assert (letter.reason.value, letter.died_at) == (reason, END)


@pytest.mark.parametrize(("errors", "last"), [(["one", "two"], "two"), (["one", None], None)])
def test_a_dead_letter_tells_the_latest_error(errors: list[str | None], last: str | None) -> None:
    machine = Machine()
    machine.enqueue("t", [NewJob("q", "j", b"x", 0, 1)], NOW)
    for token, error in zip("ab", errors, strict=True):
        machine.dequeue("t", [Take(1, 100)], NOW, iter([token]))
        machine.settle("t", [Fail(LeaseRef("q", "j", token), error)], NOW)
    [letter] = machine.types["t"].dead.by_number.values()
    assert (letter.reason.value, letter.error, letter.attempts) == ("failed", last, 2)


def test_a_fail_says_why_also_when_the_lease_expires_next() -> None:
    machine = Machine()
    machine.enqueue("t", [NewJob("q", "j", b"x", 0, 1)], NOW)
    machine.dequeue("t", [Take(1, 100)], NOW, iter(["a"]))
    machine.settle("t", [Fail(LeaseRef("q", "j", "a"), "why")], NOW)
    machine.dequeue("t", [Take(1, 100)], NOW, iter(["b"]))
    machine.tend(100, Retention(), END)
    [letter] = machine.types["t"].dead.by_number.values()
    assert (letter.reason.value, letter.error) == ("requeues_exhausted", "why")
