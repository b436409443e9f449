"""What is counted of a type since it came into being."""

from typing import Final

from msgspec import Struct
from msgspec.structs import astuple

from sharq_plug.model import Totals

TOTALS_KEPT: Final = 24 * 3600 * 1000
"""How long (ms) a type keeps its totals when it has neither a queue nor a dead letter."""


class Counters(Struct, gc=False, eq=False):
    """The totals of a type, and what else is needed to compute its lengths.

    An enqueue, a dequeue or a finish changes only one counter.
    """

    enqueued: int = 0
    dequeued: int = 0
    finished: int = 0
    released: int = 0
    failed: int = 0
    expired_leases: int = 0
    dead: int = 0
    redriven: int = 0
    discarded: int = 0
    aged_out: int = 0
    removed: int = 0
    revoked: int = 0
    """Leases that ended because their jobs were cancelled or cleared."""
    delayed: int = 0
    """Jobs that are delayed now, with those that are due but have not joined."""
    kept_until: int | None = None
    """When (ms) the totals end; None while the type has a queue or a dead letter."""

    def count_from(self, now: int) -> "Counters":
        """Return the counters to use when the type comes into being again at `now` (ms)."""
        if self.has_ended(now):
            return Counters()
        self.kept_until = None
        return self

    def has_ended(self, now: int) -> bool:
        """Return whether the totals have ended at `now` (ms)."""
        return self.kept_until is not None and self.kept_until <= now

    def totals(self, now: int) -> Totals:
        """Return the totals at `now` (ms), zeros if they have ended."""
        if self.has_ended(now):
            return Totals()
        return Totals(*astuple(self)[: len(Totals.__struct_fields__)])

    @property
    def living(self) -> int:
        """How many jobs wait, are delayed or are leased."""
        came = self.enqueued + self.redriven
        return came - self.finished - self.dead - self.removed

    @property
    def leased(self) -> int:
        """How many jobs are leased."""
        said = self.finished + self.failed + self.released
        return self.dequeued - said - self.expired_leases - self.revoked
