"""Leases and who may end them: no stale finish accepted, no valid one refused."""

from collections.abc import Iterator

from sharq_plug.model import Extend, Extended, Finish, JobState, LeaseOutcome
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, latest, token_of
from sharq_plug.testing.model_check.sound.moved import has_cleared, is_sure_of_job
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_fencing(evidence: Evidence) -> Iterator[Violation]:
    """Yield each claim that cannot have had the outcome it had."""
    yield from _check_tokens(evidence)
    for job in evidence.jobs():
        leases = {grant.job.token: grant for grant in job.grants}
        yield from _check_double_ends(job)
        for claim in (*job.finishes, *job.returns, *job.extends):
            if claim.outcome is not None and token_of(claim) is not None:
                yield from _check_accepted(job, claim, leases)
        for extend in job.extends:
            yield from _check_extended(job, extend)
        for claim in job.refused:
            if isinstance(claim.operation.item, Finish):
                yield from _check_receipt(job, claim)
            lease = leases.get(token_of(claim) or "")
            if lease is not None and claim.outcome is not LeaseOutcome.NOT_CHARGED:
                yield from _check_refused(job, claim, lease)


def _check_tokens(evidence: Evidence) -> Iterator[Violation]:
    given: dict[str, Event] = {}
    for queue in evidence.queues.values():
        for grant in queue.grants:
            first = given.setdefault(grant.job.token, grant.event)
            if first is not grant.event:
                what = f"the token {grant.job.token} is given twice"
                yield Violation(Rule.FENCING, what, (first, grant.event))


def _check_double_ends(job: JobEvidence) -> Iterator[Violation]:
    """Hold that a lease which was handed back or given up was ended by that alone."""
    ended: dict[str, Event] = {}
    sure = [event for event in job.returns if event.outcome is LeaseOutcome.ENDED]
    for release in sure:
        token = token_of(release)
        if token is not None:
            first = ended.setdefault(token, release)
            if first is not release:
                what = f"one lease of {job.job_id} is handed back twice"
                yield Violation(Rule.FENCING, what, (first, release))
    for finish in job.finishes:
        released = ended.get(token_of(finish) or "")
        if released is not None and finish.outcome is LeaseOutcome.ENDED:
            what = f"one lease of {job.job_id} is both finished and handed back"
            yield Violation(Rule.FENCING, what, (released, finish))


def _check_extended(job: JobEvidence, extend: Event) -> Iterator[Violation]:
    """Hold that a lease was extended as was asked, and not after it had been ended."""
    item, answer = extend.operation.item, extend.outcome
    if not isinstance(item, Extend) or not isinstance(answer, Extended):
        return
    if not extend.invoked_at <= answer.expires_at - item.lease_time <= latest(extend):
        what = f"a lease of {job.job_id} is extended by another time than was asked for"
        yield Violation(Rule.FENCING, what, (extend,))
    for end in (*job.finishes, *job.returns):
        is_same = token_of(end) is not None and token_of(end) == token_of(extend)
        if is_same and end.outcome is LeaseOutcome.ENDED and end.before(extend):
            what = f"a lease of {job.job_id} is extended after its end"
            yield Violation(Rule.FENCING, what, (end, extend))


def _check_accepted(
    job: JobEvidence, claim: Event, leases: dict[str, Grant]
) -> Iterator[Violation]:
    """Hold that a granted claim was to a current lease, or found the receipt of a finish."""
    lease = leases.get(token_of(claim) or "")
    if lease is None or claim.before(lease.event):
        what = f"a claim to {job.job_id} is granted to a token that nobody was given for it"
        yield Violation(Rule.FENCING, what, (claim,))
        return
    for over in _sure_ends(job, lease, claim):
        if not any(_may_leave_receipt(finish, claim, over) for finish in job.finishes):
            what = f"a claim to a lease of {job.job_id} is granted after that lease had ended"
            yield Violation(Rule.FENCING, what, (lease.event, over, claim))
            return


def _sure_ends(job: JobEvidence, lease: Grant, claim: Event) -> Iterator[Event]:
    """Iterate over what shows that the lease was over before the claim."""
    later = (other.event for other in job.grants if lease.before(other))
    clears = (clear for clear in job.moves.clears if has_cleared(clear, JobState.LEASED))
    cancels = (cancel for cancel in job.cancels if cancel.outcome is not None)
    redrives = (redrive for redrive in job.restarts if is_sure_of_job(redrive))
    after = [event for event in (*clears, *cancels, *redrives) if lease.event.before(event)]
    for over in (*later, *after):
        if over is not lease.event and over.before(claim):
            yield over


def _may_leave_receipt(finish: Event, claim: Event, over: Event) -> bool:
    """Return whether a finish may have ended the claimed lease before `over`."""
    same = isinstance(claim.operation.item, Finish) and token_of(finish) == token_of(claim)
    return same and finish is not claim and not over.before(finish)


def _check_receipt(job: JobEvidence, claim: Event) -> Iterator[Violation]:
    """Hold that a finish which is repeated soon enough answers as it did."""
    token = token_of(claim)
    same = [finish for finish in job.finishes if token is not None and token_of(finish) == token]
    granted = [
        finish for finish in same if finish.outcome is LeaseOutcome.ENDED and finish.before(claim)
    ]
    if granted and claim.answered_at is not None and claim.answered_at <= _kept_until(same):
        what = f"a finish of {job.job_id} is repeated, and its receipt is gone"
        yield Violation(Rule.RECEIPTS, what, (granted[0], claim))


def _kept_until(finishes: list[Event]) -> int:
    """Return until when (ms) a receipt is kept, whichever of these finishes left it."""
    return min(
        finish.invoked_at + finish.operation.item.receipt_time
        for finish in finishes
        if isinstance(finish.operation.item, Finish)
    )


def _check_refused(job: JobEvidence, claim: Event, lease: Grant) -> Iterator[Violation]:
    """Hold that a claim to a lease which surely was there is granted."""
    if not lease.event.before(claim) or job.may_be_over(lease, claim, claim.answered_at):
        return
    what = f"a claim to the lease of {job.job_id} is refused, and nothing had ended it"
    yield Violation(Rule.FENCING, what, (lease.event, claim))
