"""The load of the measurement of clusters, and what is made of what the servers tell."""

import pytest

from benchmarks.cluster_time import CYCLE, DEPTH, QUEUES, SIDES, TYPES, Side, Spent, median, ratio
from sharq_memory.store import MemoryStore

ONE, TWO = SIDES[1:3]


def test_the_parts_of_a_cycle_add_up() -> None:
    whole = Spent([1, 2], [3, 4], 5) + Spent([10, 20], [30, 40], 50)
    assert whole == Spent([11, 22], [33, 44], 55)
    assert whole.share == 44 / 77


def test_figures_are_medians_and_ratios_are_taken_round_by_round() -> None:
    rounds = [
        {ONE: {CYCLE: Spent([], [one], 0)}, TWO: {CYCLE: Spent([], [two, two], 0)}}
        for one, two in ((1.0, 2.0), (10.0, 5.0), (100.0, 50.0))
    ]
    assert median(rounds, ONE, CYCLE, lambda spent: max(spent.threads)) == 10
    assert ratio(rounds, TWO, CYCLE, lambda spent: max(spent.threads)) == 0.5


@pytest.mark.anyio
@pytest.mark.parametrize("batch", [1, 100])
async def test_a_round_leaves_as_many_jobs_as_before(batch: int) -> None:
    async with MemoryStore() as store:
        side = Side(store, [])
        await side.fill()
        await side.round(batch)
        for name in (TYPES[0], TYPES[-1]):
            found = (await store.look(name)).type
            assert found is not None
            assert (found.queues, found.waiting, found.leased) == (QUEUES, QUEUES * DEPTH, 0)
