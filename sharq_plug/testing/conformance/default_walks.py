"""Random histories of one queue whose settings, and whose type's defaults, change."""

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limit_walks import every_seed
from sharq_plug.testing.conformance.setting import patch, rules, set_defaults
from sharq_plug.testing.conformance.walking import Walk

Limits = tuple[Limit, ...] | None


class DefaultWalk(Walk):
    """Change the limits of queue "q" wherever they come from, and see which are in effect."""

    def __init__(self, store: QueueStore, clock: ManualClock, seed: int) -> None:
        super().__init__(store, clock, seed)
        self._own: Limits = None
        self._defaults: Limits = None
        self._taken: Limits = None
        self._interval = 0
        self._version = self._latest = self._taken_version = 0

    async def run_all(self) -> None:
        """Take so many steps, each of which may be any."""
        others = (self._set_defaults, self._look, self._look)
        await self.run(corrects=True, changes=True, others=others)

    def _forget(self) -> None:
        super()._forget()
        if self._account.last is None:
            self._interval = 0
            self._work_out()

    def _take_up(self) -> None:
        if self._taken_version != self._version:
            self._taken, self._taken_version = self._defaults, self._version
            self._work_out()

    def _work_out(self) -> None:
        """Put into effect what follows from all that is set."""
        self._change(self._in_effect(self._taken))

    def _in_effect(self, defaults: Limits) -> tuple[Limit, ...]:
        """Return what would be in effect with these defaults."""
        if self._own is not None:
            return self._own
        if defaults is not None:
            return defaults
        return (Limit(1, self._interval),) if self._interval else ()

    def _bring(self) -> int | None:
        self._take_up()
        if (self._own, self._taken) == (None, None) or self._random.random() < 0.5:
            self._interval = self._random.choice([0, 0, 50, 100, 300])
            self._work_out()
            return self._interval
        return None

    async def _set_limits(self, least: int = 0) -> None:
        limits = self._draw_limits(least) if self._random.random() < 0.6 else None
        await patch(self._store, limits=limits)
        self._take_up()
        self._own = limits
        self._work_out()

    async def _set_defaults(self) -> None:
        limits = self._draw_limits() if self._random.random() < 0.6 else None
        await set_defaults(self._store, limits=limits)
        if limits != self._defaults:
            self._latest += 1
            self._version = 0 if limits is None else self._latest
            self._defaults = limits

    async def _look(self) -> None:
        found = await rules(self._store)
        if self._costs or self._leased:
            assert found.in_effect.limits == self._account.limits
            assert found.pending == (self._taken_version != self._version)
        else:
            assert found.in_effect.limits == self._in_effect(self._defaults)
            assert not found.pending


class DefaultWalkConformance(Conformance):
    """Random histories of one queue with settings, defaults and brought intervals."""

    @every_seed
    async def test_deliveries_go_by_the_limits_that_are_in_effect(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await DefaultWalk(store, clock, seed).run_all()
