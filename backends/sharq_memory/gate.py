"""What holds many queues together: the gate of a type here, its shared limits in `shared`."""

from math import inf

from msgspec import Struct

from sharq_memory.limits import Limiter, one_of
from sharq_plug.model import NO_SETTINGS, Hold, HoldKind, Settings


class Gate(Struct, gc=False, eq=False):
    """The holds of a whole type. They give no places: a dequeue looks here before each job."""

    limiter: Limiter
    closed_until: int | float = 0
    """When its holds end (ms), as it was last noted; inf if only an event ends one."""
    noted_at: int = 0
    """When (ms) that was noted: for a shared limit at the end of each step that changes it."""

    def holds(self, leased: int, now: int) -> tuple[Hold, ...]:
        """Return the holds that stand at `now` (ms) while so many jobs are leased."""
        return self.limiter.holds(leased, now)

    def opens_at(self, leased: int, now: int, first_expiry: float) -> float:
        """Return the earliest instant (ms) at which it can be open if no call comes before.

        A full concurrency can end when the first lease expires; only an event ends a pause.
        """
        instant: float = now
        for hold in self.holds(leased, now):
            if hold.kind is HoldKind.PAUSED:
                return inf
            instant = max(instant, first_expiry if hold.until is None else hold.until)
        return instant

    def change(self, settings: Settings) -> None:
        """Give it other settings. It keeps its debts only while it has limits."""
        self.limiter.change(one_of(settings))
        if not self.limiter.limits:
            self.limiter.forget()

    def has_been_opened(self, leased: int, now: int) -> bool:
        """Note when its holds end; return whether an event has let them end earlier."""
        before, until = self.closed_until, self.limiter.held_until(leased, now)
        self.closed_until, self.noted_at = until, now
        return until < before and now < before

    def needed_until(self) -> float:
        """Return the instant (ms) from which on it holds nothing; inf if it has settings."""
        return inf if self.limiter.rules != NO_SETTINGS else self.limiter.frozen_until
