"""Leases that were ended because they had expired: each once, in time, and with the right fate."""

from collections.abc import Iterator

from sharq_plug.model import EndedLease, Extend
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, latest, token_of
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_expiries(evidence: Evidence) -> Iterator[Violation]:
    """Yield each lease that cannot have been ended as it is said."""
    for job in evidence.jobs():
        ended: dict[str, Event] = {}
        for event, lease in job.expiries:
            if lease.token in ended:
                what = f"one lease of {job.job_id} is ended twice"
                yield Violation(Rule.RECLAIM, what, (ended[lease.token], event))
            ended[lease.token] = event
            yield from _check_fate(job, event, lease)
        yield from _check_claims(job, ended)


def _check_fate(job: JobEvidence, event: Event, lease: EndedLease) -> Iterator[Violation]:
    """Hold that the lease had expired, and that its job died if no requeue was left.

    It dies too if its ttl has passed.
    """
    for grant in job.grants:
        if grant.job.token != lease.token:
            continue
        if not job.may_have_expired(grant, event, event.answered_at):
            what = f"a lease of {job.job_id} is ended before it expires"
            yield Violation(Rule.RECLAIM, what, (grant.event, event))
        may_die = grant.job.requeues_remaining == 0 or job.may_have_ended(latest(event))
        must_die = grant.job.requeues_remaining == 0
        if not must_die <= lease.is_dead <= may_die:
            left = grant.job.requeues_remaining
            what = f"{job.job_id} has {left} requeues left, and is_dead is {lease.is_dead}"
            yield Violation(Rule.RECLAIM, what, (grant.event, event))


def _check_claims(job: JobEvidence, ended: dict[str, Event]) -> Iterator[Violation]:
    """Hold that nobody ended a lease that had expired and was ended, or extended it after that."""
    for claim in (*job.finishes, *job.returns, *job.extends):
        over = ended.get(token_of(claim) or "")
        if over is None or claim.outcome is None:
            continue
        if over.before(claim) or not isinstance(claim.operation.item, Extend):
            what = f"a claim to a lease of {job.job_id} is granted, and expiry had ended it"
            yield Violation(Rule.FENCING, what, (over, claim))
