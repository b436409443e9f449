"""The checker on histories of which much is unknown: it must not cry wolf, and not be blind."""

import random
from collections.abc import Sequence

import pytest
from model.blurring import blurred, unfinished
from model.broken_memory import FAULTS
from model.running import SEQUENCES, in_the_long_run, rarely_met, run_all, run_until_caught
from model.setting_faults import SETTING_AREAS
from model.shared_faults import SHARED_AREAS

from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import OpenStore, StoreMachine, check

BLURS = 3
SEEN_DIMLY = [
    name for name, fault in FAULTS.items() if fault.sees_little and fault.area not in SETTING_AREAS
]
"""The faults that break a rule which overlapping calls cannot excuse. Crowds find the others."""


def marks_of(fault: str) -> Sequence[pytest.MarkDecorator]:
    """Return the marks of a fault. Crowds find those of shared limits in each run."""
    return [in_the_long_run] if FAULTS[fault].area in SHARED_AREAS else rarely_met(fault)


def open_memory(clock: ManualClock) -> QueueStore:
    return plugins.open_store("memory", clock=clock)


def dim_machine(open_store: OpenStore, *, blurs: int) -> type[StoreMachine]:
    """Return a machine that checks how its walk looks to those who do not see all of it."""

    class DimMachine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(open_store, None, None, None, patience=0)

        def teardown(self) -> None:
            self._run(self._walk.compare_state())
            self._run(self._twins.close())
            self._runner.close()
            history = self.history()
            assert not check(unfinished(history))
            for seed in range(blurs):
                assert not check(blurred(history, random.Random(seed)))

    return DimMachine


def test_what_was_legal_stays_legal_however_little_is_seen_of_it() -> None:
    run_all(dim_machine(open_memory, blurs=BLURS), SEQUENCES // 5)


@pytest.mark.parametrize("fault", [pytest.param(name, marks=marks_of(name)) for name in SEEN_DIMLY])
def test_a_fault_shows_though_not_every_call_is_seen(fault: str) -> None:
    with pytest.raises(AssertionError):
        run_until_caught(dim_machine(FAULTS[fault].open, blurs=0))
