"""Histories written by hand: queue type `t`, queue `q`, leases of 1000 ms unless told otherwise."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Self

from sharq_plug.model import (
    ChangeOutcome,
    Clear,
    Cleared,
    Delivery,
    Dequeued,
    Ended,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Extras,
    Fail,
    Finish,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    QueueRules,
    QueueView,
    Release,
    SetInterval,
    Settings,
    Settled,
    Take,
    Tended,
    View,
    counted_minutes,
)
from sharq_plug.testing.model_check import Event, History, Operation, Rule, check
from sharq_plug.testing.model_check.operations import (
    ClearStep,
    Item,
    Leave,
    Look,
    Outcome,
    Tend,
    Wake,
    Watch,
)

TYPE = "t"
LEASE_TIME = 1000
RECEIPT_TIME = 500
START = 1_700_000_000_000
ENDED, STALE, UNKNOWN = LeaseOutcome.ENDED, LeaseOutcome.STALE, LeaseOutcome.UNKNOWN
NO_RULES = QueueRules(in_effect=Settings(limits=()))
QUEUED, DUPLICATE = EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE


def ended_leases(*leases: tuple[str, str], is_dead: bool = False) -> tuple[EndedLease, ...]:
    return tuple(EndedLease(TYPE, "q", job_id, token, is_dead) for job_id, token in leases)


class Story:
    """Tell calls one after the other; `during` (two ticks) lets a call overlap others.

    Ticks rise by 10 from call to call. `lost` is a call without an answer. Times are ms after
    START; `at` sets the clock.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._ms = 0
        self._enqueued_at: dict[tuple[str, str], int] = {}
        self._leases: dict[tuple[str, str], tuple[str, int]] = {}  # job: token, when it was given

    def at(self, ms: int) -> Self:
        self._ms = ms
        return self

    def tell(
        self,
        item: Item,
        outcome: Outcome | None,
        *,
        during: tuple[int, int] | None = None,
        lost: bool = False,
    ) -> Self:
        tick = 10 * (len(self._events) + 1)
        invoked, answered = during or (tick, tick + 5)
        now = START + self._ms
        queue_type = None if isinstance(item, Tend) else TYPE
        if outcome is ENDED and isinstance(item, Finish | Release | Fail):
            outcome = self._end(item.lease, now)
        self._events.append(
            Event(
                call=len(self._events),
                item=0,
                invoked=invoked,
                answered=None if lost else answered,
                invoked_at=now,
                answered_at=None if lost else now,
                operation=Operation(queue_type, item),
                outcome=None if lost else outcome,
            )
        )
        return self

    def _end(self, lease: LeaseRef, now: int) -> Settled:
        """Return the answer to who ends a lease: how long it was held, if it stands."""
        job = lease.queue_id, lease.job_id
        token, since = self._leases.get(job, ("", 0))
        if lease.token not in {None, token} or not token:
            return ENDED
        del self._leases[job]
        return Ended(max(0, now - since))

    def enqueue(
        self,
        job_id: str,
        outcome: EnqueueOutcome = QUEUED,
        *,
        queue_id: str = "q",
        interval: int | None = 0,
        requeue_limit: int = -1,
        payload: bytes = b"",
        extras: Extras | None = None,
        first: str | None = None,
        **how: Any,
    ) -> Self:
        """Enqueue; `first` is the job that is remembered under the same key."""
        job = NewJob(queue_id, job_id, payload, interval, requeue_limit, extras=extras)
        if outcome is QUEUED:
            self._enqueued_at[queue_id, job_id] = START + self._ms
        return self.tell(job, EnqueueResult(outcome, job_id=first), **how)

    def dequeue(
        self,
        job_id: str,
        token: str,
        *,
        queue_id: str = "q",
        attempt: int = 1,
        requeues: int = -1,
        behind: int = 0,
        payload: bytes = b"",
        attempt_id: str | None = None,
        count: int = 1,
        ready_at: int | None = None,
        ended: Sequence[tuple[str, str]] = (),
        is_repeated: bool = False,
        priority: int = 0,
        expires_at: int | None = None,
        cost: Mapping[str, int] | None = None,
        due_at: int | None = None,
        **how: Any,
    ) -> Self:
        """Dequeue; `expires_at` is that of a lease which was extended."""
        end = self._ms + LEASE_TIME if expires_at is None else expires_at
        enqueued_at = self._enqueued_at.get((queue_id, job_id), START)
        if not is_repeated:
            self._leases[queue_id, job_id] = token, START + self._ms
        job = Delivery(
            queue_id,
            job_id,
            payload,
            token,
            attempt,
            START + end,
            requeues,
            behind,
            enqueued_at,
            priority,
            cost,
            due_at=self._instant(due_at),
        )
        answer = Dequeued(
            (job,),
            now=START + self._ms,
            next_ready_at=self._instant(ready_at),
            ended=ended_leases(*ended),
            is_repeated=is_repeated,
        )
        return self.tell(Take(count, LEASE_TIME, attempt_id), answer, **how)

    def lose_a_dequeue(self, attempt_id: str | None = None) -> Self:
        return self.tell(Take(1, LEASE_TIME, attempt_id), None, lost=True)

    def find_nothing(
        self, next_ready_at: int | None, *, dead: Sequence[tuple[str, str]] = ()
    ) -> Self:
        answer = Dequeued(
            (),
            now=START + self._ms,
            next_ready_at=self._instant(next_ready_at),
            ended=ended_leases(*dead, is_dead=True),
        )
        return self.tell(Take(1, LEASE_TIME), answer)

    def finish(
        self, job_id: str, token: str | None, outcome: LeaseOutcome = ENDED, **how: Any
    ) -> Self:
        return self.tell(Finish(LeaseRef("q", job_id, token), RECEIPT_TIME), outcome, **how)

    def release(
        self,
        job_id: str,
        token: str | None,
        outcome: LeaseOutcome = ENDED,
        *,
        delay: int = 0,
        **how: Any,
    ) -> Self:
        return self.tell(Release(LeaseRef("q", job_id, token), delay), outcome, **how)

    def fail(
        self,
        job_id: str,
        token: str | None,
        outcome: LeaseOutcome = ENDED,
        *,
        delay: int | None = None,
        dead: bool = False,
        **how: Any,
    ) -> Self:
        item = Fail(LeaseRef("q", job_id, token), delay=delay, dead=dead)
        return self.tell(item, outcome, **how)

    def extend(
        self,
        job_id: str,
        token: str | None,
        lease_time: int,
        outcome: Settled | None = None,
        **how: Any,
    ) -> Self:
        """Extend a lease; unless told otherwise, as was asked."""
        item = Extend(LeaseRef("q", job_id, token), lease_time)
        expires_at = START + self._ms + lease_time
        return self.tell(item, outcome or Extended(expires_at), **how)

    def tend(
        self,
        *ended: tuple[str, str],
        dead: Sequence[tuple[str, str]] = (),
        limit: int = 100,
        more: bool = False,
        **how: Any,
    ) -> Self:
        """Tend; `ended` and `dead` are the leases that this ended, each a job id and a token."""
        leases = ended_leases(*ended) + ended_leases(*dead, is_dead=True)
        return self.tell(Tend(limit), Tended(leases, more), **how)

    def set_interval(self, interval: int, *, existed: bool = True, **how: Any) -> Self:
        outcome = ChangeOutcome.CHANGED if existed else ChangeOutcome.UNKNOWN
        return self.tell(SetInterval("q", interval), outcome, **how)

    def clear(
        self,
        waiting: int,
        leased: int,
        dead: int = 0,
        *,
        delayed: int = 0,
        what: Clear | None = None,
        **how: Any,
    ) -> Self:
        """Clear to the end in one step: the jobs of the queue that live, unless told otherwise."""
        cleared = Cleared(waiting, leased, dead, delayed)
        return self.tell(ClearStep(what or Clear("q"), None, 100), cleared, **how)

    def look(
        self,
        waiting: int,
        leased: int = 0,
        dead: int = 0,
        *,
        delayed: int = 0,
        counted: tuple[int, int] = (0, 0),
        ready_since: int | None = None,
        ready_at: int | None = None,
        rules: QueueRules = NO_RULES,
    ) -> Self:
        minutes = counted_minutes(START + self._ms)
        enqueues, dequeues = (dict.fromkeys(minutes, 0) | {minutes[-1]: count} for count in counted)
        counts = MinuteCounts(enqueues, dequeues)
        view = QueueView(
            "q",
            waiting,
            leased,
            dead,
            delayed,
            self._instant(ready_since),
            self._instant(ready_at),
        )
        return self.tell(Look("q"), View(counts, view, rules=rules))

    def watch(self, watcher: int = 0) -> Self:
        return self.tell(Watch(watcher), True)

    def leave(self, watcher: int = 0) -> Self:
        return self.tell(Leave(watcher), True)

    def wake(self, delay: int, watcher: int = 0, **how: Any) -> Self:
        return self.tell(Wake(watcher, delay), True, **how)

    @staticmethod
    def _instant(ms: int | None) -> int | None:
        return None if ms is None else START + ms

    def copy(self) -> Self:
        """Return a story that goes on from here by itself."""
        return deepcopy(self)

    def history(self, *, seen_whole: bool = False) -> History:
        """Return the history; `seen_whole`: no call on the store is missing."""
        events = sorted(self._events, key=lambda event: event.invoked)
        return History(tuple(events), complete=seen_whole)

    def broken_rules(self, *, seen_whole: bool = False) -> set[Rule]:
        return {violation.rule for violation in check(self.history(seen_whole=seen_whole))}
