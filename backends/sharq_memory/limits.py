"""Limits: all arithmetic of debts, and what else may hold the deliveries of a queue or a type."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import inf

from msgspec import Struct

from sharq_memory import remaining
from sharq_memory.remaining import Counters
from sharq_plug.model import (
    JOB_UNIT,
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
    """The limits, concurrency, pause and freeze of a queue, a type or a shared limit.

    With what it has paid.
    """

    rules: Settings = NO_SETTINGS
    debts: tuple[int, ...] = ()
    """One for each limit, as of `last`, in units times the limit's `per`. All 0 without `last`."""
    last: int | None = None
    """Its latest delivery or correction (ms)."""
    frozen_until: int = 0
    counters: Counters = ()
    """What an upstream said is left, of a shared limit."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits in effect."""
        return self.rules.limits or ()

    def holds(self, leased: int, now: int, due_at: int | None = None) -> tuple[Hold, ...]:
        """Return the holds that stand at `now` (ms), in the order in which they are shown.

        `leased` is how many leases stand. `due_at` is the first `at` if nothing waits.
        """
        rules, last = self.rules, self.last
        held: list[Hold] = []
        if last is not None:
            for nth, limit in enumerate(rules.limits or ()):
                until = _allowed_at(limit, self.debts[nth], last if last < now else now)
                if until > now:
                    held.append(Hold(HoldKind.LIMIT, until, limit.unit))
        if self.counters:
            held += remaining.holds(self.counters, now)
        if due_at is not None and due_at > now:
            held.append(Hold(HoldKind.DELAY, due_at))
        if self.frozen_until > now:
            held.append(Hold(HoldKind.FROZEN, self.frozen_until))
        if rules.concurrency is not None and leased >= rules.concurrency:
            held.append(Hold(HoldKind.CONCURRENCY))
        if rules.paused:
            held.append(Hold(HoldKind.PAUSED))
        return tuple(held)

    def held_until(self, leased: int, now: int, due_at: int | None = None) -> float:
        """Return when (ms) the holds end that stand at `now`; 0 if none stands.

        It is inf if only an event ends one. `holds` tells which they are.
        """
        rules, last = self.rules, self.last
        if rules.paused or (rules.concurrency is not None and leased >= rules.concurrency):
            return inf
        end = self.frozen_until
        if last is not None and self.debts:
            if last > now:
                last = now
            debts = self.debts
            for nth, limit in enumerate(rules.limits or ()):
                debt = debts[nth]
                if debt > (limit.burst - 1) * limit.per:
                    until = _allowed_at(limit, debt, last)
                    if until > end:
                        end = until
        if self.counters:
            end = max(end, remaining.held_until(self.counters, now))
        if due_at is not None and due_at > end:
            end = due_at
        return end if end > now else 0

    def allows_from(self, now: int) -> int:
        """Return the first instant (ms) from `now` on at which all limits allow a delivery."""
        if self.last is None:
            return now
        last, debts = min(self.last, now), zip(self.limits, self.debts, strict=True)
        return max(now, max((_allowed_at(*owed, last) for owed in debts), default=now))

    def owed(self, now: int) -> tuple[int, ...]:
        """Return what is owed to each limit at `now` (ms), in whole units, rounded up."""
        return tuple(-(-debt // limit.per) for limit, debt in self._debts_at(now))

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
        debts, last = self.debts, self.last
        if debts:
            elapsed = now - last if last is not None and last < now else 0
            owed = []
            for nth, limit in enumerate(self.rules.limits or ()):
                debt = debts[nth] - elapsed * limit.rate
                if debt < 0:
                    debt = 0
                if cost is None and limit.unit == JOB_UNIT:
                    debt += limit.per
                else:
                    debt += _price(limit, units_of(cost, limit.unit))
                owed.append(debt if debt < MAX_DEBT else MAX_DEBT)
            self.debts = tuple(owed)
            self.last = now
        if self.counters:
            self.counters = remaining.paid(self.counters, cost, now)

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        """Let a job that paid its `cost` have paid what it took; units not named stay paid."""
        if self.debts:
            self.debts = tuple(
                _corrected(limit, debt, units_of(cost, limit.unit), actual.get(limit.unit))
                for limit, debt in self._debts_at(now)
            )
            self.last = now
        if self.counters:
            self.counters = remaining.corrected(self.counters, cost, actual, now)

    def change(self, rules: Settings) -> None:
        """Put other rules into effect: limits before and after are matched by their unit."""
        after = rules.limits or ()
        if after != self.limits:
            self.debts = self._matched(after)
        self.rules = rules

    def freeze(self, duration: int, now: int) -> None:
        """Stand frozen for so long (ms) from `now` on; 0 ends a freeze."""
        self.frozen_until = now + duration if duration else 0

    def freeze_until(self, until: int) -> None:
        """Stand frozen at least until an instant (ms)."""
        self.frozen_until = max(self.frozen_until, until)

    def freeze_at(self, now: int) -> int | None:
        """Return when the freeze that stands at `now` (ms) ends, if one does."""
        return self.frozen_until if self.frozen_until > now else None

    def forget(self) -> None:
        """Forget what was paid, as if nothing had ever been delivered."""
        self.last, self.debts = None, (0,) * len(self.limits)

    def _debts_at(self, now: int) -> list[tuple[Limit, int]]:
        """Return each limit with its debt at `now` (ms)."""
        elapsed = now - self.last if self.last is not None and self.last < now else 0
        owed = []
        for nth, limit in enumerate(self.rules.limits or ()):
            debt = self.debts[nth] - elapsed * limit.rate
            owed.append((limit, debt if debt > 0 else 0))
        return owed

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


@lru_cache(maxsize=10_000)
def one_of(settings: Settings) -> Settings:
    """Return the one object that stands for all equal settings: most queues share theirs."""
    return settings


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
    excess = debt - (limit.burst - 1) * limit.per
    return last + _earned_in(limit, excess) if excess > 0 else last


def _earned_in(limit: Limit, debt: int) -> int:
    """Return in how many ms a debt is earned back."""
    return -(-debt // limit.rate) if debt > 0 else 0


def _price(limit: Limit, units: int) -> int:
    """Return what so many units add to a debt."""
    most = MAX_BURST_DEBT // limit.per
    return (units if units < most else most) * limit.per


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
