"""A shared limit, as the contract reads: a gate with a name, and what an upstream says is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sharq_plug.model import MAX_LIMITS, Hold, HoldKind, Remaining, units_of
from sharq_plug.testing.model_check.exact.gates import GateFacts


@dataclass(frozen=True, slots=True)
class Count:
    """What is left of a unit until an instant (ms): at most what it was given as (`most`)."""

    left: int
    until: int
    most: int

    def with_more(self, units: int) -> "Count":
        """Return it with so many units more, or fewer."""
        return Count(min(self.left + units, self.most), self.until, self.most)


@dataclass(slots=True)
class SharedFacts(GateFacts):
    """A shared limit; `counts` has what is left, by unit."""

    counts: dict[str, Count] = field(default_factory=dict)

    def told(self, said: Remaining | None, now: int) -> None:
        """Note what an upstream says at `now` (ms) is left; None takes all back."""
        standing = self._standing(now)
        if said is None:
            standing.clear()
        elif said.until > now:
            new = Count(said.count, said.until, said.count)
            old = standing.get(said.unit, new)
            left, until = min(old.left, new.left), max(old.until, new.until)
            standing[said.unit] = Count(left, until, min(old.most, new.most))
            if len(standing) > MAX_LIMITS:
                del standing[min(standing, key=lambda unit: (standing[unit].until, unit))]
        self.counts = standing

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        """Note a delivery at `now` (ms) of a job of this cost."""
        GateFacts.pay(self, cost, now)
        for unit, count in self._standing(now).items():
            self.counts[unit] = count.with_more(-units_of(cost, unit))

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        """Note at `now` (ms) what a job of this cost took."""
        GateFacts.correct(self, cost, actual, now)
        for unit, count in self._standing(now).items():
            if unit in actual:
                self.counts[unit] = count.with_more(units_of(cost, unit) - actual[unit])

    def holds(self, leased: int, now: int) -> list[Hold]:
        """Return the holds that stand at `now` (ms) while so many leases are charged to it."""
        holds = GateFacts.holds(self, leased, now)
        counts = sorted(self._standing(now).items())
        closed = [
            Hold(HoldKind.LIMIT, count.until, unit) for unit, count in counts if count.left <= 0
        ]
        limits = [hold for hold in holds if hold.kind is HoldKind.LIMIT]
        return limits + closed + holds[len(limits) :]

    def remaining(self, now: int) -> tuple[Remaining, ...]:
        """Return what must be shown of the counts at `now` (ms)."""
        counts = sorted(self._standing(now).items())
        return tuple(Remaining(max(0, count.left), count.until, unit) for unit, count in counts)

    def _standing(self, now: int) -> dict[str, Count]:
        return {unit: count for unit, count in self.counts.items() if count.until > now}
