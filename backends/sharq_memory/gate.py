"""The gate of a type: what holds all its queues together."""

from collections.abc import Mapping
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from sharq_memory.limits import Limiter, end_of
from sharq_plug.model import NO_SETTINGS, Hold, HoldKind, Settings


class Gate(Struct, gc=False, eq=False):
    """The holds of a whole type. They give no places: a dequeue looks here before each job."""

    limiter: Limiter
    closed_until: int | float = 0
    """When its holds end (ms), as of the end of the latest call; inf if only an event ends one."""

    def holds(self, leased: int, now: int) -> tuple[Hold, ...]:
        """Return the holds that stand at `now` (ms) while so many jobs are leased."""
        return tuple(replace(hold, of_type=True) for hold in self.limiter.holds(leased, now))

    def opens_at(self, leased: int, now: int, first_expiry: float) -> float:
        """Return the earliest instant (ms) at which it can be open if no call comes before.

        A full concurrency can end when the first lease expires; only an event ends a pause.
        """
        instant: float = now
        for hold in self.limiter.holds(leased, now):
            if hold.kind is HoldKind.PAUSED:
                return inf
            instant = max(instant, first_expiry if hold.until is None else hold.until)
        return instant

    def change(self, settings: Settings) -> None:
        """Give it other settings. It keeps its debts only while it has limits."""
        self.limiter.change(settings)
        if not self.limiter.limits:
            self.limiter.forget()

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        """Add what a delivery at `now` (ms) costs, if it has limits."""
        if self.limiter.limits:
            self.limiter.pay(cost, now)

    def has_been_opened(self, leased: int, now: int) -> bool:
        """Note when its holds end; return whether an event has let them end earlier."""
        before, self.closed_until = self.closed_until, end_of(self.limiter.holds(leased, now))
        return now < before and self.closed_until < before

    def needed_until(self) -> float:
        """Return the instant (ms) from which on it holds nothing; inf if it has settings."""
        return inf if self.limiter.rules != NO_SETTINGS else self.limiter.frozen_until
