"""The results of each benchmark: docs/benchmarks/figures.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from sharq_plug.testing.benchmarks import Row, Samples, from_benchmark


class Run(msgspec.Struct, frozen=True):
    """When and on which machine something was measured."""

    date: str
    machine: dict[str, str]

    def __str__(self) -> str:
        """Return this as a line."""
        parts = (f"{what} {version}" for what, version in self.machine.items())
        return ", ".join([self.date, *parts])


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of one benchmark, or why there is none."""

    group: str
    run: Run
    skipped: str = ""
    redis: str = ""
    notes: list[str] = []
    rows: list[Row] = []
    samples: dict[str, list[float]] = {}

    @classmethod
    def measured(cls, benchmark: Mapping[str, Any], run: Run) -> Self:
        """Return the entry of a benchmark in pytest-benchmark's JSON."""
        info = benchmark["extra_info"]
        if "skipped" in info:
            return cls(group=benchmark["group"], run=run, skipped=info["skipped"])
        rows, samples = from_benchmark(info, benchmark["stats"]["data"])
        return cls(
            group=benchmark["group"],
            run=run,
            redis=info.get("redis", ""),
            notes=info.get("notes", []),
            rows=rows,
            samples=_rounded(samples),
        )


class Record:
    """The latest entry of each benchmark, by its full name."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, Entry] = {}
        if file.exists():
            self._entries = msgspec.json.decode(file.read_bytes(), type=dict[str, Entry])

    def add(self, report: Mapping[str, Any]) -> None:
        """Add or replace the entries of pytest-benchmark's JSON; the others stay."""
        run = Run(report["datetime"][:10], report["machine_info"])
        for benchmark in report["benchmarks"]:
            self._entries[benchmark["fullname"]] = Entry.measured(benchmark, run)

    def save(self) -> None:
        """Write the entries, one a line."""
        lines = (f"{_json(name)}: {_json(entry)}" for name, entry in self._entries.items())
        self._file.write_text("{\n" + ",\n".join(lines) + "\n}\n")

    def entries(self, group: str | None = None) -> list[Entry]:
        """Return the entries of a group, or all."""
        every = self._entries.values()
        return [entry for entry in every if group is None or entry.group == group]


def _rounded(samples: Samples) -> dict[str, list[float]]:
    return {side: [float(f"{value:.4g}") for value in values] for side, values in samples.items()}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
