"""Plots for the page: small SVG files, on white, so that they can be read in any theme."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.record import Entry, Record
from sharq_plug.testing.benchmarks import shown, spaced

STYLE: dict[Any, Any] = {  # matplotlib's own type names every key there is
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "benchmarks",  # the same figures give the same file
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}
COLORS = ("#0072b2", "#d55e00", "#333333", "#009e73", "#cc79a7")
GREY = "#b0b0b0"


Lines: TypeAlias = Mapping[str, Sequence[tuple[int, float]]]
Pairs: TypeAlias = Sequence[tuple[str, float, float]]


def draw(record: Record, folder: Path) -> Mapping[str, str]:
    """Write the plots for which there are figures; return their names by the group they show."""
    drawn = {}
    with mpl.rc_context(STYLE):
        if lines := growth_lines([*record.entries("sharq"), *record.entries("growth")]):
            drawn["growth"] = _write(folder / "growth.svg", lambda axes: draw_lines(axes, lines))
        if pairs := figures_and_others(record.entries("http")):
            drawn["http"] = _write(folder / "http.svg", lambda axes: draw_pairs(axes, pairs))
    return drawn


def growth_lines(entries: Iterable[Entry]) -> Lines:
    """Return the points of each series: ready queues, and what a job cost."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for entry in entries:
        for row in entry.rows:
            if row.series is not None and row.x is not None:
                lines.setdefault(row.series, []).append((row.x, row.figure(entry.samples)))
    return lines


def figures_and_others(entries: Iterable[Entry]) -> Pairs:
    """Return the figure and the other side of each row that has one."""
    return [
        (row.what, row.figure(entry.samples), other)
        for entry in entries
        for row in entry.rows
        if (other := row.other(entry.samples)) is not None
    ]


def draw_lines(axes: Axes, lines: Lines) -> None:
    """Draw what a dequeue costs against the number of ready queues; one color for each store."""
    colors: dict[str, str] = {}
    for series, points in lines.items():
        who, _, batch = series.partition(", ")
        color = colors.setdefault(who, COLORS[len(colors) % len(COLORS)])
        style = "-" if batch != "1 a call" else "--"
        axes.plot(*zip(*sorted(points), strict=True), style, marker="o", color=color, label=series)
    axes.set(xscale="log", yscale="log", xlabel="ready queues", ylabel="µs a dequeued job")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: spaced(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False)


def draw_pairs(axes: Axes, pairs: Pairs) -> None:
    """Draw a bar for each figure, and one for its other side."""
    names, figures, others = zip(*pairs, strict=True)
    height, places = 0.38, range(len(names))
    for values, shift, color, label in (
        (figures, -height / 2, COLORS[0], "sharq_plug"),
        (others, height / 2, GREY, "stock Sanic, without a store"),
    ):
        axes.barh([place + shift for place in places], values, height, color=color, label=label)
    axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    axes.set(yticks=list(places), yticklabels=names, xlabel="requests a second")
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: spaced(value)))
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)


def _write(file: Path, draw_on: Callable[[Axes], None]) -> str:
    figure = Figure(figsize=(8, 4.5), facecolor="white", layout="constrained")
    draw_on(figure.add_subplot())
    figure.savefig(file, metadata={"Date": None})
    return file.name
