"""Random histories of several queues behind a gate with limits, and the bound that follows."""

import pytest

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiter_walks import LIMITS, LimiterWalk
from sharq_plug.testing.conformance.setting import patch_type

USES = dict.fromkeys("abc", "t")
"""All queues use the type."""


class GateWalk(LimiterWalk):
    """A walk of queues behind a gate: when a job is ready is foreseen to the ms."""

    finishes = 0.5

    async def _set_limiter(self, _name: str) -> tuple[Limit, ...]:
        limits = self._random.choice(LIMITS)
        await patch_type(self._store, limits=limits)
        return limits

    async def _use(self, queue_id: str) -> None:
        """Do nothing: each queue uses its type anyway."""

    def _check_foreseen(self, foreseen: int | None, ready_at: float) -> None:
        assert foreseen == ready_at


class GateWalkConformance(Conformance):
    """Random histories of several queues behind a gate."""

    @pytest.mark.parametrize("seed", range(12))
    async def test_jobs_go_when_their_queue_and_the_gate_allow(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await GateWalk(store, clock, seed, USES).run()
