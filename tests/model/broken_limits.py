"""Memory states that are broken on purpose, one fault each: debts, costs, corrections."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec.structs import asdict, replace

from sharq_memory.call import DequeueCall
from sharq_memory.holds import terms_of
from sharq_memory.limits import Limiter
from sharq_memory.line import Step
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    JOB_UNIT,
    MAX_BURST_DEBT,
    Delivery,
    Finish,
    Hold,
    Limit,
    units_of,
)


class Limited(TypeState):
    """For a state whose queues with terms owe by a limiter of its own."""

    limiter: ClassVar[type[Limiter]]

    def _own(self, queue: Queue) -> None:
        terms = queue.terms
        if terms is not None and not isinstance(terms.limiter, self.limiter):
            terms.limiter = self.limiter(**asdict(terms.limiter))

    def _changed(self, queue: Queue, now: int, step: Step = Step.OTHER) -> None:
        self._own(queue)
        super()._changed(queue, now, step)

    def _leave_behind(self, queue: Queue, now: int) -> None:
        self._own(queue)
        super()._leave_behind(queue, now)

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        if queue.head is not None and queue.head.cost is not None:
            terms_of(queue)
        self._own(queue)
        return super()._serve(queue, lease_time, call)

    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        self._own(queue)
        super()._finish(queue, job, item, now)


class WiderLimiter(Limiter, gc=False, eq=False):
    def holds(self, leased: int, now: int, due_at: int | None = None) -> tuple[Hold, ...]:
        return self._wider().holds(leased, now, due_at)

    def held_until(self, leased: int, now: int, due_at: int | None = None) -> float:
        return self._wider().held_until(leased, now, due_at)

    def allows_from(self, now: int) -> int:
        return self._wider().allows_from(now)

    def _wider(self) -> Limiter:
        limits = tuple(
            replace(limit, burst=min(limit.burst + 1, MAX_BURST_DEBT // limit.per))
            for limit in self.limits
        )
        return Limiter(replace(self.rules, limits=limits), self.debts, self.last, self.frozen_until)


class BurstIsOneMore(Limited):
    limiter = WiderLimiter


class CostBlindLimiter(Limiter, gc=False, eq=False):
    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        super().pay(None, now)


class CostsDoNotCount(Limited):
    limiter = CostBlindLimiter


class UnitBlindLimiter(Limiter, gc=False, eq=False):
    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        jobs = units_of(cost, JOB_UNIT)
        super().pay({limit.unit: jobs for limit in self.limits}, now)


class CostsCountForEveryUnit(Limited):
    """A cost in jobs is paid to the limits of all units."""

    limiter = UnitBlindLimiter


class UncappedLimiter(Limiter, gc=False, eq=False):
    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        before = self.debts
        super().pay(cost, now)
        self.debts = tuple(
            max(debt, owed + units_of(cost, limit.unit) * limit.per)
            if units_of(cost, limit.unit) > MAX_BURST_DEBT // limit.per
            else debt
            for limit, debt, owed in zip(self.limits, self.debts, before, strict=True)
        )


class CostsAreNotCapped(Limited):
    limiter = UncappedLimiter


class WindowedLimiter(Limiter, gc=False, eq=False):
    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        if now != self.last:
            self.forget()
        super().pay(cost, now)


class DequeueForgetsOlderDebts(Limited):
    """What is owed begins anew with each dequeue that comes later."""

    limiter = WindowedLimiter


class TimeBlindLimiter(Limiter, gc=False, eq=False):
    def bring_to(self, now: int) -> bool:
        if self.last is not None and self.last > now:
            self.debts = tuple(debt for _, debt in self._debts_at(2 * self.last - now))
        return super().bring_to(now)


class DebtsFallWhileTheClockStepsBack(Limited):
    """By as much as if it had gone on for as long."""

    limiter = TimeBlindLimiter


class RoundedDownLimiter(Limiter, gc=False, eq=False):
    def _matched(self, after: tuple[Limit, ...]) -> tuple[int, ...]:
        whole = Limiter(self.rules, self.debts, self.last)
        whole.debts = tuple(
            debt if limit in after else debt // limit.per * limit.per
            for limit, debt in zip(self.limits, self.debts, strict=True)
        )
        return whole._matched(after)


class ChangedDebtsAreRoundedDown(Limited):
    limiter = RoundedDownLimiter


class PlacedLimiter(Limiter, gc=False, eq=False):
    def _matched(self, after: tuple[Limit, ...]) -> tuple[int, ...]:
        if self.last is None:
            return super()._matched(after)
        units = [-(-debt // limit.per) for limit, debt in zip(self.limits, self.debts, strict=True)]
        return tuple(
            (units[place] if place < len(units) else 1) * limit.per
            for place, limit in enumerate(after)
        )


class LimitsAreMatchedByPlace(Limited):
    """Whatever their units are."""

    limiter = PlacedLimiter


class LenientLimiter(Limiter, gc=False, eq=False):
    def _matched(self, after: tuple[Limit, ...]) -> tuple[int, ...]:
        known = [limit.unit for limit in self.limits]
        matched = []
        for limit, debt in zip(after, super()._matched(after), strict=True):
            matched.append(debt if limit.unit in known else 0)
            if limit.unit in known:
                known.remove(limit.unit)
        return tuple(matched)


class NewLimitsBeginAtZero(Limited):
    limiter = LenientLimiter


class EmptiedQueueOwesNothing(TypeState):
    """If it has settings."""

    def _leave_behind(self, queue: Queue, now: int) -> None:
        if queue.terms is not None:
            queue.terms.limiter.forget()
        super()._leave_behind(queue, now)


class DoublyCorrectedLimiter(Limiter, gc=False, eq=False):
    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        super().correct(cost, actual, now)
        super().correct(cost, actual, now)


class CorrectionsCountTwice(Limited):
    limiter = DoublyCorrectedLimiter


class CreditLimiter(Limiter, gc=False, eq=False):
    def _debts_at(self, now: int) -> list[tuple[Limit, int]]:
        debts = zip(super()._debts_at(now), self.debts, strict=True)
        return [(limit, debt + min(0, owed)) for (limit, debt), owed in debts]

    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        debts = []
        for limit, debt in self._debts_at(now):
            paid = units_of(cost, limit.unit)
            debts.append(debt + (actual.get(limit.unit, paid) - paid) * limit.per)
        if self.limits:
            self.debts, self.last = tuple(debts), now

    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        credit = [min(0, debt) for debt in self.debts]
        super().pay(cost, now)
        self.debts = tuple(debt + owed for debt, owed in zip(self.debts, credit, strict=True))


class CorrectionsGiveCredit(Limited):
    """A debt falls below 0."""

    limiter = CreditLimiter


class AnyUnitLimiter(Limiter, gc=False, eq=False):
    def correct(self, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int) -> None:
        took = actual.get(JOB_UNIT)
        if took is not None:
            actual = {limit.unit: took for limit in self.limits}
            cost = {limit.unit: units_of(cost, JOB_UNIT) for limit in self.limits}
        super().correct(cost, actual, now)


class CorrectionsCountForEveryUnit(Limited):
    limiter = AnyUnitLimiter


class CorrectionWithoutLimitsIsADequeue(TypeState):
    """It moves the instant of the latest dequeue of a queue without limits."""

    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        if item.actual is not None and queue.terms is None and not queue.interval:
            queue.last = now
        if item.actual is not None and queue.terms is not None and not queue.terms.limiter.limits:
            queue.terms.limiter.last = now
        super()._finish(queue, job, item, now)
