"""Sides that are measured in turns, A B A B, so that a disturbance hits all of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sharq_plug.testing.benchmarks.figures import Row, Samples, extra_info, from_benchmark, line


@dataclass(frozen=True, slots=True)
class Side:
    """One of the sides that take turns.

    `run` is timed; it does `units` of something, jobs or requests. What `before` and `after` do
    is not timed.
    """

    units: int
    run: Callable[[], object]
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None


def in_turns(
    benchmark: BenchmarkFixture, sides: Mapping[str, Side], rounds: int, rows: Sequence[Row]
) -> None:
    """Time each side once a round, after a warm-up round.

    The times are the benchmark's, the rest is left in its `extra_info`.
    """
    turns = cycle(sides.values())

    def next_side() -> tuple[tuple[Side], dict[str, Any]]:
        side = next(turns)
        side.before()
        return (side,), {}

    units = {name: side.units for name, side in sides.items()}
    benchmark.extra_info.update(extra_info(rows, units=units))
    benchmark.pedantic(  # type: ignore[no-untyped-call]  # its parameters carry no types
        lambda side: side.run(),
        setup=next_side,
        teardown=lambda side: side.after(),
        rounds=rounds * len(sides),
        warmup_rounds=len(sides),
    )


def just_once(
    benchmark: BenchmarkFixture, measure: Callable[[], Samples], rows: Sequence[Row]
) -> None:
    """Run a function that returns its own measurements."""
    measured = benchmark.pedantic(measure)  # type: ignore[no-untyped-call]  # likewise
    benchmark.extra_info.update(extra_info(rows, measured=measured))


def show_rows(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """Show a benchmark's rows on the terminal, if it has any results."""
    if not benchmark.stats or benchmark.has_error or "rows" not in benchmark.extra_info:
        return
    rows, samples = from_benchmark(benchmark.extra_info, benchmark.stats.stats.data)
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"  {line(row, samples)}\n" for row in rows))
