"""The benchmarks of a store. A subclass turns them on for a backend."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeAlias

import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from sharq_plug.store import QueueStore
from sharq_plug.testing.benchmarks.figures import Row, spaced
from sharq_plug.testing.benchmarks.scenario import LIMITS, MIXED, Scenario, Workload
from sharq_plug.testing.benchmarks.turns import Side, in_turns, show_rows

OpenRealStore: TypeAlias = Callable[[], QueueStore]
"""The author's `open_store` fixture: it opens a store that uses its own clock."""
Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine of the store, always on the same loop."""

SHORT_ROUNDS = 10
"""Rounds are more by this factor where each is short."""


class StoreBenchmarks:
    """Measure a store: dequeues and full cycles by batch, and how a dequeue's cost grows.

    Subclass it in a test module, under a name that begins with `Test`, and give it a fixture
    `open_store` that returns a function without arguments to an empty store, not entered yet.
    """

    scenario: ClassVar[Scenario] = Scenario()
    growth_bar: ClassVar[float] = 1.3
    """The largest cost of a dequeue with the most ready queues, over that with `base_size`."""
    settings_growth_bar: ClassVar[float] = 1.5
    """The same where the queues have limits and weights, and as many more are paused."""
    limits_bar: ClassVar[float] = 1.05
    """The largest cost of a dequeue from queues with a limit, over that from plain ones."""

    @pytest.fixture
    def run(self) -> Iterator[Run]:
        """Return a function that runs the store's coroutines on a loop like the server's."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            yield runner.get_loop().run_until_complete

    @pytest.fixture
    def store(self, open_store: OpenRealStore, run: Run) -> Iterator[QueueStore]:
        """Open the author's store for one benchmark."""
        store = open_store()
        run(store.__aenter__())
        yield store
        run(store.__aexit__(None, None, None))

    @pytest.fixture
    def title(self, store: QueueStore) -> str:
        """Return the name of the store in tables."""
        return type(store).__name__

    @pytest.fixture(autouse=True)
    def show_rows(
        self, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
    ) -> Iterator[None]:
        """Show the results on the terminal after each benchmark."""
        yield
        show_rows(benchmark, capsys)

    @pytest.mark.benchmark(group="dequeue")
    def test_dequeue_by_batch(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare dequeues in batches with smaller ones."""
        work = Workload(store, self.scenario)
        run(work.fill())
        self._by_batch(
            benchmark,
            f"{title}, dequeue",
            lambda batch: run(work.dequeue(batch=batch)),
            after=lambda: run(work.restore()),
        )

    @pytest.mark.benchmark(group="cycle")
    def test_full_cycle_by_batch(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare enqueue, dequeue and finish in batches with smaller ones."""
        work = Workload(store, self.scenario)
        self._by_batch(benchmark, f"{title}, cycle", lambda batch: run(work.cycle(batch=batch)))

    @pytest.mark.benchmark(group="growth")
    def test_growth(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare the cost of a dequeue with few and with many ready queues."""
        sizes = {size: replace(self.scenario, queues=size) for size in self.scenario.sizes}
        self._growth(benchmark, store, run, title, sizes=sizes, bar=self.growth_bar)

    @pytest.mark.benchmark(group="growth_with_settings")
    def test_growth_with_settings(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare the same where the queues have limits and weights, and as many are paused."""
        sizes = {
            size: replace(self.scenario, queues=size, held=size, settings=MIXED)
            for size in self.scenario.sizes
        }
        name, bar = f"{title}, settings", self.settings_growth_bar
        self._growth(benchmark, store, run, name, sizes=sizes, bar=bar)

    @pytest.mark.benchmark(group="limits")
    def test_cost_of_limits(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare dequeues from queues with a limit that never holds them with plain ones."""
        sides, rows = dict[str, Side](), list[Row]()
        for batch in (min(self.scenario.batches), max(self.scenario.batches)):
            for name, settings in (("plain", ()), ("limited", (LIMITS,))):
                side = f"{name}, {_a_call(batch)}"
                scenario = replace(self.scenario, settings=settings)
                work = Workload(store, scenario, queue_type=f"{name}-{batch}")
                run(work.fill())
                sides[side] = _dequeue_side(work, run, batch, scenario.jobs)
                is_plain = name == "plain"
                rows.append(
                    Row(
                        what=f"{title}, {side}",
                        side=side,
                        against=None if is_plain else f"plain, {_a_call(batch)}",
                        show="cost",
                        unit="µs a job",
                        at_most=None if is_plain else self.limits_bar,
                    )
                )
        in_turns(benchmark, sides, self.scenario.rounds, rows)

    def _growth(
        self,
        benchmark: BenchmarkFixture,
        store: QueueStore,
        run: Run,
        title: str,
        *,
        sizes: Mapping[int, Scenario],
        bar: float,
    ) -> None:
        """Compare the cost of a dequeue with few and with many queues.

        A round takes a job from each queue, or from as many as there are with `base_size`, so
        that all sides find their queues in the same state.
        """
        sides = dict[str, Side]()
        batches = (min(self.scenario.batches), max(self.scenario.batches))
        for size, scenario in sizes.items():
            few = replace(scenario, jobs=scenario.base_size)
            work = Workload(store, few, queue_type=f"ready-{size}")
            run(work.fill())
            for batch in batches:
                sides[_ready(size, batch)] = _dequeue_side(work, run, batch, few.jobs)
        rows = [self._growth_row(title, size, batch, bar) for batch in batches for size in sizes]
        in_turns(benchmark, sides, SHORT_ROUNDS * self.scenario.rounds, rows)

    def _growth_row(self, title: str, size: int, batch: int, bar: float) -> Row:
        base, largest = self.scenario.base_size, max(self.scenario.sizes)
        return Row(
            what=f"{title}, {_ready(size, batch)}",
            side=_ready(size, batch),
            against=_ready(base, batch) if size != base else None,
            show="cost",
            unit="µs a job",
            at_most=bar if size == largest != base else None,
            series=f"{title}, {_a_call(batch)}",
            x=size,
        )

    def _by_batch(
        self,
        benchmark: BenchmarkFixture,
        what: str,
        run: Callable[[int], object],
        after: Callable[[], object] = lambda: None,
    ) -> None:
        smallest = min(self.scenario.batches)
        sides = {
            _a_call(batch): Side(units=self.scenario.jobs, run=partial(run, batch), after=after)
            for batch in self.scenario.batches
        }
        rows = [
            Row(
                what=f"{what}, {_a_call(batch)}",
                side=_a_call(batch),
                against=_a_call(smallest) if batch != smallest else None,
            )
            for batch in self.scenario.batches
        ]
        in_turns(benchmark, sides, self.scenario.rounds, rows)


def _dequeue_side(work: Workload, run: Run, batch: int, jobs: int) -> Side:
    return Side(
        units=jobs,
        run=lambda: run(work.dequeue(batch=batch)),
        after=lambda: run(work.restore()),
    )


def _a_call(batch: int) -> str:
    return f"{batch} a call"


def _ready(size: int, batch: int) -> str:
    return f"{spaced(size)} ready, {_a_call(batch)}"
