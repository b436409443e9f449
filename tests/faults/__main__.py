"""Inflict every fault on many seeds, and print what became of the jobs.

Reads the environment: SHARQ_FAULTS_SEEDS (20), SHARQ_FAULTS_JOBS (10000, in all for each fault),
SHARQ_FAULTS_AT_ONCE (2, how many faults are under way at a time) and SHARQ_FAULTS_ONLY (words: a
fault whose name has none of them is left out). Ends with status 1 if a promise was broken.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from faults.cluster_scenarios import CLUSTER_SCENARIOS, SENTINEL_SCENARIOS
from faults.house import House, Servers
from faults.replicated import ClusterHouse, SentinelHouse
from faults.run import Run, Scenario
from faults.scenarios import RECOVERY, SCENARIOS
from faults.verdict import Verdict, add_up
from sharq_plug.testing.model_check.violations import Rule

COLUMNS = (
    "fault",
    "seeds",
    "jobs",
    "acknowledged",
    "lost",
    "with a key",
    "done twice though their key was sent",
    "rate violations",
    "stale finishes accepted, or good ones refused",
    "second deliveries without cause",
    "other violations",
    "late answers",
    "worst recovery",
    "requests without an answer",
    "redeliveries",
    "stale claims refused",
    "queued again after the finish",
)
NAMED = (Rule.RATE, Rule.FENCING, Rule.REDELIVERY)
"""The rules that have a column of their own."""


def main() -> int:
    """Run, print the table, and return the exit status."""
    seeds = range(1, 1 + int(os.environ.get("SHARQ_FAULTS_SEEDS", "20")))
    jobs = int(os.environ.get("SHARQ_FAULTS_JOBS", "10000"))
    at_once = int(os.environ.get("SHARQ_FAULTS_AT_ONCE", "2"))
    only = os.environ.get("SHARQ_FAULTS_ONLY", "").split()
    every = (*SCENARIOS, *CLUSTER_SCENARIOS, *SENTINEL_SCENARIOS)
    chosen: list[Scenario[Any]] = [
        one for one in every if not only or any(word in one.name for word in only)
    ]
    _say(f"Seeds {seeds[0]} to {seeds[-1]}, {jobs // len(seeds)} jobs each.\n")
    _say(_row(COLUMNS))
    _say(_row(["---"] * len(COLUMNS)))
    failures: list[str] = []
    with ThreadPoolExecutor(at_once) as pool:
        calls = [pool.submit(inflict, one, seeds, jobs // len(seeds)) for one in chosen]
        for scenario, call in zip(chosen, calls, strict=True):
            try:
                verdict = call.result()
            except Exception:  # the other faults are to be seen too
                failures.append(f"{scenario.name}: {traceback.format_exc()}")
                continue
            _say(_row(_cells(scenario, len(seeds), verdict)))
            if not _is_good(verdict, may_lose=scenario.may_lose):
                failures.append(f"{scenario.name}: {verdict}")
    for failure in failures:
        _say(f"\n{failure}")
    return 1 if failures else 0


def inflict(scenario: Scenario[Any], seeds: Sequence[int], jobs: int) -> Verdict:
    """Return the verdict on all runs of one fault. The runs follow each other in one house."""
    with tempfile.TemporaryDirectory() as folder, _house(scenario, Path(folder)) as house:
        verdict = add_up(Run(house, scenario, seed, jobs=jobs).verdict() for seed in seeds)
        assert "Traceback" not in house.logs(), house.logs()
        return verdict


def _house(scenario: Scenario[Any], folder: Path) -> Servers:
    if scenario in CLUSTER_SCENARIOS:
        return ClusterHouse(folder, replicas=scenario.replicas)
    if scenario in SENTINEL_SCENARIOS:
        return SentinelHouse(folder)
    return House(folder, fsync=scenario.fsync)


def _is_good(verdict: Verdict, *, may_lose: bool) -> bool:
    """Say whether every promise was kept; where jobs may be lost, to answer and to go on."""
    is_clean = not verdict.late if may_lose else verdict.is_clean
    return is_clean and max(verdict.recoveries, default=0) < RECOVERY


def _cells(scenario: Scenario[Any], seeds: int, verdict: Verdict) -> list[object]:
    named = [verdict.count(rule) for rule in NAMED]
    return [
        scenario.name,
        seeds,
        verdict.jobs,
        verdict.acknowledged,
        len(verdict.lost),
        verdict.keyed,
        len(verdict.twice),
        *named,
        len(verdict.violations) - sum(named),
        len(verdict.late),
        f"{max(verdict.recoveries):.2f} s" if verdict.recoveries else "",
        verdict.unanswered,
        verdict.redeliveries,
        verdict.stale,
        verdict.again,
    ]


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
