"""The gate of a type and the defaults of its queues, as the contract reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from sharq_plug.model import NO_SETTINGS, Hold, Settings, SettingsPatch
from sharq_plug.testing.model_check.exact.accounts import Account
from sharq_plug.testing.model_check.exact.holds import standing, timed_end


@dataclass(slots=True)
class GateFacts:
    """What holds all queues of a type together."""

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

    def holds(self, leased: int, now: int) -> list[Hold]:
        """Return the holds that stand at `now` (ms) while so many jobs of the type are leased."""
        return standing(self.account, self.settings, self.frozen_until, leased, now, of_type=True)

    def opens(self, ends: Sequence[int], now: int) -> tuple[float, float]:
        """Return the earliest and the latest instant (ms) at which it may be said to open.

        `ends` are those of the leases of the type, in order. Each may make room if the concurrency
        is full, and one of them surely does.
        """
        opens = timed_end(self.holds(len(ends), now), now)
        most = self.settings.concurrency
        if self.settings.paused:
            return inf, inf
        if most is None or len(ends) < most:
            return opens, opens
        return max(opens, ends[0]), max(opens, ends[-most])


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
