"""The memory store against the rules, and against its own invariants."""

from collections.abc import Callable

import pytest
from model.broken_memory import FAULTS, Fault
from model.running import (
    SEQUENCES,
    in_the_long_run,
    rarely_met,
    run_all,
    run_in_vain,
    run_until_caught,
)

from sharq_memory.due import Due
from sharq_memory.store import MemoryStore
from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import AnswersDiffer, RulesBroken, StoreMachine, model_check


def check_invariants(store: QueueStore) -> None:
    assert isinstance(store, MemoryStore)
    store._check()


def test_the_memory_store_keeps_every_rule_and_its_own_invariants() -> None:
    run_all(
        model_check(
            lambda clock: plugins.open_store("memory", clock=clock),
            reference=None,
            inspect=check_invariants,
            patience=0,
        ),
        SEQUENCES // 5,
    )


class OneTypeAtATime(Due):
    def first(self, now: int, limit: int) -> list[str]:
        return super().first(now, 1)


class OneTypeAStep(MemoryStore):
    """A good store that tends one type in each call, and says that there is more."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._machine._due = OneTypeAtATime()


def test_a_store_may_leave_out_types_in_a_step_of_tending() -> None:
    run_all(model_check(OneTypeAStep, patience=0), SEQUENCES // 10)


def those(chosen: Callable[[Fault], bool]) -> pytest.MarkDecorator:
    faults = [fault for fault in FAULTS.values() if chosen(fault)]
    return pytest.mark.parametrize(
        "fault",
        [pytest.param(fault, id=fault.name, marks=rarely_met(fault.name)) for fault in faults],
    )


def compared_only(fault: Fault) -> type[StoreMachine]:
    """Return a machine that compares answers, and does not judge them."""

    machine = model_check(fault.open, patience=0, settings=fault.is_of_settings)

    class ComparedOnly(machine):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self._twins.check = self._twins.check_all = lambda: None

    return ComparedOnly


@in_the_long_run
@those(lambda fault: fault.differs)
def test_a_broken_store_differs_from_its_reference(fault: Fault) -> None:
    with pytest.raises(AnswersDiffer):
        run_until_caught(compared_only(fault))


@those(lambda fault: bool(fault.rules))
def test_a_broken_store_is_caught_by_its_history_alone(fault: Fault) -> None:
    with pytest.raises(RulesBroken) as broken:
        run_until_caught(
            model_check(fault.open, reference=None, patience=0, settings=fault.is_of_settings)
        )
    assert fault.rules & {violation.rule for violation in broken.value.violations}


@those(lambda fault: not fault.rules)
def test_a_fault_that_escapes_the_model_check_is_said_to(fault: Fault) -> None:
    run_in_vain(model_check(fault.open, patience=0))
