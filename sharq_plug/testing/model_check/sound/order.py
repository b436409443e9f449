"""The order within a queue, where the jobs' own records settle who stood where."""

from collections.abc import Iterator
from dataclasses import dataclass

from sharq_plug.model import LeaseOutcome
from sharq_plug.testing.model_check.history import Grant
from sharq_plug.testing.model_check.sound.evidence import (
    Evidence,
    JobEvidence,
    QueueEvidence,
    token_of,
)
from sharq_plug.testing.model_check.violations import Rule, Violation


@dataclass(frozen=True, slots=True)
class _Stay:
    """A job surely waited from `entry` (tick) until the step of `grant`."""

    job: JobEvidence
    entry: int
    grant: Grant

    @property
    def leaves(self) -> int:
        return self.grant.event.invoked


def check_order(evidence: Evidence) -> Iterator[Violation]:
    """Yield each job that was served while one ahead of it surely waited."""
    for queue in evidence.queues.values():
        jobs = [job for job in queue.jobs.values() if job.grants and job.had_one_life()]
        yield from _check_fresh(jobs)
        yield from _check_returned(queue, jobs)


def _check_fresh(jobs: list[JobEvidence]) -> Iterator[Violation]:
    """Hold that of jobs never delivered before the first to be enqueued is the first served."""
    first = {job.job_id: _grant_of(job, 1) for job in jobs}
    numbered = sorted(
        (_stay for job in jobs if (_stay := _fresh_stay(job)) is not None),
        key=lambda stay: stay.entry,
    )
    enqueued = sorted(
        (job for job in jobs if first[job.job_id] is not None),
        key=lambda job: job.starts[0].invoked,
    )
    last_to_leave: _Stay | None = None
    at = 0
    for job in enqueued:
        while at < len(numbered) and numbered[at].entry < job.starts[0].invoked:
            if last_to_leave is None or numbered[at].leaves > last_to_leave.leaves:
                last_to_leave = numbered[at]
            at += 1
        served = first[job.job_id]
        if served is not None and last_to_leave is not None:
            yield from _overtaken(served, last_to_leave)


def _check_returned(queue: QueueEvidence, jobs: list[JobEvidence]) -> Iterator[Violation]:
    """Hold that a job which came back stands before fresh ones, and before later numbers."""
    single = {job.job_id: job for job in jobs}
    for stay in [stay for job in jobs for stay in _returned_stays(job)]:
        for served in queue.grants:
            other = single.get(served.job.job_id)
            if other is None or other is stay.job or served.event.invoked <= stay.entry:
                continue
            if served.job.attempt == 1 or _is_lower(stay.job, other):
                yield from _overtaken(served, stay)


def _overtaken(served: Grant, stay: _Stay) -> Iterator[Violation]:
    if served.before(stay.grant):
        what = f"{served.job.job_id} is served while {stay.job.job_id} stands ahead of it"
        yield Violation(Rule.JOB_ORDER, what, (served.event, stay.grant.event))


def _fresh_stay(job: JobEvidence) -> _Stay | None:
    grant = _grant_of(job, 1)
    entry = _known_from(job)
    return None if grant is None or entry is None else _Stay(job, entry, grant)


def _returned_stays(job: JobEvidence) -> Iterator[_Stay]:
    returns = [
        (event, token_of(event)) for event in job.releases if event.outcome is LeaseOutcome.ENDED
    ]
    returns += [(event, lease.token) for event, lease in job.expiries if not lease.is_dead]
    for event, token in returns:
        attempts = [grant.job.attempt for grant in job.grants if grant.job.token == token]
        following = _grant_of(job, attempts[0] + 1) if attempts else None
        if following is not None and event.answered is not None:
            yield _Stay(job, event.answered, following)


def _is_lower(job: JobEvidence, other: JobEvidence) -> bool:
    """Return whether `job` surely has a lower number than `other`."""
    known_from = _known_from(job)
    return known_from is not None and known_from < other.starts[0].invoked


def _known_from(job: JobEvidence) -> int | None:
    """Return the tick at which the job surely had its number."""
    return min((e.answered for e in job.proofs if e.answered is not None), default=None)


def _grant_of(job: JobEvidence, attempt: int) -> Grant | None:
    return next((d for d in job.grants if d.job.attempt == attempt), None)
