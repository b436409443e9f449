"""Memory states that are broken on purpose, one fault each: what holds a queue, and its turns."""

from math import inf

from model.broken_limits import CostBlindLimiter, Limited
from msgspec.structs import asdict, replace

from sharq_memory.call import DequeueCall
from sharq_memory.holds import freeze
from sharq_memory.limits import Limiter, end_of
from sharq_memory.line import Step
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    Delivery,
    Dequeued,
    EnqueueResult,
    Fail,
    Hold,
    JobRef,
    JobView,
    NewJob,
    QueueRules,
    Release,
    Settled,
    Settlement,
    Take,
)


class ExpiredLeasesDoNotCount(TypeState):
    """A dequeue passes them over."""

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        now = call.now
        for queue in self.queues.values():
            if queue.terms is not None and queue.ready_since == inf:
                standing = sum(expires_at > now for expires_at, *_ in queue.leases or ())
                if end_of(queue.terms.limiter.holds(standing, now)) <= now:
                    self.line.leave(queue)
                    self.line.enter(queue, now, self.line.next_number())
        return super().dequeue(take, call)


class CancelledLeaseMakesNoRoom(TypeState):
    def amend(self, change: Amendment, now: int) -> AmendOutcome:
        queue = self.queues.get(change.job.queue_id) if isinstance(change, Cancel) else None
        was_held = queue is not None and queue.ready_since == inf
        outcome = super().amend(change, now)
        if queue is not None and was_held and queue.ready_since is not None:
            self.line.leave(queue)
            self.line.enter(queue, inf, queue.place_number, inf)
        return outcome


class ConcurrencyIsOneMore(TypeState):
    """If that many are leased, another one still goes."""

    def _changed(self, queue: Queue, now: int, step: Step = Step.OTHER) -> None:
        super()._changed(queue, now, step)
        if queue.terms is None or queue.ready_since != inf:
            return
        limiter = queue.terms.limiter
        if queue.leased == limiter.rules.concurrency:
            until = end_of(limiter.holds(0, now))
            self.line.leave(queue)
            self.line.enter(queue, max(now, until), self.line.next_number(), until)


class HeldQueueKeepsItsTurn(TypeState):
    """A queue with a weight, which is held after a delivery, keeps its number."""

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        number = queue.place_number
        job = super()._serve(queue, lease_time, call)
        since, terms = queue.ready_since, queue.terms
        if (
            since is not None
            and since > call.now
            and terms is not None
            and (terms.limiter.rules.weight or 1) > 1
        ):
            self.line.leave(queue)
            self.line.enter(queue, since, number, since)
        return job


class NewPlaceKeepsTheTurn(TypeState):
    """Deliveries from before a pause count towards the turn after it."""

    def _changed(self, queue: Queue, now: int, step: Step = Step.OTHER) -> None:
        turn = 0 if queue.terms is None else queue.terms.turn
        super()._changed(queue, now, step)
        if queue.terms is not None and queue.jobs and step is not Step.SERVED:
            queue.terms.turn = turn


class WeightIsOneMore(TypeState):
    """That of a queue whose weight is above 1."""

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        terms = queue.terms
        if terms is not None and terms.turn == 0 and (terms.limiter.rules.weight or 1) > 1:
            terms.turn = -1
        return super()._serve(queue, lease_time, call)


class EnqueueReadiesAPausedQueue(TypeState):
    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        paused = queue is not None and queue.terms is not None and queue.terms.settings.paused
        if queue is not None and paused and queue.head is not None:
            self.line.leave(queue)
            self.line.enter(queue, now, self.line.next_number())
        return result


class WorkerShortensAFreeze(TypeState):
    def settle(self, item: Settlement, now: int) -> Settled:
        leased = self._leased(item.lease)
        if leased is not None and isinstance(item, Release | Fail) and item.freeze:
            queue, _ = leased
            if queue.terms is not None:
                queue.terms.limiter.frozen_until = 0
        return super().settle(item, now)


class EmptiedQueueIsNotFrozen(TypeState):
    def _leave_behind(self, queue: Queue, now: int) -> None:
        if queue.terms is not None:
            queue.terms.limiter.frozen_until = 0
        super()._leave_behind(queue, now)


class StaleTokenFreezes(TypeState):
    def settle(self, item: Settlement, now: int) -> Settled:
        queue = self.queues.get(item.lease.queue_id)
        is_stale = self._leased(item.lease) is None
        outcome = super().settle(item, now)
        if is_stale and queue is not None and queue.jobs and isinstance(item, Release | Fail):
            self._freeze_on(queue, now + item.freeze, now)
        return outcome

    def _freeze_on(self, queue: Queue, until: int, now: int) -> None:
        if until > now:
            freeze(queue, until)
            self._changed(queue, now, Step.HELD)


class DeathDoesNotFreeze(TypeState):
    """A fail that its job dies of freezes nothing."""

    def _fail(self, queue: Queue, job: Job, item: Fail, now: int) -> None:
        if item.dead or job.requeues == 0:
            item = replace(item, freeze=0)
        super()._fail(queue, job, item, now)


class EarliestIsLater(TypeState):
    """By 1 ms, for a job that is held."""

    def find(self, ref: JobRef, now: int, *, payloads: bool) -> JobView | Absence:
        view = super().find(ref, now, payloads=payloads)
        if isinstance(view, JobView) and view.earliest_at is not None and view.earliest_at > now:
            return replace(view, earliest_at=view.earliest_at + 1)
        return view


class CostBlindCopy(Limiter, gc=False, eq=False):
    """A limiter whose copies do not count costs."""

    def __copy__(self) -> Limiter:
        return CostBlindLimiter(**asdict(self))


class EarliestIgnoresCosts(Limited):
    limiter = CostBlindCopy


class OneHoldIsTold(TypeState):
    """Of several holds of a queue, the one that ends last."""

    def rules_of(self, queue_id: str, now: int) -> QueueRules:
        rules = super().rules_of(queue_id, now)
        return replace(rules, held_by=(max(rules.held_by, key=_end),) if rules.held_by else ())


def _end(hold: Hold) -> float:
    return inf if hold.until is None else hold.until
