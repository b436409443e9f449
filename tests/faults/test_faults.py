"""Each fault once. `tox -e faults` runs each with many seeds and ten thousand jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.cluster_scenarios import CLUSTER_SCENARIOS, SENTINEL_SCENARIOS
from faults.house import House
from faults.replicated import ClusterHouse, SentinelHouse
from faults.run import Run, Scenario
from faults.scenarios import RECOVERY, SCENARIOS
from sharq_plug.testing.model_check.violations import Rule

SEED = 1
JOBS = 120
POWER_FAILS, *LOSSES = [one for one in SCENARIOS if one.may_lose and one.duration < 4]

IN_A_CLUSTER = [
    one
    for one in CLUSTER_SCENARIOS
    if one.name in {"cluster: slot moved key by key", "cluster: network cut to one server"}
]
[FAILOVER] = [one for one in CLUSTER_SCENARIOS if one.name == "cluster: primary killed"]
[SWITCH] = [one for one in SENTINEL_SCENARIOS if one.name == "sentinels: primary killed"]
[CUT] = [one for one in SENTINEL_SCENARIOS if one.name == "sentinels: primary cut off for 4 s"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose Redis syncs each write. The faults share it."""
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=one.name) for one in SCENARIOS if not one.may_lose]
)
def test_a_fault_loses_no_job_and_breaks_no_rule(house: House, scenario: Scenario[House]) -> None:
    verdict = Run(house, scenario, SEED, jobs=JOBS).verdict()
    assert verdict.acknowledged == JOBS
    assert verdict.is_clean, str(verdict)
    assert max(verdict.recoveries, default=0) < RECOVERY
    assert "Traceback" not in house.logs()


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in LOSSES])
def test_work_goes_on_after_a_fault_that_may_lose_jobs(
    tmp_path: Path, scenario: Scenario[House]
) -> None:
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


@pytest.fixture(scope="module")
def cluster_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterHouse]:
    with ClusterHouse(tmp_path_factory.mktemp("cluster")) as house:
        yield house


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in IN_A_CLUSTER])
def test_a_fault_of_a_cluster_loses_no_job_and_breaks_no_rule(
    cluster_house: ClusterHouse, scenario: Scenario[ClusterHouse]
) -> None:
    verdict = Run(cluster_house, scenario, SEED, jobs=JOBS).verdict()
    assert verdict.acknowledged == JOBS
    assert verdict.is_clean, str(verdict)
    assert max(verdict.recoveries) < RECOVERY
    assert "Traceback" not in cluster_house.logs()


def test_work_goes_on_when_a_replica_takes_over_in_a_cluster(tmp_path: Path) -> None:
    with ClusterHouse(tmp_path, replicas=1) as house:
        verdict = Run(house, FAILOVER, SEED, jobs=JOBS).verdict()
        assert verdict.acknowledged == JOBS
        assert max(verdict.recoveries) < RECOVERY
        assert "Traceback" not in house.logs()


def test_work_goes_on_when_sentinels_promote_a_replica(tmp_path: Path) -> None:
    with SentinelHouse(tmp_path) as house:
        verdict = Run(house, SWITCH, SEED, jobs=JOBS).verdict()
        assert verdict.acknowledged == JOBS
        assert max(verdict.recoveries) < RECOVERY
        cut = Run(house, CUT, SEED, jobs=JOBS).verdict()
        assert cut.lost, "nobody but the servers reached what they wrote to"
        assert max(cut.recoveries) < RECOVERY
        assert "Traceback" not in house.logs()
