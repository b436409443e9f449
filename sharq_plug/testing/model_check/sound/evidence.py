"""The events of a history, sorted by the queue and the job they are about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from sharq_plug.model import (
    ChangeOutcome,
    Cleared,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Finish,
    LeaseOutcome,
    NewJob,
    Release,
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

QueueName = tuple[str, str]
"""A queue type and a queue id."""


@dataclass(slots=True)
class JobEvidence:
    """What is known of one job id. `starts` may have queued it, `proofs` show that it was there.

    `finishes`, `releases` and `clears` are those that ended a lease or a life, or may have.
    `expiries` are the leases that were ended because they had expired, and who said so.
    """

    queue: QueueName
    job_id: str
    clears: list[Event]
    starts: list[Event] = field(default_factory=list)
    proofs: list[Event] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    finishes: list[Event] = field(default_factory=list)
    releases: list[Event] = field(default_factory=list)
    expiries: list[tuple[Event, EndedLease]] = field(default_factory=list)
    refused: list[Event] = field(default_factory=list)

    @property
    def ends(self) -> list[Event]:
        """Return what may have ended a life of the job, death aside."""
        return [*self.finishes, *self.clears]

    @property
    def limits(self) -> set[int]:
        """Return the requeue limits that the job may have been queued with."""
        return {new_job(start).requeue_limit for start in self.starts}

    @property
    def is_mortal(self) -> bool:
        """Return whether the job may have become a dead letter."""
        return self.limits != {-1}

    def may_have_expired(self, lease: Grant, at: int | None) -> bool:
        """Return whether a lease of the job may have expired at an instant (ms, None: any)."""
        return at is None or at >= lease.job.expires_at

    def may_be_over(self, lease: Grant, event: Event, at: int | None) -> bool:
        """Return whether a lease of the job may be over when the step of `event` is made.

        It may have expired at `at` (ms, None: any), the latest instant of that step, or something
        that `event` was not before may have ended it.
        """
        if self.may_have_expired(lease, at):
            return True
        enders = (*self.ends, *self.releases)
        return any(may_end(ender, lease) and not event.before(ender) for ender in enders)

    def had_one_life(self) -> bool:
        """Return whether no second life of the job can be in the history."""
        if len(self.starts) == 1:
            return True
        if self.is_mortal:
            return False
        return all(start.before(end) for start in self.starts for end in self.ends)


@dataclass(slots=True)
class QueueEvidence:
    """What is known of one queue. `setters` are what set its interval, or may have."""

    jobs: dict[str, JobEvidence] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    clears: list[Event] = field(default_factory=list)
    setters: list[tuple[int, Event]] = field(default_factory=list)
    looks: list[Event] = field(default_factory=list)


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


def may_end(ender: Event, lease: Grant) -> bool:
    """Return whether a settlement or clearing may have ended this very lease."""
    if ender.before(lease.event):
        return False
    item = ender.operation.item
    return not isinstance(item, Settlement) or item.lease.token in {None, lease.job.token}


def new_job(event: Event) -> NewJob:
    """Return the job of an enqueue."""
    if not isinstance(event.operation.item, NewJob):
        raise TypeError(f"{event.operation} is no enqueue")
    return event.operation.item


def token_of(event: Event) -> str | None:
    """Return the token of a settlement; None if it has none, or is something else."""
    item = event.operation.item
    return item.lease.token if isinstance(item, Settlement) else None


def _sort(evidence: Evidence, event: Event) -> None:
    queue_type, item = event.operation.queue_type or "", event.operation.item
    if isinstance(event.outcome, Dequeued | Tended):
        _sort_expiries(evidence, event, event.outcome.ended)
    match item:
        case NewJob():
            _sort_enqueue(evidence, queue_type, event, item)
        case Take():
            if event.outcome is None:
                evidence.unanswered_dequeues.add(queue_type)
        case Clear(queue_id):
            if event.outcome != Cleared(0, 0, 0):
                _queue(evidence, (queue_type, queue_id)).clears.append(event)
        case Look(queue_id):
            if queue_id is not None and event.outcome is not None:
                _queue(evidence, (queue_type, queue_id)).looks.append(event)
        case Tend() | ListNames() | Watch() | Leave() | Wake():
            pass
        case _ if isinstance(item, Settlement):
            _sort_settlement(evidence, queue_type, event, item)
        case _ if isinstance(item, Setting):
            _sort_setting(evidence, queue_type, event, item)
        case _:
            assert_never(item)


def _sort_settlement(evidence: Evidence, queue_type: str, event: Event, item: Settlement) -> None:
    job = _job(evidence, (queue_type, item.lease.queue_id), item.lease.job_id)
    may_have_ended = event.outcome in {None, LeaseOutcome.ENDED}
    match item:
        case Finish():
            (job.finishes if may_have_ended else job.refused).append(event)
        case Release():
            if may_have_ended:
                job.releases.append(event)
        case _:
            assert_never(item)


def _sort_setting(evidence: Evidence, queue_type: str, event: Event, change: Setting) -> None:
    if event.outcome not in {None, ChangeOutcome.CHANGED}:
        return
    queue = _queue(evidence, (queue_type, change.queue_id))
    match change:
        case SetInterval():
            queue.setters.append((change.interval, event))
        case _:
            assert_never(change)


def _sort_expiries(evidence: Evidence, event: Event, ended: Sequence[EndedLease]) -> None:
    for lease in ended:
        job = _job(evidence, (lease.queue_type, lease.queue_id), lease.job_id)
        job.expiries.append((event, lease))


def _sort_enqueue(evidence: Evidence, queue_type: str, event: Event, new: NewJob) -> None:
    job = _job(evidence, (queue_type, new.queue_id), new.job_id)
    outcome = event.outcome.outcome if isinstance(event.outcome, EnqueueResult) else None
    if outcome in {None, EnqueueOutcome.QUEUED}:
        job.starts.append(event)
    if outcome in {EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE}:
        job.proofs.append(event)
    if outcome is not EnqueueOutcome.QUEUE_FULL:
        _queue(evidence, job.queue).setters.append((new.interval, event))


def _queue(evidence: Evidence, name: QueueName) -> QueueEvidence:
    return evidence.queues.setdefault(name, QueueEvidence())


def _job(evidence: Evidence, name: QueueName, job_id: str) -> JobEvidence:
    queue = _queue(evidence, name)
    if job_id not in queue.jobs:
        queue.jobs[job_id] = JobEvidence(name, job_id, queue.clears)
    return queue.jobs[job_id]
