"""The times of a job: nothing is delivered before its time, or once its ttl has passed."""

import math
from collections.abc import Iterator

from sharq_plug.model import Extras, Fail, LeaseOutcome, Release
from sharq_plug.testing.model_check.carried import begins_at
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, extras_of, latest, token_of
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_times(evidence: Evidence) -> Iterator[Violation]:
    """Yield each delivery at a wrong time. An exact one tells its instant and its enqueue's."""
    for job in evidence.jobs():
        exact = [grant for grant in job.grants if grant.is_exact]
        leases = {(grant.job.enqueued_at, grant.job.attempt): grant for grant in job.grants}
        for grant in exact:
            starts = job.starts_of(grant)
            yield from _check_span(job, starts, grant)
            before = leases.get((grant.job.enqueued_at, grant.job.attempt - 1))
            if before and len(starts) == 1 and not (job.reschedules or job.restarts):
                yield from _check_return(job, extras_of(starts[0]), before, grant)


def _check_span(job: JobEvidence, starts: list[Event], grant: Grant) -> Iterator[Violation]:
    """Hold that a delivery is not before the job's first time, nor at the end of its ttl or later.

    Of several enqueues that may have queued the job, any may have. A redrive begins a new ttl.
    """
    restarts = [latest(event) for event in job.restarts if not grant.event.before(event)]
    begins = [begins_at(extras_of(start), grant.job.enqueued_at) for start in starts]
    ttls = [extras_of(start).ttl for start in starts]
    ends = [
        math.inf if ttl is None else max([begin, *restarts]) + ttl
        for begin, ttl in zip(begins, ttls, strict=True)
    ]
    if begins and grant.instant < min(begins) and not job.reschedules:
        what = f"{job.job_id} is leased {min(begins) - grant.instant} ms before its time"
        yield Violation(Rule.DELAY, what, (*starts, grant.event))
    if ends and grant.instant >= max(ends):
        what = f"{job.job_id} is leased, and its ttl has passed"
        yield Violation(Rule.TTL, what, (*starts, grant.event))


def _check_return(
    job: JobEvidence, extras: Extras, one: Grant, other: Grant
) -> Iterator[Violation]:
    """Hold that a job which surely came back with a delay is not leased again before that ends."""
    for event, delay in _returns(job, extras, one):
        if other.instant < event.invoked_at + delay:
            what = f"{job.job_id} is leased again before its delay of {delay} ms has passed"
            yield Violation(Rule.DELAY, what, (one.event, event, other.event))


def _returns(job: JobEvidence, extras: Extras, lease: Grant) -> Iterator[tuple[Event, int]]:
    """Iterate over what surely ended a lease, with the least delay (ms) that it brought."""
    token, requeue_delay = lease.job.token, _requeue_delay(job, extras, lease)
    for event in job.returns:
        if event.outcome is LeaseOutcome.ENDED and token_of(event) == token:
            match event.operation.item:
                case Release(delay=delay) | Fail(delay=int(delay)):
                    yield event, delay
                case _:
                    yield event, requeue_delay
    for event, ended in job.expiries:
        if ended.token == token:
            yield event, requeue_delay


def _requeue_delay(job: JobEvidence, extras: Extras, lease: Grant) -> int:
    """Return for how long (ms) the job waits at least for the penalty that ended a lease."""
    if extras.requeue_delay is None:
        return 0
    earlier = {
        grant.job.token
        for grant in job.grants
        if grant.job.enqueued_at == lease.job.enqueued_at and grant.job.attempt <= lease.job.attempt
    }
    penalties = {token for _, token in job.penalties() if token in earlier}
    return extras.requeue_delay.after(max(1, len(penalties)))
