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
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Fail,
    Finish,
    JobRef,
    LeaseOutcome,
    NewJob,
    Release,
    Reschedule,
    SetInterval,
    Setting,
    Settlement,
    Take,
    Tended,
)
from sharq_plug.testing.model_check.history import Event, Grant, History
from sharq_plug.testing.model_check.operations import (
    Clear,
    Leave,
    ListNames,
    Look,
    Tend,
    Wake,
    Watch,
)
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, QueueName, key_of


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
    clears: list[Event] = field(default_factory=list)
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

    def jobs(self) -> Iterator[JobEvidence]:
        """Iterate over every job id of every queue."""
        for queue in self.queues.values():
            yield from queue.jobs.values()


def gather(history: History) -> Evidence:
    """Sort the events of a history."""
    evidence = Evidence()
    for event in history.events:
        _sort(evidence, event)
    for grant in history.grants():
        name = (grant.queue_type, grant.job.queue_id)
        _queue(evidence, name).grants.append(grant)
        _job(evidence, name, grant.job.job_id).grants.append(grant)
    return evidence


def _sort(evidence: Evidence, event: Event) -> None:
    queue_type, item = event.operation.queue_type or "", event.operation.item
    if isinstance(event.outcome, Dequeued | Tended):
        _sort_expiries(evidence, event, event.outcome.ended)
    if isinstance(item, Take) and event.outcome is None:
        evidence.unanswered_dequeues.add(queue_type)
    match item:
        case NewJob():
            _sort_enqueue(evidence, queue_type, event, item)
        case Clear(queue_id):
            if event.outcome != Cleared(0, 0, 0):
                _queue(evidence, (queue_type, queue_id)).clears.append(event)
        case Look(queue_id):
            if queue_id is not None and event.outcome is not None:
                _queue(evidence, (queue_type, queue_id)).looks.append(event)
        case Take() | JobRef() | Tend() | ListNames() | Watch() | Leave() | Wake():
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
    name = (queue_type, change.job.queue_id)
    job = _job(evidence, name, change.job.job_id)
    match change:
        case Cancel():
            _queue(evidence, name).cancels.append(event)
            job.cancels.append(event)
        case Reschedule():
            job.reschedules.append(change)
        case _:
            assert_never(change)


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
        queue.jobs[job_id] = JobEvidence(name, job_id, queue.clears)
    return queue.jobs[job_id]
