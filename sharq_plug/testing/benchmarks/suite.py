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

SHARED_LIMITS = 1000
"""How many there are where each queue uses one."""
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
    shared_limits_bar: ClassVar[float] = 1.5
    """The same for queues that use a shared limit, with the most ready queues."""
    closed_limit_bar: ClassVar[float] = 1.05
    """The largest cost of a dequeue where queues stand behind a closed limit, over that without."""

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
        limited = replace(self.scenario, settings=(LIMITS,))
        compared = {"plain": self.scenario, "limited": limited}
        sides, rows = self._dequeues(store, run, title, compared, bar=self.limits_bar)
        in_turns(benchmark, sides, self.scenario.rounds, rows)

    @pytest.mark.benchmark(group="shared_limits")
    def test_cost_of_shared_limits(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare dequeues from queues that use a shared limit each with plain ones."""
        sides, rows = dict[str, Side](), list[Row]()
        largest = max(self.scenario.sizes)
        for size in sorted({self.scenario.queues, largest}):
            plain = replace(self.scenario, queues=size, jobs=self.scenario.base_size)
            sharing = plain.sharing(min(size, SHARED_LIMITS))
            compared = {f"plain, {_are_ready(size)}": plain, f"shared, {_are_ready(size)}": sharing}
            bar = self.shared_limits_bar if size == largest else None
            more = self._dequeues(store, run, title, compared, bar=bar)
            sides, rows = sides | more[0], rows + more[1]
        in_turns(benchmark, sides, SHORT_ROUNDS * self.scenario.rounds, rows)

    @pytest.mark.benchmark(group="closed_limit")
    def test_cost_of_a_closed_limit(
        self, benchmark: BenchmarkFixture, store: QueueStore, run: Run, title: str
    ) -> None:
        """Compare dequeues with many queues behind one closed shared limit with the same alone."""
        alone = replace(self.scenario, jobs=self.scenario.base_size)
        held = max(self.scenario.sizes) // 10
        beside = alone.beside_a_closed_limit(held)
        compared = {"alone": alone, f"beside {spaced(held)} behind a closed limit": beside}
        sides, rows = self._dequeues(store, run, title, compared, bar=self.closed_limit_bar)
        in_turns(benchmark, sides, SHORT_ROUNDS * self.scenario.rounds, rows)

    def _dequeues(
        self,
        store: QueueStore,
        run: Run,
        title: str,
        compared: Mapping[str, Scenario],
        *,
        bar: float | None,
    ) -> tuple[dict[str, Side], list[Row]]:
        """Compare dequeues in the first scenario with those in the others, by batch."""
        sides, rows = dict[str, Side](), list[Row]()
        first, works = next(iter(compared)), dict[str, Workload]()
        for number, (name, scenario) in enumerate(compared.items()):
            queue_type = f"{number}-of-{scenario.queues}"
            works[name] = Workload(store, scenario, queue_type=queue_type)
            run(works[name].fill())
        for batch in (min(self.scenario.batches), max(self.scenario.batches)):
            for name, work in works.items():
                side = f"{name}, {_a_call(batch)}"
                sides[side] = _dequeue_side(work, run, batch, compared[name].jobs)
                rows.append(
                    Row(
                        what=f"{title}, {side}",
                        side=side,
                        against=None if name == first else f"{first}, {_a_call(batch)}",
                        show="cost",
                        unit="µs a job",
                        at_most=None if name == first else bar,
                    )
                )
        return sides, rows

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


def _are_ready(size: int) -> str:
    return f"{spaced(size)} ready"


def _ready(size: int, batch: int) -> str:
    return f"{_are_ready(size)}, {_a_call(batch)}"
