"""Limits: all arithmetic of debts, and what else may hold the deliveries of a queue or a type."""

from collections.abc import Mapping, Sequence
from math import inf

from msgspec import Struct

from sharq_plug.model import (
    MAX_BURST_DEBT,
    MAX_DEBT,
    NO_SETTINGS,
    Hold,
    HoldKind,
    Limit,
    Settings,
    units_of,
)


class Limiter(Struct, gc=False, eq=False):
    """The limits, concurrency, pause and freeze of a queue or a type, and what it has paid."""

    rules: Settings = NO_SETTINGS
    debts: tuple[int, ...] = ()
    """One for each limit, as of `last`, in units times the limit's `per`. All 0 without `last`."""
    last: int | None = None
    """Its latest delivery or correction (ms)."""
    frozen_until: int = 0

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits in effect."""
        return self.rules.limits or ()

    def holds(self, leased: int, now: int, due_at: int | None = None) -> tuple[Hold, ...]:
        """Return the holds that stand at `now` (ms), in the order in which they are shown.

        `leased` is how many leases stand. `due_at` is the first `at` if nothing waits.
        """
        rules = self.rules
        held: list[Hold] = []
        if self.last is not None:
            for limit, debt in zip(self.limits, self.debts, strict=True):
                until = _allowed_at(limit, debt, min(self.last, now))
                if until > now:
                    held.append(Hold(HoldKind.LIMIT, until, limit.unit))
        if due_at is not None and due_at > now:
            held.append(Hold(HoldKind.DELAY, due_at))
        if self.frozen_until > now:
            held.append(Hold(HoldKind.FROZEN, self.frozen_until))
        if rules.concurrency is not None and leased >= rules.concurrency:
            held.append(Hold(HoldKind.CONCURRENCY))
        if rules.paused:
            held.append(Hold(HoldKind.PAUSED))
        return tuple(held)

    def allows_from(self, now: int) -> int:
        """Return the first instant (ms) from `now` on at which all limits allow a delivery."""
        if self.last is None:
            return now
        last, debts = min(self.last, now), zip(self.limits, self.debts, strict=True)
        return max(now, max((_allowed_at(*owed, last) for owed in debts), default=now))

    def paid_at(self) -> int:
        """Return the instant (ms) from which on all debts are 0."""
        last = self.last
        if last is None:
            return 0
        debts = zip(self.limits, self.debts, strict=True)
        return max((last + _earned_in(limit, debt) for limit, debt in debts), default=last)

    def bring_to(self, now: int) -> bool:
        """Let `last` be `now` (ms) if it lies ahead; return whether it did.

        The clock stepped back. The debts stay.
        """
        is_ahead = self.last is not None and self.last > now
        if is_ahead:
            self.last = now
        return is_ahead

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        """Add what a delivery at `now` (ms) costs."""
        self.debts = tuple(
            [
                min(debt + _price(limit, units_of(cost, limit.unit)), MAX_DEBT)
                for limit, debt in self._debts_at(now)
            ]
        )
        self.last = now

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        """Let a job that paid its `cost` have paid what it took; units not named stay paid."""
        if not self.limits:
            return
        self.debts = tuple(
            _corrected(limit, debt, units_of(cost, limit.unit), actual.get(limit.unit))
            for limit, debt in self._debts_at(now)
        )
        self.last = now

    def change(self, rules: Settings) -> None:
        """Put other rules into effect: limits before and after are matched by their unit."""
        after = rules.limits or ()
        if after != self.limits:
            self.debts = self._matched(after)
        self.rules = rules

    def freeze(self, duration: int, now: int) -> None:
        """Stand frozen for so long (ms) from `now` on; 0 ends a freeze."""
        self.frozen_until = now + duration if duration else 0

    def freeze_at(self, now: int) -> int | None:
        """Return when the freeze that stands at `now` (ms) ends, if one does."""
        return self.frozen_until if self.frozen_until > now else None

    def forget(self) -> None:
        """Forget what was paid, as if nothing had ever been delivered."""
        self.last, self.debts = None, (0,) * len(self.limits)

    def _debts_at(self, now: int) -> list[tuple[Limit, int]]:
        """Return each limit with its debt at `now` (ms)."""
        elapsed = now - self.last if self.last is not None and self.last < now else 0
        return [
            (limit, debt - elapsed * limit.rate if debt > elapsed * limit.rate else 0)
            for limit, debt in zip(self.limits, self.debts, strict=True)
        ]

    def _matched(self, after: tuple[Limit, ...]) -> tuple[int, ...]:
        """Return the debts of other limits: the first of a unit goes on with the first of it."""
        if self.last is None:
            return (0,) * len(after)
        before: dict[str, list[tuple[Limit, int]]] = {}
        for limit, debt in zip(self.limits, self.debts, strict=True):
            before.setdefault(limit.unit, []).append((limit, debt))
        return tuple(
            _changed_debt(*had.pop(0), limit) if (had := before.get(limit.unit)) else limit.per
            for limit in after
        )


def end_of(held: Sequence[Hold]) -> float:
    """Return the instant (ms) at which all these holds have ended, inf if an event ends one."""
    end = 0
    for hold in held:
        if hold.until is None:
            return inf
        if hold.until > end:
            end = hold.until
    return end


def _allowed_at(limit: Limit, debt: int, last: int) -> int:
    """Return the instant (ms) from which on a debt, as of `last`, allows a delivery."""
    return last + _earned_in(limit, debt - (limit.burst - 1) * limit.per)


def _earned_in(limit: Limit, debt: int) -> int:
    """Return in how many ms a debt is earned back."""
    return -(-debt // limit.rate) if debt > 0 else 0


def _price(limit: Limit, units: int) -> int:
    """Return what so many units add to a debt."""
    return min(units, MAX_BURST_DEBT // limit.per) * limit.per


def _corrected(limit: Limit, debt: int, paid: int, took: int | None) -> int:
    """Return a debt to which `paid` units were added as it is if `took` had been."""
    if took is None:
        return debt
    return min(max(0, debt + _price(limit, took) - _price(limit, paid)), MAX_DEBT)


def _changed_debt(before: Limit, debt: int, after: Limit) -> int:
    """Return what is owed after a limit has changed: the same in whole units, rounded up."""
    if before == after:
        return debt
    return min(-(-debt // before.per) * after.per, MAX_DEBT)
