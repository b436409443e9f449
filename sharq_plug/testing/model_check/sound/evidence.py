"""The events of a history, sorted by the queue and the job they are about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from sharq_plug.model import (
    Amendment,
    AmendOutcome,
    Cancel,
    ChangeOutcome,
    Cleared,
    Dequeued,
    Discard,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Fail,
    Finish,
    JobRef,
    LeaseOutcome,
    LettersMoved,
    NewJob,
    Redrive,
    Release,
    Reschedule,
    SetInterval,
    Setting,
    Settlement,
    Take,
    Tended,
)
from sharq_plug.testing.model_check.exact.letters import TOTALS_KEPT
from sharq_plug.testing.model_check.history import Event, Grant, History
from sharq_plug.testing.model_check.operations import (
    ClearStep,
    DiscardRange,
    Leave,
    Look,
    PageStep,
    RedriveRange,
    Tend,
    Wake,
    Watch,
)
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, QueueName, key_of
from sharq_plug.testing.model_check.sound.moved import Moves


@dataclass(frozen=True, slots=True)
class Setter:
    """What set the interval of a queue; unless it `is_sure`, it may have."""

    interval: int
    event: Event
    is_sure: bool


@dataclass(slots=True)
class QueueEvidence:
    """What is known of one queue. `duplicates` are those of a key, not of an id."""

    jobs: dict[str, JobEvidence] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    moves: Moves = field(default_factory=Moves)
    cancels: list[Event] = field(default_factory=list)
    setters: list[Setter] = field(default_factory=list)
    looks: list[Event] = field(default_factory=list)
    duplicates: list[Event] = field(default_factory=list)
    has_keys: bool = False
    """Whether a job was to be queued with a key."""


@dataclass(slots=True)
class Evidence:
    """What is known of every queue."""

    queues: dict[QueueName, QueueEvidence] = field(default_factory=dict)
    unanswered_dequeues: set[str] = field(default_factory=set)
    """The queue types of which a dequeue got no answer, so that leases may be unseen."""
    moves: dict[str, Moves] = field(default_factory=dict)
    """By queue type, what may have been of any queue of the type."""
    looks: list[Event] = field(default_factory=list)
    """The looks at types."""
    pages: list[Event] = field(default_factory=list)
    may_drop_letters: bool = False
    """Whether tending may have dropped dead letters."""
    may_forget_types: bool = False
    """Whether the history is long enough for a type to be forgotten."""

    def jobs(self) -> Iterator[JobEvidence]:
        """Iterate over every job id of every queue."""
        for queue in self.queues.values():
            yield from queue.jobs.values()


def gather(history: History) -> Evidence:
    """Sort the events of a history."""
    evidence = Evidence(
        may_drop_letters=_may_drop_letters(history), may_forget_types=_span(history) >= TOTALS_KEPT
    )
    for event in history.events:
        _sort(evidence, event)
    for (queue_type, _), queue in evidence.queues.items():
        _spread(evidence.moves.get(queue_type, Moves()), queue)
    for grant in history.grants():
        name = (grant.queue_type, grant.job.queue_id)
        _queue(evidence, name).grants.append(grant)
        _job(evidence, name, grant.job.job_id).grants.append(grant)
    return evidence


def _spread(moves: Moves, queue: QueueEvidence) -> None:
    """Note of a queue what may have been of any, and which intervals redrives may bring back."""
    queue.moves.clears += moves.clears
    queue.moves.redrives += moves.redrives
    queue.moves.discards += moves.discards
    intervals = {setter.interval for setter in queue.setters}
    queue.setters += [
        Setter(interval, event, is_sure=False)
        for event in queue.moves.redrives
        for interval in sorted(intervals)
    ]


def _span(history: History) -> int:
    """Return for how long (ms) a history goes."""
    events = history.events
    begun = min((event.invoked_at for event in events), default=0)
    return max((event.answered_at or event.invoked_at for event in events), default=0) - begun


def _may_drop_letters(history: History) -> bool:
    """Return whether a dead letter may have been too old, or one too many."""
    deaths = sum(_deaths_after(event) for event in history.events)
    return any(
        retention.max_age <= _span(history) or retention.max_count < deaths
        for retention in history.retentions()
    )


def _deaths_after(event: Event) -> int:
    """Return how many jobs may die, at most, that an event lets wait."""
    item = event.operation.item
    return item.limit if isinstance(item, RedriveRange) else isinstance(item, NewJob | Redrive)


def _sort(evidence: Evidence, event: Event) -> None:
    queue_type, item = event.operation.queue_type or "", event.operation.item
    if isinstance(event.outcome, Dequeued | Tended):
        _sort_expiries(evidence, event, event.outcome.ended)
    if isinstance(item, Take) and event.outcome is None:
        evidence.unanswered_dequeues.add(queue_type)
    match item:
        case NewJob():
            _sort_enqueue(evidence, queue_type, event, item)
        case ClearStep() | RedriveRange() | DiscardRange():
            _sort_moves(evidence, queue_type, event, item)
        case Look() | PageStep():
            _sort_views(evidence, queue_type, event, item)
        case Take() | JobRef() | Tend() | Watch() | Leave() | Wake():
            pass
        case _ if isinstance(item, Amendment):
            _sort_amendment(evidence, queue_type, event, item)
        case _ if isinstance(item, Settlement):
            _sort_settlement(evidence, queue_type, event, item)
        case _ if isinstance(item, Setting):
            _sort_setting(evidence, queue_type, event, item)
        case _:
            assert_never(item)


def _sort_amendment(evidence: Evidence, queue_type: str, event: Event, change: Amendment) -> None:
    if event.outcome not in {None, AmendOutcome.DONE}:
        return
    match change:
        case Cancel(ref):
            _queue(evidence, (queue_type, ref.queue_id)).cancels.append(event)
            _job(evidence, (queue_type, ref.queue_id), ref.job_id).cancels.append(event)
        case Reschedule(ref):
            job = _job(evidence, (queue_type, ref.queue_id), ref.job_id)
            job.reschedules.append(change)
        case Redrive(letter):
            _moves(evidence, queue_type, letter.queue_id).redrives.append(event)
        case Discard(letter):
            _moves(evidence, queue_type, letter.queue_id).discards.append(event)
        case _:
            assert_never(change)


def _sort_moves(
    evidence: Evidence, queue_type: str, event: Event, item: ClearStep | RedriveRange | DiscardRange
) -> None:
    match event.outcome:
        case LettersMoved(count=0) | Cleared(waiting=0, leased=0, dead=0, delayed=0):
            return
    match item:
        case ClearStep(what):
            _moves(evidence, queue_type, what.queue_id).clears.append(event)
        case RedriveRange(letters):
            _moves(evidence, queue_type, letters.queue_id).redrives.append(event)
        case DiscardRange(letters):
            _moves(evidence, queue_type, letters.queue_id).discards.append(event)
        case _:
            assert_never(item)


def _sort_views(evidence: Evidence, queue_type: str, event: Event, item: Look | PageStep) -> None:
    match item:
        case PageStep():
            evidence.pages.append(event)
        case Look(str() as queue_id):
            _queue(evidence, (queue_type, queue_id)).looks.append(event)
        case Look():
            evidence.looks.append(event)
        case _:
            assert_never(item)


def _moves(evidence: Evidence, queue_type: str, queue_id: str | None) -> Moves:
    """Return what may have moved jobs of a queue, or of any queue of a type (None)."""
    if queue_id is None:
        return evidence.moves.setdefault(queue_type, Moves())
    return _queue(evidence, (queue_type, queue_id)).moves


def _sort_settlement(evidence: Evidence, queue_type: str, event: Event, item: Settlement) -> None:
    job = _job(evidence, (queue_type, item.lease.queue_id), item.lease.job_id)
    if event.outcome not in {None, LeaseOutcome.ENDED} and not isinstance(event.outcome, Extended):
        job.refused.append(event)
        return
    match item:
        case Finish():
            job.finishes.append(event)
        case Release():
            job.releases.append(event)
        case Fail():
            job.fails.append(event)
        case Extend():
            job.extends.append(event)
        case _:
            assert_never(item)


def _sort_setting(evidence: Evidence, queue_type: str, event: Event, change: Setting) -> None:
    if event.outcome not in {None, ChangeOutcome.CHANGED}:
        return
    queue = _queue(evidence, (queue_type, change.queue_id))
    match change:
        case SetInterval():
            queue.setters.append(Setter(change.interval, event, event.outcome is not None))
        case _:
            assert_never(change)


def _sort_expiries(evidence: Evidence, event: Event, ended: Sequence[EndedLease]) -> None:
    for lease in ended:
        job = _job(evidence, (lease.queue_type, lease.queue_id), lease.job_id)
        job.expiries.append((event, lease))


def _sort_enqueue(evidence: Evidence, queue_type: str, event: Event, new: NewJob) -> None:
    job = _job(evidence, (queue_type, new.queue_id), new.job_id)
    queue = _queue(evidence, job.queue)
    queue.has_keys |= key_of(new) is not None
    outcome = event.outcome.outcome if isinstance(event.outcome, EnqueueResult) else None
    is_of_key = isinstance(event.outcome, EnqueueResult) and event.outcome.job_id is not None
    if is_of_key:
        queue.duplicates.append(event)
    elif outcome in {EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE}:
        job.proofs.append(event)
    if outcome in {None, EnqueueOutcome.QUEUED}:
        job.starts.append(event)
    if outcome is not EnqueueOutcome.QUEUE_FULL:
        is_sure = outcome is not None and not is_of_key
        queue.setters.append(Setter(new.interval, event, is_sure))


def _queue(evidence: Evidence, name: QueueName) -> QueueEvidence:
    return evidence.queues.setdefault(name, QueueEvidence())


def _job(evidence: Evidence, name: QueueName, job_id: str) -> JobEvidence:
    queue = _queue(evidence, name)
    if job_id not in queue.jobs:
        queue.jobs[job_id] = JobEvidence(name, job_id, queue.moves)
    return queue.jobs[job_id]
