"""What happened to a store, as values: each item of each call, when, and what was answered.

Real time is told in *ticks*: integers that rise, on one scale for everybody whose calls are in
the same history. `time.monotonic_ns()` serves, also for several processes of one machine. Store
time is in ms since the epoch, as the store's clock tells it or one that agrees with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sharq_plug.model import Cleared, Delivery, Dequeued, Extend, Retention, Take
from sharq_plug.store import DEFAULT_RETENTION
from sharq_plug.testing.model_check.operations import (
    ClearStep,
    Operation,
    Outcome,
    Tend,
    Wake,
)


@dataclass(frozen=True, slots=True)
class Event:
    """One item of a call. Its step was, if it was at all, between `invoked` and `answered`.

    The items of a call share its number and are counted by `item`. `invoked` and `answered` are
    ticks, `invoked_at` and `answered_at` the same instants in store time (ms). Without an answer
    `outcome` is None: the step may have been or not. It may then even be yet to come, unless
    `answered` says by when the caller knew that it cannot.
    """

    call: int
    item: int
    invoked: int
    answered: int | None
    invoked_at: int
    answered_at: int | None
    operation: Operation
    outcome: Outcome | None

    def before(self, other: "Event") -> bool:
        """Return whether the step of this event surely was before that of `other`."""
        if self.call == other.call:
            return self.item < other.item
        return self.answered is not None and self.answered < other.invoked


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as a dequeue gave it: the delivery, and the event that it came with.

    `event` is a take. If it was one of several with the same `attempt_id`, the step may
    have been that of an earlier one: then `event` begins where the first of them did. An Extend may
    have changed `expires_at` before a repeated answer; then the lease is not `is_exact`.
    """

    event: Event
    place: int
    queue_type: str
    lease_time: int
    job: Delivery
    is_exact: bool = True

    @property
    def instant(self) -> int:
        """Return the instant (ms of the store's clock) of the dequeue, if the lease `is_exact`."""
        return self.job.expires_at - self.lease_time

    def before(self, other: "Grant") -> bool:
        """Return whether this job surely was leased before that of `other`."""
        if self.event is other.event:
            return self.place < other.place
        return self.event.before(other.event)


@dataclass(frozen=True, slots=True)
class History:
    """Events by `invoked`, then by their place in their call, from an empty store on.

    `complete` says that not one call on the store is missing. If some are, they may only be
    those that no caller asks for: tending, releases of jobs that never reached their caller,
    and calls that change nothing. Such tending has this `retention`.
    """

    events: tuple[Event, ...]
    complete: bool
    retention: Retention = DEFAULT_RETENTION

    @property
    def is_exact(self) -> bool:
        """Return whether all calls are there, one after the other, each at a known instant.

        In such a history, a wake-up that was not heard while time stood still, or before its
        watcher left, did not come. The steps of a clearing follow each other with no other call
        between them, and all tending has the same retention.
        """
        if not self.complete or len(self.retentions()) > 1:
            return False
        ended = clearing = None
        for event in self.events:
            item = event.operation.item
            if isinstance(item, Wake):
                continue
            if clearing is not None and clearing != (event.operation.queue_type, item):
                return False
            clearing = _next_step(event)
            if event.answered is None or event.outcome is None:
                return False
            if event.invoked_at != event.answered_at:
                return False
            if event.item == 0:
                if ended is not None and ended >= event.invoked:
                    return False
                ended = event.answered
        return True

    def retentions(self) -> set[Retention]:
        """Return the retentions of all tending."""
        items = [event.operation.item for event in self.events]
        seen = {item.retention for item in items if isinstance(item, Tend)}
        return seen if self.complete else seen | {self.retention}

    def grants(self) -> Iterator[Grant]:
        """Iterate over all leases that were given, each once, however often it was answered."""
        given: set[tuple[str | None, str, str]] = set()
        attempts = self.attempts()
        extended = self._extended()
        for event in self.events:
            queue_type, take = event.operation.queue_type, event.operation.item
            if not isinstance(take, Take):
                continue
            step, asked = event, [(event, take.lease_time)]
            if take.attempt_id is not None:
                asked += attempts[queue_type, take.attempt_id]
                first, _ = asked[1]
                step = replace(event, invoked=first.invoked, invoked_at=first.invoked_at)
            answer = event.outcome
            is_repeated = isinstance(answer, Dequeued) and answer.is_repeated
            for place, job in enumerate(answer.jobs if isinstance(answer, Dequeued) else ()):
                if take.attempt_id is not None:
                    lease = (queue_type, take.attempt_id, job.token)
                    if lease in given:
                        continue
                    given.add(lease)
                is_exact = not (is_repeated and (queue_type, job.queue_id, job.job_id) in extended)
                lease_time = _lease_time(job, asked)
                yield Grant(step, place, queue_type or "", lease_time, job, is_exact)

    def _extended(self) -> set[tuple[str | None, str, str]]:
        """Return the jobs, by type and queue, of which a lease may have been extended."""
        return {
            (event.operation.queue_type, item.lease.queue_id, item.lease.job_id)
            for event in self.events
            if isinstance(item := event.operation.item, Extend)
        }

    def attempts(self) -> dict[tuple[str | None, str], list[tuple[Event, int]]]:
        """Return the takes of each attempt, by type and `attempt_id`, with their lease times."""
        attempts: dict[tuple[str | None, str], list[tuple[Event, int]]] = {}
        for event in self.events:
            take = event.operation.item
            if isinstance(take, Take) and take.attempt_id is not None:
                attempt = event.operation.queue_type, take.attempt_id
                attempts.setdefault(attempt, []).append((event, take.lease_time))
        return attempts


def _next_step(event: Event) -> tuple[str | None, ClearStep] | None:
    """Return the type and the step that go on with a clearing, unless it is at its end."""
    item, answer = event.operation.item, event.outcome
    if not isinstance(item, ClearStep) or not isinstance(answer, Cleared):
        return None
    if answer.cursor is None:
        return None
    return event.operation.queue_type, replace(item, cursor=answer.cursor)


def _lease_time(job: Delivery, asked: Sequence[tuple[Event, int]]) -> int:
    """Return how long a lease was to last: as the take asked that gave it.

    It is the first of these that can have been carried out so long before the lease expires. The
    take that was answered comes first, but another of its attempt, whose answer was lost, may have
    given the lease, and may have asked for another time.
    """
    for event, lease_time in asked:
        instant = job.expires_at - lease_time
        if event.invoked_at <= instant and (event.answered_at or instant) >= instant:
            return lease_time
    return asked[0][1]


def merge(histories: Iterable[History]) -> History:
    """Return one history of what several recorders saw of the same store.

    Their ticks must be on one scale. It is not complete: nobody watched all of the store.
    """
    events = []
    first_call = 0
    for history in histories:
        events += [replace(event, call=first_call + event.call) for event in history.events]
        first_call += 1 + max((event.call for event in history.events), default=-1)
    events.sort(key=lambda event: (event.invoked, event.call, event.item))
    return History(tuple(events), complete=False)
