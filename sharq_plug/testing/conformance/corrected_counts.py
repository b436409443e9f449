"""Corrections of what an upstream said is left."""

import pytest

from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import finish_with, patch
from sharq_plug.testing.conformance.sharing import (
    left,
    patch_limit,
    stock,
    tell,
)
from sharq_plug.testing.conformance.vocabulary import (
    fail_job,
    next_ready_at,
    release_job,
    take,
    take_batch,
    take_exactly_at,
)


class CorrectedRemainingConformance(Conformance):
    """A job that took less than it cost gives back to the count, one that took more takes more."""

    @pytest.mark.parametrize(("actual", "count"), [(2, 8), (9, 1), (15, 0), (4, 6)])
    async def test_what_the_job_took_counts(
        self, store: QueueStore, clock: ManualClock, actual: int, count: int
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 4})
        end = await tell(store, clock, 10, 500, unit="tokens")
        job = await take(store)
        await finish_with(store, job, tokens=actual)
        assert await left(store) == {"tokens": (count, end)}
        assert len(await take_batch(store, 1)) == int(count > 0)

    async def test_it_opens_one_that_was_used_up(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 4})
        end = await tell(store, clock, 3, 500, unit="tokens")
        job = await take(store)
        assert await next_ready_at(store) == end
        await finish_with(store, job, tokens=1)
        assert await left(store) == {"tokens": (2, end)}
        await take(store)

    async def test_one_that_is_still_used_up_stays_closed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 50})
        end = await tell(store, clock, 10, 500, unit="tokens")
        await finish_with(store, await take(store), tokens=45)
        assert await left(store) == {"tokens": (0, end)}
        await take_exactly_at(store, clock, end)

    async def test_it_rises_no_higher_than_it_was_given(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 9})
        before = await take(store)
        end = await tell(store, clock, 10, 500, unit="tokens")
        await finish_with(store, before, tokens=2)
        assert await left(store) == {"tokens": (10, end)}

    async def test_it_rises_no_higher_than_the_smaller_of_two(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 5})
        await tell(store, clock, 10, 500, unit="tokens")
        job = await take(store)
        end = await tell(store, clock, 8, 600, unit="tokens")
        assert await left(store) == {"tokens": (5, end)}
        await finish_with(store, job, tokens=0)
        assert await left(store) == {"tokens": (8, end)}

    async def test_a_unit_that_is_not_named_stays_as_it_was_counted(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 5, "job": 2})
        end = await tell(store, clock, 10, 500, unit="tokens")
        await tell(store, clock, 10, 500)
        await finish_with(store, await take(store), tokens=1)
        assert await left(store) == {"job": (8, end), "tokens": (9, end)}

    async def test_the_lease_is_corrected_where_it_was_charged(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await patch_limit(store, "y")
        await stock(store, "q", "x", cost={"tokens": 5})
        end = await tell(store, clock, 10, 500, unit="tokens")
        job = await take(store)
        await patch(store, uses=("y",))
        await finish_with(store, job, tokens=3)
        assert await left(store) == {"tokens": (7, end)}

    @pytest.mark.parametrize("fails", [False, True])
    async def test_a_job_that_comes_back_gives_nothing_back_to_it(
        self, store: QueueStore, clock: ManualClock, *, fails: bool
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x")
        end = await tell(store, clock, 3, 500)
        job = await take(store)
        await (fail_job if fails else release_job)(store, job)
        assert await left(store) == {"job": (2, end)}
        assert len(await take_batch(store, 9)) == 2
