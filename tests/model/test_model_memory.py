"""The memory store against the rules, and against its own invariants."""

import pytest
from model.broken_memory import FAULTS, Fault
from model.running import SEQUENCES, run_all, run_until_caught

from sharq_memory.store import MemoryStore
from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing.model_check import AnswersDiffer, RulesBroken, model_check


def check_invariants(store: QueueStore) -> None:
    assert isinstance(store, MemoryStore)
    store._check()


def test_the_memory_store_keeps_every_rule_and_its_own_invariants() -> None:
    run_all(
        model_check(
            lambda clock: plugins.open_store("memory", clock=clock),
            reference=None,
            watch=check_invariants,
        ),
        SEQUENCES // 5,
    )


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_broken_store_differs_from_its_reference(fault: Fault) -> None:
    with pytest.raises(AnswersDiffer):
        run_until_caught(model_check(fault.open))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_broken_store_is_caught_by_its_history_alone(fault: Fault) -> None:
    with pytest.raises(RulesBroken) as broken:
        run_until_caught(model_check(fault.open, reference=None))
    assert fault.rules & {violation.rule for violation in broken.value.violations}
