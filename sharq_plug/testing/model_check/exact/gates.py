"""The gate of a type and the defaults of its queues, as the contract reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from sharq_plug.model import NO_SETTINGS, Hold, Settings, SettingsPatch
from sharq_plug.testing.model_check.exact.accounts import Account
from sharq_plug.testing.model_check.exact.holds import standing, timed_end


@dataclass(slots=True)
class GateFacts:
    """What holds all queues of a type together, or those that use a shared limit."""

    settings: Settings = NO_SETTINGS
    account: Account = field(default_factory=Account)
    frozen_until: int | None = None

    def change(self, patch: SettingsPatch, freeze: int | None, now: int) -> None:
        """Note a change of its settings, and a freeze (ms), if there is one."""
        self.settings = patch.applied_to(self.settings)
        self.frozen_until = self.frozen_until if freeze is None else now + freeze
        self.account.change(self.settings.limits or ())
        if not self.settings.limits:
            self.account.forget()

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        """Note a delivery at `now` (ms) of a job of this cost."""
        if self.account.limits:
            self.account.pay(cost, now)

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        """Note at `now` (ms) what a job of this cost took."""
        self.account.correct(cost, actual, now)

    def freeze(self, duration: int, now: int) -> None:
        """Note a freeze by a worker for so long (ms); a freeze is never cut short."""
        self.frozen_until = max(self.frozen_until or 0, now + duration)

    def holds(self, leased: int, now: int) -> list[Hold]:
        """Return the holds that stand at `now` (ms) while so many jobs are leased."""
        return standing(self.account, self.settings, self.frozen_until, leased, now)

    def opens(self, ends: Sequence[int], first: int | None, now: int) -> tuple[float, float]:
        """Return the earliest and the latest instant (ms) at which it may be said to open.

        `ends` are those of the leases that it counts, in order, and `first` is the first one of the
        type. That one may make room if the concurrency is full, and one of the others surely does.
        """
        opens = timed_end(self.holds(len(ends), now), now)
        most = self.settings.concurrency
        if self.settings.paused:
            return inf, inf
        if most is None or len(ends) < most:
            return opens, opens
        return max(opens, first or 0), max(opens, ends[-most])


@dataclass(slots=True)
class DefaultFacts:
    """The defaults of a type. Their version is 0 while there are none, else new each time."""

    settings: Settings = NO_SETTINGS
    version: int = 0
    _latest: int = 0

    def change(self, patch: SettingsPatch) -> None:
        """Note a change of them."""
        settings = patch.applied_to(self.settings)
        if settings != self.settings:
            self._latest += 1
            self.settings = settings
            self.version = 0 if settings == NO_SETTINGS else self._latest
