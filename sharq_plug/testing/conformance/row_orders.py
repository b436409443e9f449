"""The order of queues that use many shared limits: where all are open, it is the line's."""

from collections import deque
from random import Random

import pytest

from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.sharing import make, stock
from sharq_plug.testing.conformance.vocabulary import take_batch

MANY = 130
"""Shared limits: more than a store may look at in one go."""


class RowOrderConformance(Conformance):
    """Open shared limits change no order, however many a dequeue meets."""

    async def test_queues_of_many_limits_go_in_the_order_of_the_line(
        self, store: QueueStore
    ) -> None:
        limits = [f"x{n}" for n in range(MANY)]
        await make(store, limits)
        names = [f"q{n}" for n in range(3 * MANY)]
        for n, name in enumerate(names):
            await stock(store, [name], limits[n % MANY], jobs=2)
        served = [job.queue_id for job in await take_batch(store, 3 * MANY + 10)]
        assert served == names + names[:10]

    @pytest.mark.parametrize("seed", range(6))
    async def test_so_do_those_of_rows_and_others_that_were_mixed_at_random(
        self, store: QueueStore, seed: int
    ) -> None:
        random = Random(seed)  # noqa: S311 - a repeatable choice
        limits = [f"x{n}" for n in range(random.choice([2, 10, MANY]))]
        await make(store, limits)
        line: deque[tuple[str, int]] = deque()
        for n in range(random.choice([10, 250])):
            jobs = random.randint(1, 4)
            uses = sorted(random.sample(limits, random.choice([0, 1, 1, 2])))
            await stock(store, [f"q{n}"], *uses, jobs=jobs)
            line.append((f"q{n}", jobs))
        while line:
            expected = []
            for _ in range(min(random.choice([1, 7, 150, 300]), sum(jobs for _, jobs in line))):
                name, jobs = line.popleft()
                expected.append(name)
                if jobs > 1:
                    line.append((name, jobs - 1))
            assert [job.queue_id for job in await take_batch(store, len(expected))] == expected
