"""Random histories of queues that share limits: whatever goes, all its limits allow it."""

from math import inf

import pytest

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiter_walks import LIMITS, LimiterWalk
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.sharing import find_limit, patch_limit, share

USES = {"a": "x", "b": "x", "c": "xy", "d": "xy", "e": "yz", "f": ""}
MOST_LEASED = {"x": None, "y": 4, "z": 2}


class SharedWalk(LimiterWalk):
    """A walk of queues that use shared limits, which also count leases."""

    finishes = 0.6

    async def run(self) -> None:
        """Take so many steps; the leases that are charged then are those that were reckoned."""
        await super().run()
        for name in self._limiters:
            assert (await find_limit(self._store, name)).leased == self._leases_of(name)

    async def _set_limiter(self, name: str) -> tuple[Limit, ...]:
        limits = self._random.choice([*LIMITS, ()])
        await share(self._store, *limits, name=name)
        await patch_limit(self._store, name, concurrency=MOST_LEASED[name])
        return limits

    async def _use(self, queue_id: str) -> None:
        await patch(self._store, queue_id, uses=tuple(self._uses[queue_id]))

    def _leases_of(self, name: str) -> int:
        return sum(name in charged for _, charged in self._leased)

    def _opens_at(self, name: str, now: int) -> float:
        most = MOST_LEASED[name]
        is_full = most is not None and self._leases_of(name) >= most
        return inf if is_full else super()._opens_at(name, now)

    def _check_foreseen(self, foreseen: int | None, ready_at: float) -> None:
        assert foreseen is not None
        assert self._clock.now() < foreseen <= ready_at


class ChangingWalk(SharedWalk):
    """A walk in which queues come to use other shared limits."""

    async def _step(self) -> None:
        await super()._step()
        if self._random.random() < 0.3:
            queue_id = self._random.choice(list(USES))
            self._uses[queue_id] = self._random.choice(["", "x", "y", "z", "xy", "xz", "yz"])
            await self._use(queue_id)


class SharedWalkConformance(Conformance):
    """Random histories of several queues that share limits."""

    @pytest.mark.parametrize("seed", range(10))
    async def test_jobs_go_when_their_queue_and_its_shared_limits_allow(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await SharedWalk(store, clock, seed, USES).run()

    @pytest.mark.parametrize("seed", range(10))
    async def test_so_they_do_while_queues_come_to_use_others(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await ChangingWalk(store, clock, seed, USES).run()
