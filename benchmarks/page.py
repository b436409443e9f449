"""Write docs/benchmarks from what pytest-benchmark reports: the figures, the plots, the page."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from benchmarks import plots
from benchmarks.record import Entry, Record
from sharq_plug.testing.benchmarks import Row, Samples, bar, shown

TEMPLATE = Path(__file__).with_name("page.md")
DOCS = Path(__file__).parents[1] / "docs" / "benchmarks"
HEADER = [
    ("what", "figure", "", "other side", "ratio", "bar", ""),
    ("---", "--:", "---", "--:", "--:", "---", "---"),
]


def page(record: Record, drawn: Mapping[str, str]) -> str:
    """Return the page, in Markdown; `drawn` are the plots, by group."""
    runs = list(dict.fromkeys(str(entry.run) for entry in record.entries()))
    template = Template(TEMPLATE.read_text())
    parts = {
        group: _section(record.entries(group), drawn.get(group), say_when=len(runs) > 1)
        for group in template.get_identifiers()
    }
    parts["verdict"] = _verdict(record)
    parts["run"] = f"Measured {runs[0]}." if len(runs) == 1 else "Measured when each part says."
    return template.substitute(parts)


def _verdict(record: Record) -> str:
    """Say how many bars are met, and which are not."""
    judged = [
        (f"* {entry.group}, {row.what}: {shown(row.judged(entry.samples))}, {bar(row)}", met)
        for entry in record.entries()
        for row in entry.rows
        if (met := row.met(entry.samples)) is not None
    ]
    missed = [what for what, met in judged if not met]
    text = f"{len(judged) - len(missed)} of {len(judged)} bars are met."
    return "\n".join([f"{text} Missed:\n", *missed]) if missed else text


def _section(entries: Sequence[Entry], plot: str | None, *, say_when: bool) -> str:
    """Return what was measured in a group: plot, table, remarks."""
    parts = [f"![The figures of the table below, drawn]({plot})"] if plot else []
    parts += [_table(entries), *_remarks(entries, say_when=say_when)]
    return "\n\n".join(part for part in parts if part) or "Not measured yet."


def _table(entries: Iterable[Entry]) -> str:
    rows = [_cells(row, entry.samples) for entry in entries for row in entry.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in HEADER + rows) if rows else ""


def _cells(row: Row, samples: Samples) -> tuple[str, ...]:
    other = f"{shown(row.other(samples))} ({row.against})" if row.against else ""
    unit = f" {row.unit}" if row.bar_for == "figure" else ""
    verdict = {None: "", True: "met", False: "**missed**"}[row.met(samples)]
    limit = bar(row) + unit if verdict else ""
    figure, ratio = shown(row.figure(samples)), shown(row.ratio(samples))
    return row.what, figure, row.unit, other, ratio, limit, verdict


def _remarks(entries: Sequence[Entry], *, say_when: bool) -> Iterator[str]:
    """Yield what is to be said below a table: what kept it from being whole, when and on what."""
    for reason in dict.fromkeys(entry.skipped for entry in entries if entry.skipped):
        yield f"Not all of this could be measured: {reason}."
    yield from (note for entry in entries for note in entry.notes)
    servers = dict.fromkeys(entry.redis for entry in entries if entry.redis)
    if servers:
        yield f"On {' and '.join(servers)}."
    if say_when:
        yield from (
            f"Measured {run}." for run in dict.fromkeys(str(entry.run) for entry in entries)
        )


def main() -> int:
    """Run the script; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="what --benchmark-json wrote")
    parser.add_argument("--to", type=Path, default=DOCS, help="folder of the page")
    arguments = parser.parse_args()
    if not arguments.report.exists():
        sys.stderr.write("nothing was measured; the page stays as it is\n")
        return 1
    arguments.to.mkdir(parents=True, exist_ok=True)
    record = Record(arguments.to / "figures.json")
    record.add(json.loads(arguments.report.read_text()))
    record.save()
    drawn = plots.draw(record, arguments.to)
    (arguments.to / "README.md").write_text(page(record, drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main())
