"""Benchmarks for any backend; they need pytest-benchmark.

Turn them on in a module of their own, which pytest runs when it is named:

    import pytest
    from my_backend import MyStore
    from sharq_plug.testing.benchmarks import StoreBenchmarks

    class TestMyStore(StoreBenchmarks):
        @pytest.fixture
        def open_store(self):
            return MyStore

`open_store` returns a function without arguments to an empty store that goes by its own clock
and is not entered yet. Set `scenario = Scenario(sizes=(1, 100, 10_000))` to have less done.

Sides that are compared take turns, A B A B, and the ratios are those within a round, because a
machine's speed changes from one second to the next. For the same reason the table of
pytest-benchmark, which takes all rounds for one side's, says little here
(`--benchmark-quiet` leaves it out): the figures are in the lines above it, and each round's
time is in `--benchmark-json`.
"""

from sharq_plug.testing.benchmarks.figures import (
    Row,
    Samples,
    bar,
    extra_info,
    from_benchmark,
    shown,
    spaced,
)
from sharq_plug.testing.benchmarks.scenario import Scenario, Workload
from sharq_plug.testing.benchmarks.suite import OpenRealStore, Run, StoreBenchmarks
from sharq_plug.testing.benchmarks.turns import Side, in_turns, just_once, show_rows

__all__ = [
    "OpenRealStore",
    "Row",
    "Run",
    "Samples",
    "Scenario",
    "Side",
    "StoreBenchmarks",
    "Workload",
    "bar",
    "extra_info",
    "from_benchmark",
    "in_turns",
    "just_once",
    "show_rows",
    "shown",
    "spaced",
]
