"""The checker on what a crowd saw: calls that overlap, lost answers, settings that change live."""

import pytest
from model.broken_memory import FAULTS
from model.crowded import crowded
from model.running import SEED, SEQUENCES
from model.setting_faults import SETTING_AREAS
from model.shared_faults import SHARED_AREAS
from model.sharing import sharing

from sharq_plug import plugins
from sharq_plug.testing.model_check import check

CROWDS = max(4, SEQUENCES // 50)
TRIES = 30
"""Crowds of any kind that may be needed to see a fault."""
SEEN = [name for name, fault in FAULTS.items() if fault.area in SETTING_AREAS and fault.sees_little]
SEEN_SHARED = [
    name for name, fault in FAULTS.items() if fault.area in SHARED_AREAS and fault.sees_little
]


@pytest.mark.parametrize("steady", [False, True], ids=["changing", "steady"])
def test_what_a_crowd_sees_of_a_good_store_breaks_no_rule(*, steady: bool) -> None:
    for seed in range(SEED, SEED + CROWDS):
        history = crowded(
            lambda clock: plugins.open_store("memory", clock=clock), seed, steady=steady
        )
        assert not check(history), seed


def test_what_a_crowd_with_shared_limits_sees_of_a_good_store_breaks_no_rule() -> None:
    for seed in range(SEED, SEED + CROWDS):
        history = sharing(lambda clock: plugins.open_store("memory", clock=clock), seed)
        assert not check(history), seed


@pytest.mark.parametrize("fault", SEEN)
def test_a_crowd_sees_a_fault_of_limits_and_settings(fault: str) -> None:
    seeds = ((seed, steady) for seed in range(TRIES) for steady in (False, True))
    assert any(check(crowded(FAULTS[fault].open, seed, steady=steady)) for seed, steady in seeds)


@pytest.mark.parametrize("fault", SEEN_SHARED)
def test_a_crowd_sees_a_fault_of_shared_limits(fault: str) -> None:
    assert any(check(sharing(FAULTS[fault].open, seed)) for seed in range(TRIES))
