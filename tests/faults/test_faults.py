"""Each fault once. `tox -e faults` runs each with many seeds and ten thousand jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.house import House
from faults.run import Run, Scenario
from faults.scenarios import RECOVERY, SCENARIOS
from sharq_plug.testing.model_check.violations import Rule

SEED = 1
JOBS = 120
POWER_FAILS, *LOSSES = [one for one in SCENARIOS if one.may_lose and one.duration < 4]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose Redis syncs each write. The faults share it."""
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=one.name) for one in SCENARIOS if not one.may_lose]
)
def test_a_fault_loses_no_job_and_breaks_no_rule(house: House, scenario: Scenario) -> None:
    verdict = Run(house, scenario, SEED, jobs=JOBS).verdict()
    assert verdict.acknowledged == JOBS
    assert verdict.is_clean, verdict
    assert max(verdict.recoveries, default=0) < RECOVERY
    assert "Traceback" not in house.logs()


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in LOSSES])
def test_work_goes_on_after_a_fault_that_may_lose_jobs(tmp_path: Path, scenario: Scenario) -> None:
    with House(tmp_path, fsync=scenario.fsync) as house:
        verdict = Run(house, scenario, SEED, jobs=JOBS).verdict()
        assert verdict.acknowledged == JOBS
        assert max(verdict.recoveries) < RECOVERY
        assert "Traceback" not in house.logs()


def test_a_power_failure_is_reported_as_a_loss(tmp_path: Path) -> None:
    with House(tmp_path, fsync=POWER_FAILS.fsync) as house:
        verdict = Run(house, POWER_FAILS, SEED, jobs=JOBS).verdict()
        assert verdict.lost
        assert max(verdict.recoveries) < RECOVERY


def test_a_key_that_is_forgotten_too_soon_is_reported(tmp_path: Path) -> None:
    [scenario] = [one for one in SCENARIOS if one.name == "workers killed"]
    with House(tmp_path, kept=1) as house:
        seeds = range(SEED, SEED + 5)  # whether a forgotten key comes again is chance
        verdicts = (Run(house, scenario, seed, jobs=JOBS).verdict() for seed in seeds)
        verdict = next((one for one in verdicts if one.twice), None)
        assert verdict is not None
        assert verdict.keyed > len(verdict.twice)
        assert verdict.count(Rule.DEDUPLICATION) > 0
        assert not verdict.is_clean
