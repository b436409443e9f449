"""The page, the plots and the record, written from a given report."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from msgspec.structs import replace

from sharq_plug.testing.benchmarks import Row, extra_info

ROOT = Path(__file__).parents[2]
GROWTH = [
    Row(
        what=f"memory, {queues} ready",
        side=str(queues),
        against="10" if queues != 10 else None,
        show="cost",
        unit="µs a job",
        at_most=1.3 if queues != 10 else None,
        series="memory, 100 a call",
        x=queues,
    )
    for queues in (10, 1000)
]
HTTP = [
    Row(
        what="memory, enqueue", side="enqueue", against="stock Sanic", at_least=1, unit="requests/s"
    )
]


def benchmark(name: str, group: str, rows: Sequence[Row], **data: list[float]) -> dict[str, Any]:
    """Return a benchmark as pytest-benchmark reports it; each side did one unit in a round."""
    info = extra_info(rows, units=dict.fromkeys(data, 1)) | {"redis": "Valkey 9.1.2"}
    rounds = [seconds for turn in zip(*data.values(), strict=True) for seconds in turn]
    return {"fullname": name, "group": group, "extra_info": info, "stats": {"data": rounds}}


def growth(seconds: float) -> dict[str, Any]:
    return benchmark("growth", "growth", GROWTH, **{"10": [1e-6, 1e-6], "1000": [seconds] * 2})


def http(seconds: float) -> dict[str, Any]:
    return benchmark("http", "http", HTTP, **{"enqueue": [seconds], "stock Sanic": [1e-4]})


def report(*benchmarks: dict[str, Any], date: str = "2026-11-01") -> dict[str, Any]:
    about = {"datetime": f"{date}T12:00:00", "machine_info": {"processor": "abacus, 2 cores"}}
    return {**about, "benchmarks": benchmarks}


def write(folder: Path, content: dict[str, Any]) -> str:
    """Write the page from a report, and return it."""
    source = folder / "report.json"
    source.write_text(json.dumps(content))
    subprocess.run(
        [sys.executable, "-m", "benchmarks.page", source, "--to", folder],
        cwd=ROOT,
        env={**os.environ, "MPLCONFIGDIR": str(folder)},
        check=True,
    )
    return (folder / "README.md").read_text()


def test_a_row_shows_figure_other_side_ratio_bar_and_verdict(tmp_path: Path) -> None:
    page = write(tmp_path, report(growth(1.2e-6)))
    assert "| memory, 10 ready | 1 | µs a job |  |  |  |  |" in page
    assert "| memory, 1000 ready | 1.2 | µs a job | 1 (10) | 1.2 | at most 1.3 | met |" in page
    assert "Valkey 9.1.2" in page
    assert "abacus, 2 cores" in page


def test_missed_bars_are_named_at_the_top(tmp_path: Path) -> None:
    page = write(tmp_path, report(http(2e-4)))
    top = page.partition("\n## ")[0]
    assert "0 of 1 bars are met. Missed:\n\n* http, memory, enqueue: 0.5, at least 1" in top
    assert "| 5 000 | requests/s | 10 000 (stock Sanic) | 0.5 | at least 1 | **missed** |" in page


def test_a_second_report_replaces_its_part_and_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path, report(growth(1.2e-6), http(2e-4)))
    page = write(tmp_path, report(http(0.5e-4), date="2026-11-02"))
    assert "| memory, 1000 ready | 1.2 |" in page
    assert "| memory, enqueue | 20 000 |" in page
    for date in ("2026-11-01", "2026-11-02"):
        assert f"Measured {date}" in page


def test_the_page_says_what_could_not_be_measured(tmp_path: Path) -> None:
    skipped = {"skipped": "it needs Python 3.11"}
    page = write(tmp_path, report({**http(1), "group": "sharq", "extra_info": skipped}))
    assert "Not all of this could be measured: it needs Python 3.11." in page
    assert "Not measured yet." in page


def test_the_plots_are_small_svg_files_on_white(tmp_path: Path) -> None:
    page = write(tmp_path, report(growth(1.2e-6), http(2e-4)))
    for plot in ("growth.svg", "http.svg"):
        assert f"]({plot})" in page
        text = (tmp_path / plot).read_text()
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "fill: #ffffff" in text
        assert len(text) < 100_000


def test_the_plot_of_growth_shows_queues_without_settings_alone(tmp_path: Path) -> None:
    limited = [replace(row, series="memory, settings") for row in GROWTH]
    sides = {"10": [1e-6], "1000": [1e-6]}
    with_settings = benchmark("settings", "growth_with_settings", limited, **sides)
    write(tmp_path, report(growth(1.2e-6), with_settings))
    text = (tmp_path / "growth.svg").read_text()
    assert "memory, 100 a call" in text
    assert "settings" not in text


def test_the_same_report_gives_the_same_files(tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        write(tmp_path, report(growth(1.2e-6), http(2e-4)))
        files = (path for path in tmp_path.iterdir() if path.is_file())
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
