"""What is owed to limits, by a queue or by a whole type, as the contract reads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sharq_plug.model import MAX_BURST_DEBT, MAX_DEBT, Limit, units_of


@dataclass(slots=True)
class Account:
    """The limits in effect, and the debt to each of them as of `last` (ms).

    `last` is the latest dequeue or correction, None if there was none or it is forgotten.
    """

    last: int | None = None
    limits: tuple[Limit, ...] = ()
    debts: tuple[int, ...] = ()

    def at(self, now: int) -> tuple[int, ...]:
        """Return what is still owed to each limit at `now` (ms)."""
        passed = 0 if self.last is None else now - self.last
        owed = zip(self.limits, self.debts, strict=True)
        return tuple(max(0, debt - passed * limit.rate) for limit, debt in owed)

    def opens(self) -> list[tuple[Limit, int]]:
        """Return each limit with the first instant (ms) from which it allows a dequeue."""
        if self.last is None:
            return [(limit, 0) for limit in self.limits]
        opens = []
        for limit, debt in zip(self.limits, self.debts, strict=True):
            too_much = max(0, debt - (limit.burst - 1) * limit.per)
            opens.append((limit, self.last + _divided_up(too_much, limit.rate)))
        return opens

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        """Note a dequeue at `now` (ms) of a job of this cost."""
        owed = zip(self.limits, self.at(now), strict=True)
        paid = [debt + _counted(units_of(cost, limit.unit), limit) for limit, debt in owed]
        self.last, self.debts = now, tuple(paid)

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        """Note at `now` (ms) what a job of this cost took."""
        if not self.limits:
            return
        debts = []
        for limit, debt in zip(self.limits, self.at(now), strict=True):
            paid = units_of(cost, limit.unit)
            took = actual.get(limit.unit, paid)
            corrected = debt + _counted(took, limit) - _counted(paid, limit)
            debts.append(min(max(0, corrected), MAX_DEBT))
        self.last, self.debts = now, tuple(debts)

    def change(self, limits: tuple[Limit, ...]) -> None:
        """Note other limits. Each takes over the debt of the one before it that has its place.

        The place is that among the limits of its unit.
        """
        owed = zip(self.limits, self.debts, strict=True)
        before = dict(zip(_places(self.limits), owed, strict=True))
        debts = []
        for place, limit in zip(_places(limits), limits, strict=True):
            old, debt = before.get(place, (limit, limit.per))
            if old != limit:
                debt = min(_divided_up(debt, old.per) * limit.per, MAX_DEBT)
            debts.append(0 if self.last is None else debt)
        self.limits, self.debts = limits, tuple(debts)

    def forget(self) -> None:
        """Note that the queue counts as one that was never dequeued."""
        self.last, self.debts = None, (0,) * len(self.limits)


def _counted(units: int, limit: Limit) -> int:
    """Return what so many units add to the debt to a limit."""
    return min(units, MAX_BURST_DEBT // limit.per) * limit.per


def _places(limits: tuple[Limit, ...]) -> list[tuple[str, int]]:
    """Return for each limit its unit, and how many of this unit stand before it."""
    seen: Counter[str] = Counter()
    places = []
    for limit in limits:
        places.append((limit.unit, seen[limit.unit]))
        seen[limit.unit] += 1
    return places


def _divided_up(number: int, by: int) -> int:
    return (number + by - 1) // by
