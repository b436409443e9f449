"""The benchmarks as the author of a backend turns them on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OF_A_WORKER = {"PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"}
"""What tells pytest-benchmark that others run beside it, so that it measures nothing."""
MODULE = """
import pytest
from sharq_memory.store import MemoryStore
from sharq_plug.testing.benchmarks import Scenario, StoreBenchmarks

class TestMemoryStore(StoreBenchmarks):
    scenario = Scenario(queues=10, jobs=20, batches=(1, 5), sizes=(1, 10), base_size=10, rounds=2)

    @pytest.fixture
    def open_store(self):
        return MemoryStore
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mine")


@pytest.fixture(scope="module")
def output(folder: Path) -> str:
    """The output of such a module."""
    (folder / "test_mine.py").write_text(MODULE)
    options = ("--benchmark-quiet", "--benchmark-json=report.json")
    environ = {name: value for name, value in os.environ.items() if name not in OF_A_WORKER}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_row_is_shown_with_its_other_side(output: str) -> None:
    for row in (
        "MemoryStore, dequeue, 5 a call: ",
        "MemoryStore, cycle, 5 a call: ",
        "MemoryStore, 1 ready, 5 a call: ",
        "MemoryStore, shared, 10 ready, 5 a call: ",
        "MemoryStore, beside 1 behind a closed limit, 5 a call: ",
    ):
        [line] = [line for line in output.splitlines() if row in line]
        assert " a call " in line.partition(row)[2]
        assert "ratio" in line


@pytest.mark.usefixtures("output")
def test_the_rounds_of_all_sides_are_in_the_report(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    by_name = {benchmark["name"]: benchmark for benchmark in report["benchmarks"]}
    assert by_name.keys() == {
        "test_dequeue_by_batch",
        "test_full_cycle_by_batch",
        "test_growth",
        "test_growth_with_settings",
        "test_cost_of_limits",
        "test_cost_of_shared_limits",
        "test_cost_of_a_closed_limit",
    }
    dequeue = by_name["test_dequeue_by_batch"]
    assert dequeue["extra_info"]["units"] == {"1 a call": 20, "5 a call": 20}
    assert len(dequeue["stats"]["data"]) == 2 * 2
