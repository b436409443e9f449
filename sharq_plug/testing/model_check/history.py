"""What happened to a store, as values: each item of each call, when, and what was answered.

Real time is told in *ticks*: integers that rise, on one scale for everybody whose calls are in
the same history. `time.monotonic_ns()` serves, also for several processes of one machine. Store
time is in ms since the epoch, as the store's clock tells it or one that agrees with it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from sharq_plug.model import (
    Cleared,
    Dequeued,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Page,
    QueueMetrics,
    Reclaimed,
)


@dataclass(frozen=True, slots=True)
class Enqueue:
    """One job of an enqueue. Its outcome is an EnqueueResult."""

    queue_type: str
    job: NewJob


@dataclass(frozen=True, slots=True)
class Dequeue:
    """A dequeue of up to `count` jobs for `lease` ms. Its outcome is a Dequeued."""

    queue_type: str
    count: int
    lease: int
    attempt_id: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """One claim of a finish. Its outcome is a LeaseOutcome."""

    queue_type: str
    ref: LeaseRef
    receipt_time: int


@dataclass(frozen=True, slots=True)
class Release:
    """One claim of a release. Its outcome is a LeaseOutcome."""

    queue_type: str
    ref: LeaseRef


@dataclass(frozen=True, slots=True)
class Reclaim:
    """A reclaim. Its outcome is a Reclaimed."""

    queue_type: str
    limit: int


@dataclass(frozen=True, slots=True)
class SetInterval:
    """A change of a queue's interval (ms). Its outcome is whether the queue existed."""

    queue_type: str
    queue_id: str
    interval: int


@dataclass(frozen=True, slots=True)
class Clear:
    """A clearing. Its outcome is a Cleared."""

    queue_type: str
    queue_id: str
    purge: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """A look at one queue. Its outcome is a QueueMetrics."""

    queue_type: str
    queue_id: str


@dataclass(frozen=True, slots=True)
class Count:
    """A look at the minute counts of a type, or of everything. Its outcome is a MinuteCounts."""

    queue_type: str | None


@dataclass(frozen=True, slots=True)
class ListQueues:
    """One step of a listing of a type's queues. Its outcome is a Page."""

    queue_type: str
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class ListTypes:
    """One step of a listing of the types that have a queue. Its outcome is a Page."""

    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class ListKnownTypes:
    """One step of a listing of the types to reclaim. Its outcome is a Page."""

    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A watcher of a type enters. `watcher` is its number. The outcome is True."""

    queue_type: str
    watcher: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A watcher leaves. The outcome is True."""

    queue_type: str
    watcher: int


@dataclass(frozen=True, slots=True)
class Wake:
    """A store wakes a watcher: in `delay` ms a job may be ready. This is no call on the store.

    It is recorded when the watcher hears it, so also in the middle of a call. The outcome is True.
    """

    queue_type: str
    watcher: int
    delay: int


Operation: TypeAlias = (
    Enqueue
    | Dequeue
    | Finish
    | Release
    | Reclaim
    | SetInterval
    | Clear
    | Measure
    | Count
    | ListQueues
    | ListTypes
    | ListKnownTypes
    | Watch
    | Leave
    | Wake
)
Outcome: TypeAlias = (
    EnqueueResult
    | Dequeued
    | LeaseOutcome
    | Reclaimed
    | bool
    | Cleared
    | QueueMetrics
    | MinuteCounts
    | Page
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
class Delivery:
    """A job's lease, as the answer to a dequeue gave it.

    `event` is that dequeue. If it was one of several with the same `attempt_id`, the step may
    have been that of an earlier one: then `event` begins where the first of them did.
    """

    event: Event
    place: int
    queue_type: str
    lease: int
    job: LeasedJob

    @property
    def instant(self) -> int:
        """Return the instant (ms of the store's clock) of the dequeue, exactly."""
        return self.job.expires_at - self.lease

    def before(self, other: "Delivery") -> bool:
        """Return whether this job surely was leased before that of `other`."""
        if self.event is other.event:
            return self.place < other.place
        return self.event.before(other.event)


@dataclass(frozen=True, slots=True)
class History:
    """Events by `invoked`, then by their place in their call, from an empty store on.

    `complete` says that not one call on the store is missing. If some are, they may only be
    those that no caller asks for: reclaims, releases of jobs that never reached their caller,
    and calls that change nothing.
    """

    events: tuple[Event, ...]
    complete: bool

    @property
    def is_exact(self) -> bool:
        """Return whether all calls are there, one after the other, each at a known instant.

        In such a history, a wake-up that was not heard while time stood still, or before its
        watcher left, did not come.
        """
        if not self.complete:
            return False
        ended = None
        for event in self.events:
            if isinstance(event.operation, Wake):
                continue
            if event.answered is None or event.outcome is None:
                return False
            if event.invoked_at != event.answered_at:
                return False
            if event.item == 0:
                if ended is not None and ended >= event.invoked:
                    return False
                ended = event.answered
        return True

    def deliveries(self) -> Iterator[Delivery]:
        """Iterate over all leases that were given, each once, however often it was answered."""
        begun: dict[tuple[str, str], Event] = {}
        given: set[tuple[str, str, str]] = set()
        for event in self.events:
            asked, answer = event.operation, event.outcome
            if not isinstance(asked, Dequeue):
                continue
            step = event
            if asked.attempt_id is not None:
                first = begun.setdefault((asked.queue_type, asked.attempt_id), event)
                step = replace(event, invoked=first.invoked, invoked_at=first.invoked_at)
            for place, job in enumerate(answer.jobs if isinstance(answer, Dequeued) else ()):
                if asked.attempt_id is not None:
                    lease = (asked.queue_type, asked.attempt_id, job.token)
                    if lease in given:
                        continue
                    given.add(lease)
                yield Delivery(step, place, asked.queue_type, asked.lease, job)


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
