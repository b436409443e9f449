"""Memory states that are broken on purpose, one fault each: what is paid to shared limits."""

from msgspec.structs import replace

from sharq_memory.benches import Benches
from sharq_memory.holds import uses_of
from sharq_memory.line import Line, Step
from sharq_memory.queue import Job, Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.state import TypeState
from sharq_memory.terms import Names, Terms
from sharq_plug.model import (
    ChangeOutcome,
    Extras,
    Fail,
    FreezeLimit,
    Hold,
    LeaseOutcome,
    PatchLimit,
    Release,
    Remaining,
    Setting,
    Settled,
    Settlement,
    Use,
)


class LineOnBenches(Line):
    """A line whose benches are of a class of their own."""

    def __init__(self, benches: type[Benches]) -> None:
        super().__init__()
        self._make = benches

    def own_benches(self) -> Benches:
        if not isinstance(self.benches, self._make):
            self.benches = self._make()
        return self.benches


class OnBenches(TypeState):
    """A state with such a line."""

    make = Benches

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.line = LineOnBenches(self.make)


class OneOfTwoIsCharged(TypeState):
    """A delivery pays to the first of its shared limits alone."""

    def _charge(self, terms: Terms, job: Job, now: int) -> None:
        names, terms.row = terms.row, terms.row[:1]
        super()._charge(terms, job, now)
        terms.row = names


class LeaseIsGivenBackTwice(TypeState):
    def _end_lease(self, queue: Queue, job: Job) -> Names:
        charged = super()._end_lease(queue, job)
        for name in charged:
            limit: SharedLimit = self.limits[name]
            limit.leased -= limit.leased > 0
        return charged


class EndedLeaseLeavesItsLimitClosed(TypeState):
    """Nothing sets the entry of a shared limit anew when a lease ends that was charged to it."""

    def _give_back(self, names: Names, leases: int) -> None:
        for name in names:
            limit: SharedLimit = self.limits[name]
            limit.leased -= leases


class CorrectionsFollowTheUses(TypeState):
    """A correction counts for what the queue uses by then."""

    def _end_lease(self, queue: Queue, job: Job) -> Names:
        charged = super()._end_lease(queue, job)
        return uses_of(queue) if charged else charged


class CorrectionsMissSharedLimits(TypeState):
    def _end_lease(self, queue: Queue, job: Job) -> Names:
        super()._end_lease(queue, job)
        return ()


class DebtGoesWithItsLastUser(TypeState):
    """A shared limit owes nothing once no queue in line uses it."""

    def _changed(self, queue: Queue, now: int, step: Step = Step.OTHER) -> None:
        super()._changed(queue, now, step)
        for limit in self.limits.values():
            if not limit.queues and not limit.leased and limit.limiter.last is not None:
                limit.limiter.forget()


class EnqueueChangesALimit(TypeState):
    """An enqueue gives a shared limit that is there the limits that it brings."""

    def _brought_by(self, extras: Extras) -> Names | None:
        names = super()._brought_by(extras)
        for use in extras.uses or ():
            if use.limits is not None:
                limit = self.line.benches.touch(use.name)
                rules = replace(limit.limiter.rules, limits=use.limits)
                limit.change(rules)
        return names


class UnknownLimitIsCreated(TypeState):
    """By an enqueue that names it and brings no limits for it."""

    def _can_use(self, uses: tuple[Use, ...]) -> bool:
        return True


class FreezeHitsAnotherLimit(TypeState):
    """A worker freezes the first other one of the type."""

    def _freeze(self, queue: Queue, item: Release | Fail, now: int) -> None:
        freeze = item.freeze_limit
        others = [name for name in self.limits if freeze is not None and name != freeze.name]
        if freeze is not None and others:
            item = replace(item, freeze_limit=FreezeLimit(others[0], freeze.duration))
        super()._freeze(queue, item, now)


class AnyLeaseFreezesALimit(TypeState):
    """A worker freezes a shared limit to which its lease was not charged."""

    def settle(self, item: Settlement, now: int) -> Settled:
        settled = super().settle(item, now)
        if settled is not LeaseOutcome.NOT_CHARGED or not isinstance(item, Release | Fail):
            return settled
        freeze = item.freeze_limit
        if freeze is not None and freeze.name in self.limits:
            limit = self.line.benches.touch(freeze.name)
            limit.limiter.freeze_until(now + freeze.duration)
        return super().settle(replace(item, freeze_limit=None), now)


class LatestCountReplacesOthers(TypeState):
    """What an upstream says last is left, is left."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if isinstance(change, PatchLimit) and isinstance(change.remaining, Remaining):
            is_there = change.name in self.limits
            forgotten = PatchLimit(change.name, remaining=None, if_match=change.if_match)
            if is_there and super().configure(forgotten, now) is not ChangeOutcome.CHANGED:
                return ChangeOutcome.MISMATCH
        return super().configure(change, now)


class CountIsNeverTaken(TypeState):
    """Deliveries take nothing from what an upstream says is left."""

    def _charge(self, terms: Terms, job: Job, now: int) -> None:
        counters = {name: self.limits[name].limiter.counters for name in terms.row}
        super()._charge(terms, job, now)
        for name, before in counters.items():
            self.limits[name].limiter.counters = before


class ClosedLimitIsNotTold(TypeState):
    def shared_holds(self, queue: Queue, now: int) -> tuple[Hold, ...]:
        return ()


class PatchedLimitForgetsItsDebt(TypeState):
    """Whatever is changed of it."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        outcome = super().configure(change, now)
        if isinstance(change, PatchLimit) and change.name in self.limits:
            self.line.benches.touch(change.name).limiter.forget()
            self.line.benches.settle(now)
        return outcome
