"""The events of a history, sorted by the queue and the job they are about."""

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    Take,
    Tended,
)
from sharq_plug.testing.model_check.history import Event, Grant, History
from sharq_plug.testing.model_check.operations import Clear, Look

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
    """Return whether a finish, release or clearing may have ended this very lease."""
    if ender.before(lease.event):
        return False
    match ender.operation.item:
        case Finish(lease=claimed) | Release(lease=claimed):
            return claimed.token in {None, lease.job.token}
        case _:
            return True


def new_job(event: Event) -> NewJob:
    """Return the job of an enqueue."""
    if not isinstance(event.operation.item, NewJob):
        raise TypeError(f"{event.operation} is no enqueue")
    return event.operation.item


def token_of(event: Event) -> str | None:
    """Return the token of a finish or release; None if it has none, or is something else."""
    match event.operation.item:
        case Finish(lease=claimed) | Release(lease=claimed):
            return claimed.token
        case _:
            return None


def _sort(evidence: Evidence, event: Event) -> None:
    queue_type = event.operation.queue_type or ""
    match event.operation.item, event.outcome:
        case NewJob() as new, None | EnqueueResult():
            _sort_enqueue(_job(evidence, (queue_type, new.queue_id), new.job_id), event)
            if not _is_refusal(event):
                queue = _queue(evidence, (queue_type, new.queue_id))
                queue.setters.append((new.interval, event))
        case Take(), None:
            evidence.unanswered_dequeues.add(queue_type)
        case _, Dequeued(ended=ended) | Tended(ended=ended):
            for lease in ended:
                job = _job(evidence, (lease.queue_type, lease.queue_id), lease.job_id)
                job.expiries.append((event, lease))
        case SetInterval() as change, None | ChangeOutcome.CHANGED:
            queue = _queue(evidence, (queue_type, change.queue_id))
            queue.setters.append((change.interval, event))
        case Clear(queue_id), outcome if outcome != Cleared(0, 0, 0):
            _queue(evidence, (queue_type, queue_id)).clears.append(event)
        case Look(str(queue_id)), outcome if outcome is not None:
            _queue(evidence, (queue_type, queue_id)).looks.append(event)
        case Finish(lease), outcome:
            job = _job(evidence, (queue_type, lease.queue_id), lease.job_id)
            (job.finishes if _may_have_ended(outcome) else job.refused).append(event)
        case Release(lease), outcome:
            job = _job(evidence, (queue_type, lease.queue_id), lease.job_id)
            if _may_have_ended(outcome):
                job.releases.append(event)


def _sort_enqueue(job: JobEvidence, event: Event) -> None:
    outcome = event.outcome.outcome if isinstance(event.outcome, EnqueueResult) else None
    if outcome in {None, EnqueueOutcome.QUEUED}:
        job.starts.append(event)
    if outcome in {EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE}:
        job.proofs.append(event)


def _is_refusal(event: Event) -> bool:
    full = EnqueueOutcome.QUEUE_FULL
    return isinstance(event.outcome, EnqueueResult) and event.outcome.outcome is full


def _may_have_ended(outcome: object) -> bool:
    return outcome in {None, LeaseOutcome.ENDED}


def _queue(evidence: Evidence, name: QueueName) -> QueueEvidence:
    return evidence.queues.setdefault(name, QueueEvidence())


def _job(evidence: Evidence, name: QueueName, job_id: str) -> JobEvidence:
    queue = _queue(evidence, name)
    if job_id not in queue.jobs:
        queue.jobs[job_id] = JobEvidence(name, job_id, queue.clears)
    return queue.jobs[job_id]
