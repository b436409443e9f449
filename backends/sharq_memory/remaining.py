"""What an upstream says is left of a unit: counters beside the debts of a shared limit."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from sharq_plug.model import MAX_LIMITS, Hold, HoldKind, Remaining, units_of


class Counter(Struct, frozen=True, gc=False):
    """So many of a unit are left until an instant (ms); fewer than 0 once more was taken."""

    unit: str
    count: int
    until: int
    most: int
    """What it was given as. A correction does not raise it above this."""

    def with_more(self, units: int) -> "Counter":
        """Return it with so many units more, or fewer."""
        return Counter(self.unit, min(self.most, self.count + units), self.until, self.most)


Counters: TypeAlias = tuple[Counter, ...]
"""At most one of each unit, in the order of their units."""


def standing(counters: Counters, now: int) -> Counters:
    """Return the counters that have not ended at `now` (ms)."""
    return tuple(counter for counter in counters if counter.until > now)


def with_said(counters: Counters, said: Remaining, now: int) -> Counters:
    """Return the counters after an upstream said what is left: the smaller count, the later end.

    Of more than MAX_LIMITS those that end first are dropped.
    """
    by_unit = {counter.unit: counter for counter in standing(counters, now)}
    if said.until > now:
        count, until, most = said.count, said.until, said.count
        before = by_unit.get(said.unit)
        if before is not None:
            count, until = min(count, before.count), max(until, before.until)
            most = min(most, before.most)
        by_unit[said.unit] = Counter(said.unit, count, until, most)
    last = sorted(by_unit.values(), key=lambda counter: (counter.until, counter.unit))[-MAX_LIMITS:]
    return tuple(sorted(last, key=lambda counter: counter.unit))


def paid(counters: Counters, cost: Mapping[str, int] | None, now: int) -> Counters:
    """Return the counters after a delivery at `now` (ms) that costs so much."""
    return tuple(
        counter.with_more(-units_of(cost, counter.unit)) for counter in standing(counters, now)
    )


def corrected(
    counters: Counters, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int
) -> Counters:
    """Return the counters after a job that paid its `cost` told what it took."""
    return tuple(
        counter.with_more(units_of(cost, counter.unit) - actual[counter.unit])
        if counter.unit in actual
        else counter
        for counter in standing(counters, now)
    )


def holds(counters: Counters, now: int) -> tuple[Hold, ...]:
    """Return the holds of those of which nothing is left at `now` (ms)."""
    return tuple(
        Hold(HoldKind.LIMIT, counter.until, counter.unit)
        for counter in standing(counters, now)
        if counter.count <= 0
    )


def held_until(counters: Counters, now: int) -> int:
    """Return when (ms) these holds end; 0 if none stands at `now`."""
    ends = (counter.until for counter in standing(counters, now) if counter.count <= 0)
    return max(ends, default=0)


def shown(counters: Counters, now: int) -> tuple[Remaining, ...]:
    """Return what is left at `now` (ms), as it is shown."""
    return tuple(
        Remaining(max(0, counter.count), counter.until, counter.unit)
        for counter in standing(counters, now)
    )
