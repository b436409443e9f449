"""Memory states that are broken on purpose, one fault each: gates of types, and their defaults."""

from collections.abc import Mapping
from math import inf

from model.broken_limits import CostBlindLimiter
from model.broken_settings import Reworked
from msgspec import UNSET
from msgspec.structs import asdict, replace

from sharq_memory.call import DequeueCall
from sharq_memory.defaults import take_up
from sharq_memory.gate import Gate
from sharq_memory.holds import settings_of
from sharq_memory.limits import Limiter
from sharq_memory.line import Step
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_memory.terms import Terms
from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    Finish,
    Limit,
    PatchType,
    QueueRules,
    Setting,
    Settings,
    Take,
)


class FreeLimiter(Limiter, gc=False, eq=False):
    def pay(self, cost: Mapping[str, int] | None, now: int) -> None:
        pass


class GateIsFree(TypeState):
    """Deliveries do not pay the limits of their type."""

    def _change_gate(self, settings: Settings, freeze: int | None, now: int) -> None:
        super()._change_gate(settings, freeze, now)
        if self.gate is not None:
            self.gate.limiter = FreeLimiter(**asdict(self.gate.limiter))


class GateIgnoresCosts(TypeState):
    def _change_gate(self, settings: Settings, freeze: int | None, now: int) -> None:
        super()._change_gate(settings, freeze, now)
        if self.gate is not None:
            self.gate.limiter = CostBlindLimiter(**asdict(self.gate.limiter))


class GateCountsOneQueue(TypeState):
    """The concurrency of a type holds while one of its queues has that many leases."""

    def _is_open(self, gate: Gate, call: DequeueCall) -> bool:
        most = max((queue.leased for queue in self.queues.values()), default=0)
        return not gate.limiter.holds(most, call.now)


class ClosedGateLetsABatchThrough(TypeState):
    """A dequeue looks at the gate before its first job alone."""

    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        gate = self.gate
        if gate is None or not self._is_open(gate, call):
            super()._serve_ready(jobs, take, call)
            return
        before = len(jobs)
        self.gate = None
        super()._serve_ready(jobs, take, call)
        self.gate = gate
        for job in jobs[before:]:
            gate.limiter.pay(job.cost, call.now)


class OpenedGateWakesNobody(TypeState):
    def open_gate(self, gate: Gate, now: int) -> bool:
        if super().open_gate(gate, now):
            self.line.soonest, self.line.placed = inf, []
        return False


class OpenedGateGivesPlaces(TypeState):
    """Queues that an opened gate lets go are ready since then."""

    def open_gate(self, gate: Gate, now: int) -> bool:
        is_opened = super().open_gate(gate, now)
        if is_opened and gate.closed_until <= now:
            queues = [queue for queue in self.queues.values() if queue.ready_since is not None]
            for queue in queues:
                if queue.ready_since <= now:
                    self.line.leave(queue)
                    self.line.enter(queue, now, self.line.next_number())
        return is_opened


class CorrectionsMissTheGate(TypeState):
    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        gate, self.gate = self.gate, None
        super()._finish(queue, job, item, now)
        self.gate = gate


class GateIsNotForeseen(TypeState):
    """When to come back is told as if there were none."""

    def gated(self, instant: float, now: int, served: int = 0) -> float:
        return instant


class GateHoldsAreNotTold(TypeState):
    """Of a queue."""

    def rules_of(self, queue_id: str, now: int) -> QueueRules:
        rules = super().rules_of(queue_id, now)
        return replace(rules, held_by=tuple(hold for hold in rules.held_by if not hold.of_type))


class TypeTagsDoNotMatter(TypeState):
    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if isinstance(change, PatchType):
            change = replace(change, if_match=None)
        return super().configure(change, now)


class TendingTakesUpNothing(TypeState):
    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        outcome = super().configure(change, now)
        self.line.doubtful = None
        return outcome


class HeadKeepsOldDefaults(TypeState):
    """A dequeue takes up no changed defaults before it serves a queue."""

    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        defaults, self.defaults = self.defaults, None
        super()._serve_ready(jobs, take, call)
        self.defaults = defaults


class PendingNeverEnds(TypeState):
    """Once defaults have changed, every queue that exists is said not to have taken them up."""

    def rules_of(self, queue_id: str, now: int) -> QueueRules:
        rules = super().rules_of(queue_id, now)
        queue = self.queues.get(queue_id)
        has_jobs = queue is not None and bool(queue.jobs)
        return replace(rules, pending=rules.pending or (has_jobs and self.defaults is not None))


class EnqueueGoesByOldDefaults(TypeState):
    """It is refused by what its queue has taken up."""

    def _bounds_of(self, queue: Queue | None) -> tuple[tuple[Limit, ...] | None, int | None]:
        if queue is None or not queue.jobs or self.defaults is None:
            return super()._bounds_of(queue)
        own = settings_of(queue)
        if queue.terms is not None:
            own = own.or_else(queue.terms.defaults)
        return own.limits, own.max_length


class DefaultsOverrideSettings(Reworked):
    def _rework(self, queue: Queue, terms: Terms) -> None:
        rules = terms.defaults.or_else(terms.settings)
        if rules.limits is not None:
            terms.limiter.change(replace(rules, paused=terms.settings.paused))


class DefaultsAreTakenUpAtOnce(TypeState):
    """By all queues of the type."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        outcome = super().configure(change, now)
        if isinstance(change, PatchType) and self.defaults is not None:
            for queue in [queue for queue in self.queues.values() if queue.jobs]:
                if take_up(queue, self.defaults):
                    self._changed(queue, now, Step.HELD)
        return outcome


class TakingUpForgetsDebts(TypeState):
    def _take_up(self, queue: Queue) -> bool:
        has_taken = super()._take_up(queue)
        if has_taken and queue.terms is not None:
            queue.terms.limiter.forget()
        return has_taken


class DefaultsAreNotTakenBack(TypeState):
    """They stay until others are set."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if isinstance(change, PatchType):
            fields = asdict(change.defaults)
            kept = {name: UNSET for name, value in fields.items() if value is None}
            change = replace(change, defaults=replace(change.defaults, **kept))
        return super().configure(change, now)
