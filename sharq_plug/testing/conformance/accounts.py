"""What a queue owes by the contract's arithmetic, reckoned in the plainest way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sharq_plug.model import MAX_BURST_DEBT, MAX_DEBT, Limit, units_of

Cost = Mapping[str, int] | None


def counted(limit: Limit, cost: Cost) -> int:
    """Return how many units of a limit a job of this cost counts as."""
    return min(units_of(cost, limit.unit), MAX_BURST_DEBT // limit.per)


@dataclass(slots=True)
class Account:
    """The limits of one queue, and what it owes to each as of `last`."""

    limits: tuple[Limit, ...] = ()
    last: int | None = None
    debts: list[int] = field(default_factory=list)

    def debts_at(self, now: int) -> Iterator[tuple[Limit, int]]:
        """Iterate over the limits and what is owed to them at `now`."""
        for limit, debt in zip(self.limits, self.debts, strict=True):
            yield limit, max(0, debt - (now - (self.last or 0)) * limit.rate)

    def ready_at(self, now: int) -> int:
        """Return the first instant, from `now` on, at which all limits allow a dequeue."""
        holds = [
            -(((limit.burst - 1) * limit.per - debt) // limit.rate)
            for limit, debt in self.debts_at(now)
        ]
        return now + max(0, 0, *holds)

    def pay(self, cost: Cost, now: int) -> None:
        """Dequeue a job of this cost."""
        self._add([counted(limit, cost) for limit in self.limits], now)

    def correct(self, cost: Cost, actual: Mapping[str, int], now: int) -> None:
        """Finish a job that paid `cost`, and took `actual`."""
        if self.limits:
            self._add(
                [
                    counted(limit, actual) - counted(limit, cost) if limit.unit in actual else 0
                    for limit in self.limits
                ],
                now,
            )

    def _add(self, units: list[int], now: int) -> None:
        self.debts = [
            min(max(0, debt + more * limit.per), MAX_DEBT)
            for (limit, debt), more in zip(self.debts_at(now), units, strict=True)
        ]
        self.last = now

    def change(self, limits: tuple[Limit, ...]) -> None:
        """Have other limits from now on."""
        before = self._by_unit()
        self.limits, after = limits, []
        for key, limit in self._keys():
            if self.last is None:
                after.append(0)
            elif key not in before:
                after.append(limit.per)
            else:
                old, debt = before[key]
                units = -(-debt // old.per)
                after.append(debt if old == limit else min(units * limit.per, MAX_DEBT))
        self.debts = after

    def _by_unit(self) -> dict[tuple[str, int], tuple[Limit, int]]:
        owed = zip(self._keys(), self.debts, strict=True)
        return {key: (limit, debt) for (key, limit), debt in owed}

    def _keys(self) -> list[tuple[tuple[str, int], Limit]]:
        units = [limit.unit for limit in self.limits]
        return [
            ((limit.unit, units[:position].count(limit.unit)), limit)
            for position, limit in enumerate(self.limits)
        ]

    def forget_if_paid(self, now: int) -> None:
        """Forget, since no job lives, what is paid off."""
        if not any(debt for _, debt in self.debts_at(now)):
            self.last, self.debts = None, [0] * len(self.limits)
