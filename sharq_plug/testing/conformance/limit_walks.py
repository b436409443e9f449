"""Random histories of one queue: the arithmetic of limits, and the bound that follows from it."""

import pytest

from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.walking import Walk

every_seed = pytest.mark.parametrize("seed", range(8))


class LimitWalkConformance(Conformance):
    """Random histories of one queue."""

    @every_seed
    async def test_deliveries_go_when_their_limits_allow(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await Walk(store, clock, seed).run(corrects=False, changes=False)

    @every_seed
    async def test_corrected_deliveries_go_when_their_limits_allow(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await Walk(store, clock, seed).run(corrects=True, changes=False)

    @every_seed
    async def test_limits_that_change_and_costs_that_are_corrected(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await Walk(store, clock, seed).run(corrects=True, changes=True)
