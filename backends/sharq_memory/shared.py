"""A shared limit: a gate with a name, for the queues that use it."""

from collections.abc import Mapping
from typing import Any

from sharq_memory import remaining
from sharq_memory.doubts import Spot
from sharq_memory.gate import Gate
from sharq_memory.limits import end_of
from sharq_memory.remaining import Counters
from sharq_plug.model import Hold, HoldKind, LimitRules, LimitView, Remaining


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
    counters: Counters = ()
    bench: Any = None
    """The row that stands on its bench; entries of several: (ready since, place number, row)."""
    spot: Spot | None = None
    """Its entry in line, if it has one."""

    def holds(self, leased: int, now: int) -> tuple[Hold, ...]:
        """Return the holds that stand at `now` (ms) while so many jobs are leased."""
        held = self.limiter.holds(leased, now)
        if not self.counters:
            return held
        limits = sum(hold.kind is HoldKind.LIMIT for hold in held)
        return (*held[:limits], *remaining.holds(self.counters, now), *held[limits:])

    def held_until(self, now: int) -> float:
        """Return when (ms) its holds end that stand at `now`, or an instant before if none stands.

        It is inf if only an event ends one.
        """
        return self.closed_until if now >= self.noted_at else self.ends_at(self.leased, now)

    def ends_at(self, leased: int, now: int) -> float:
        """Return when (ms) the holds end that stand at `now`; 0 if none stands."""
        until = self.limiter.held_until(leased, now)
        if not self.counters:
            return until
        return max(until, remaining.held_until(self.counters, now))

    def is_late(self, now: int) -> bool:
        """Return whether its `last` lies ahead of `now` (ms): the clock has stepped back."""
        return self.limiter.last is not None and self.limiter.last > now

    def is_open(self, now: int) -> bool:
        """Return whether nothing holds it at `now` (ms)."""
        if now >= self.noted_at:
            return self.closed_until <= now
        return self.held_until(now) <= now

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        """Add what a delivery at `now` (ms) costs."""
        if self.limiter.debts:
            self.limiter.pay(cost, now)
        if self.counters:
            self.counters = remaining.paid(self.counters, cost, now)

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        """Let a job that paid its `cost` have paid what it took."""
        super().correct(cost, actual, now)
        if self.counters:
            self.counters = remaining.corrected(self.counters, cost, actual, now)

    def be_told(self, said: Remaining | None, now: int) -> None:
        """Note what an upstream says is left, or forget all that it said."""
        self.counters = () if said is None else remaining.with_said(self.counters, said, now)

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
        rules = self.rules(now)
        opens_by_itself = all(hold.until is not None for hold in rules.held_by)
        return LimitView(
            self.name,
            rules,
            owed=self.limiter.owed(now),
            opens_at=max(now, int(end_of(rules.held_by))) if opens_by_itself else None,
            leased=self.leased,
            queues=self.queues,
            remaining=remaining.shown(self.counters, now),
            now=now,
        )
