"""A shared limit: a gate with a name, for the queues that use it."""

from typing import Any

from sharq_memory import remaining
from sharq_memory.doubts import Spot
from sharq_memory.gate import Gate
from sharq_memory.limits import end_of
from sharq_plug.model import LimitRules, LimitView, Remaining


class SharedLimit(Gate, gc=False, eq=False, kw_only=True):
    """The holds of the queues that use it, and its entry in their type's line.

    Its entry stands for all rows on its bench (see `benches`).
    """

    name: str
    leased: int = 0
    """Leases that are charged to it."""
    uses: int = 0
    """How many queues, and defaults, name it."""
    queues: int = 0
    """Queues in line that use it."""
    bench: Any = None
    """The row that stands on its bench; entries of several: (ready since, place number, row)."""
    spot: Spot | None = None
    """Its entry in line, if it has one."""

    def held_until(self, now: int) -> float:
        """Return when (ms) its holds end that stand at `now`, or an instant before if none stands.

        It is inf if only an event ends one.
        """
        if now >= self.noted_at:
            return self.closed_until
        return self.limiter.held_until(self.leased, now)

    def is_late(self, now: int) -> bool:
        """Return whether its `last` lies ahead of `now` (ms): the clock has stepped back."""
        return self.limiter.last is not None and self.limiter.last > now

    def is_open(self, now: int) -> bool:
        """Return whether nothing holds it at `now` (ms)."""
        return self.held_until(now) <= now

    def be_told(self, said: Remaining | None, now: int) -> None:
        """Note what an upstream says is left, or forget all that it said."""
        before = self.limiter.counters
        self.limiter.counters = () if said is None else remaining.with_said(before, said, now)

    def rules(self, now: int) -> LimitRules:
        """Return what is set for it, and what holds it at `now` (ms)."""
        limiter = self.limiter
        return LimitRules(
            settings=limiter.rules,
            held_by=self.holds(self.leased, now),
            frozen_until=limiter.freeze_at(now),
        )

    def view(self, now: int) -> LimitView:
        """Return what there is of it at `now` (ms)."""
        limiter, rules = self.limiter, self.rules(now)
        opens_by_itself = all(hold.until is not None for hold in rules.held_by)
        return LimitView(
            self.name,
            rules,
            owed=limiter.owed(now),
            opens_at=max(now, int(end_of(rules.held_by))) if opens_by_itself else None,
            leased=self.leased,
            queues=self.queues,
            remaining=remaining.shown(limiter.counters, now),
            now=now,
        )
