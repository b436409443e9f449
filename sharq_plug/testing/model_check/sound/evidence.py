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
    DropLimit,
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
    PatchLimit,
    PatchQueue,
    PatchType,
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
from sharq_plug.testing.model_check.sound.brought import Brought
from sharq_plug.testing.model_check.sound.duration import duration, may_drop_letters
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, QueueName, key_of
from sharq_plug.testing.model_check.sound.moved import Moves
from sharq_plug.testing.model_check.sound.named_limits import ACCEPTED, NamedLimits
from sharq_plug.testing.model_check.sound.set_values import OfType, Set


@dataclass(slots=True)
class QueueEvidence:
    """What is known of one queue. `duplicates` are those of a key, not of an id.

    `asked` is what named it, but for looks at it.
    """

    jobs: dict[str, JobEvidence] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    moves: Moves = field(default_factory=Moves)
    cancels: list[Event] = field(default_factory=list)
    own: Set = field(default_factory=Set)
    brought: Brought = field(default_factory=Brought)
    looks: list[Event] = field(default_factory=list)
    asked: list[Event] = field(default_factory=list)
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
    types: dict[str, OfType] = field(default_factory=dict)
    limits: NamedLimits = field(default_factory=NamedLimits)
    """The shared limits."""

    def type(self, queue_type: str) -> OfType:
        """Return what is known of the settings of a type."""
        return self.types.setdefault(queue_type, OfType())

    def jobs(self) -> Iterator[JobEvidence]:
        """Iterate over every job id of every queue."""
        for queue in self.queues.values():
            yield from queue.jobs.values()


def gather(history: History) -> Evidence:
    """Sort the events of a history."""
    evidence = Evidence(
        may_drop_letters=may_drop_letters(history),
        may_forget_types=duration(history) >= TOTALS_KEPT,
    )
    for event in history.events:
        _sort(evidence, event)
        evidence.limits.note(event.operation.queue_type or "", event)
    evidence.limits.settle()
    for (queue_type, _), queue in evidence.queues.items():
        _spread(evidence.moves.get(queue_type, Moves()), queue)
    for grant in history.grants():
        name = (grant.queue_type, grant.job.queue_id)
        _queue(evidence, name).grants.append(grant)
        _job(evidence, name, grant.job.job_id).grants.append(grant)
    return evidence


def _spread(moves: Moves, queue: QueueEvidence) -> None:
    """Note of a queue what may have been of any, and what redrives may bring to it again."""
    queue.moves.clears += moves.clears
    queue.moves.redrives += moves.redrives
    queue.moves.discards += moves.discards
    queue.brought.redriven(queue.moves.redrives)


def _sort(evidence: Evidence, event: Event) -> None:
    queue_type, item = event.operation.queue_type or "", event.operation.item
    if isinstance(event.outcome, Dequeued | Tended):
        _sort_expiries(evidence, event, event.outcome.ended)
    match item:
        case NewJob():
            _sort_enqueue(evidence, queue_type, event, item)
        case ClearStep() | RedriveRange() | DiscardRange():
            _sort_moves(evidence, queue_type, event, item)
        case Look() | PageStep():
            _sort_views(evidence, queue_type, event, item)
        case Take():
            evidence.type(queue_type).takes.append(event)
            if event.outcome is None:
                evidence.unanswered_dequeues.add(queue_type)
        case JobRef(queue_id):
            _queue(evidence, (queue_type, queue_id)).asked.append(event)
        case Tend() | Watch() | Leave() | Wake():
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
    if isinstance(change, Cancel | Reschedule):
        _queue(evidence, (queue_type, change.job.queue_id)).asked.append(event)
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
    _queue(evidence, job.queue).asked.append(event)
    if event.outcome not in {None, LeaseOutcome.ENDED} and not isinstance(event.outcome, Extended):
        job.refused.append(event)
        return
    match item:
        case Finish():
            job.finishes.append(event)
        case Release(freeze=freeze):
            job.releases.append(event)
            _queue(evidence, job.queue).own.frozen(event, freeze)
        case Fail(freeze=freeze):
            job.fails.append(event)
            _queue(evidence, job.queue).own.frozen(event, freeze)
        case Extend():
            job.extends.append(event)
        case _:
            assert_never(item)


def _sort_setting(evidence: Evidence, queue_type: str, event: Event, change: Setting) -> None:
    if isinstance(change, PatchType):
        evidence.type(queue_type).changes.append(event)
    elif isinstance(change, SetInterval | PatchQueue):
        _queue(evidence, (queue_type, change.queue_id)).asked.append(event)
    if event.outcome not in {None, ChangeOutcome.CHANGED}:
        return
    match change:
        case SetInterval(queue_id, interval):
            intervals = _queue(evidence, (queue_type, queue_id)).brought.intervals
            intervals.add(interval, event, is_sure=event.outcome is not None)
        case PatchQueue(queue_id, patch, freeze):
            _queue(evidence, (queue_type, queue_id)).own.patched(event, patch, freeze)
        case PatchType(patch, defaults, freeze):
            evidence.type(queue_type).gate.patched(event, patch, freeze)
            evidence.type(queue_type).defaults.patched(event, defaults)
        case PatchLimit() | DropLimit():
            pass
        case _:
            assert_never(change)


def _sort_expiries(evidence: Evidence, event: Event, ended: Sequence[EndedLease]) -> None:
    for lease in ended:
        job = _job(evidence, (lease.queue_type, lease.queue_id), lease.job_id)
        job.expiries.append((event, lease))


def _sort_enqueue(evidence: Evidence, queue_type: str, event: Event, new: NewJob) -> None:
    job = _job(evidence, (queue_type, new.queue_id), new.job_id)
    queue = _queue(evidence, job.queue)
    queue.asked.append(event)
    queue.has_keys |= key_of(new) is not None
    outcome = event.outcome.outcome if isinstance(event.outcome, EnqueueResult) else None
    is_of_key = isinstance(event.outcome, EnqueueResult) and event.outcome.job_id is not None
    if is_of_key:
        queue.duplicates.append(event)
    elif outcome in ACCEPTED:
        job.proofs.append(event)
    if outcome in {None, EnqueueOutcome.QUEUED}:
        job.starts.append(event)
    if outcome is None or outcome in ACCEPTED:
        queue.brought.enqueued(new, event, is_sure=outcome is not None and not is_of_key)


def _queue(evidence: Evidence, name: QueueName) -> QueueEvidence:
    return evidence.queues.setdefault(name, QueueEvidence())


def _job(evidence: Evidence, name: QueueName, job_id: str) -> JobEvidence:
    queue = _queue(evidence, name)
    if job_id not in queue.jobs:
        queue.jobs[job_id] = JobEvidence(name, job_id, queue.moves)
    return queue.jobs[job_id]
