"""The order within a queue, where the jobs' own records settle who stood where.

A job that was delayed stands nowhere until it has joined those that wait. No answer tells when that
was, so its stay proves nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sharq_plug.model import Fail, LeaseOutcome, Release
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, token_of
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

    @property
    def priority(self) -> int:
        return self.grant.job.priority


def check_order(evidence: Evidence) -> Iterator[Violation]:
    """Yield each job that was served while one ahead of it surely waited."""
    for queue in evidence.queues.values():
        candidates = [job for job in queue.jobs.values() if job.grants and not job.reschedules]
        jobs = [job for job in candidates if job.had_one_life()]
        yield from _check_fresh(jobs)
        yield from _check_returned(queue, jobs)


def _check_fresh(jobs: list[JobEvidence]) -> Iterator[Violation]:
    """Hold that jobs never delivered before go by priority, then by number.

    They go before all of a lower priority, also before those that came back.
    """
    stays = [stay for job in jobs if (stay := _fresh_stay(job)) is not None]
    stays.sort(key=lambda stay: stay.entry)
    enqueued = {grant.job.token: job.starts[0].invoked for job in jobs for grant in job.grants}
    served = [grant for job in jobs for grant in job.grants]
    for priority in sorted({grant.job.priority for grant in served}):
        those = [grant for grant in served if grant.job.priority == priority]
        first = [grant for grant in those if grant.job.attempt == 1]
        alike = [stay for stay in stays if stay.priority == priority]
        yield from _check_sweep(alike, first, lambda grant: enqueued[grant.job.token])
        ahead = [stay for stay in stays if stay.priority > priority]
        yield from _check_sweep(ahead, those, lambda grant: grant.event.invoked)


def _check_sweep(
    stays: list[_Stay], served: list[Grant], since: Callable[[Grant], int]
) -> Iterator[Violation]:
    """Hold that none of `served` went while a job waited that is ahead of it.

    Those of `stays`, which are sorted, are ahead that began before the tick `since`.
    """
    last_to_leave: _Stay | None = None
    at = 0
    for grant in sorted(served, key=since) if stays else ():
        while at < len(stays) and stays[at].entry < since(grant):
            if last_to_leave is None or stays[at].leaves > last_to_leave.leaves:
                last_to_leave = stays[at]
            at += 1
        if last_to_leave is not None:
            yield from _overtaken(grant, last_to_leave)


def _check_returned(queue: QueueEvidence, jobs: list[JobEvidence]) -> Iterator[Violation]:
    """Hold that a job which came back stands before fresh ones, and before later numbers.

    So it is among jobs of one priority; it stands before all of a lower one.
    """
    single = {job.job_id: job for job in jobs}
    for stay in [stay for job in jobs for stay in _returned_stays(job)]:
        for served in queue.grants:
            other = single.get(served.job.job_id)
            if other is None or other is stay.job or served.event.invoked <= stay.entry:
                continue
            is_equal = served.job.priority == stay.priority
            is_ahead = is_equal and (served.job.attempt == 1 or _is_lower(stay.job, other))
            if is_ahead or served.job.priority < stay.priority:
                yield from _overtaken(served, stay)


def _overtaken(served: Grant, stay: _Stay) -> Iterator[Violation]:
    if served.before(stay.grant):
        what = f"{served.job.job_id} is served while {stay.job.job_id} stands ahead of it"
        yield Violation(Rule.JOB_ORDER, what, (served.event, stay.grant.event))


def _fresh_stay(job: JobEvidence) -> _Stay | None:
    grant = _grant_of(job, 1)
    entry = _known_from(job)
    if grant is None or entry is None or any(extras.delay or extras.at for extras in job.extras):
        return None
    return _Stay(job, entry, grant)


def _returned_stays(job: JobEvidence) -> Iterator[_Stay]:
    may_delay = any(extras.requeue_delay is not None for extras in job.extras)
    returns = [
        (event, token_of(event))
        for event in job.returns
        if event.outcome is LeaseOutcome.ENDED and not _is_delayed(event, may_delay=may_delay)
    ]
    if not may_delay:
        returns += [(event, lease.token) for event, lease in job.expiries if not lease.is_dead]
    for event, token in returns:
        attempts = [grant.job.attempt for grant in job.grants if grant.job.token == token]
        following = _grant_of(job, attempts[0] + 1) if attempts else None
        if following is not None and event.answered is not None:
            yield _Stay(job, event.answered, following)


def _is_delayed(event: Event, *, may_delay: bool) -> bool:
    """Return whether the job may have come back with a delay."""
    match event.operation.item:
        case Release(delay=delay) | Fail(delay=int(delay)):
            return delay > 0
        case _:
            return may_delay


def _is_lower(job: JobEvidence, other: JobEvidence) -> bool:
    """Return whether `job` surely has a lower number than `other`."""
    known_from = _known_from(job)
    return known_from is not None and known_from < other.starts[0].invoked


def _known_from(job: JobEvidence) -> int | None:
    """Return the tick at which the job surely had its number."""
    return min((e.answered for e in job.proofs if e.answered is not None), default=None)


def _grant_of(job: JobEvidence, attempt: int) -> Grant | None:
    return next((d for d in job.grants if d.job.attempt == attempt), None)
