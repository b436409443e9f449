"""What each delivery of a job must agree with: its enqueue, and the deliveries before it."""

from collections.abc import Iterator
from itertools import combinations, pairwise

from sharq_plug.model import LIVING, Discard, LeaseOutcome
from sharq_plug.testing.model_check.carried import is_carried
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.operations import ClearStep, DiscardRange
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import (
    JobEvidence,
    is_deadly,
    may_end,
    token_of,
)
from sharq_plug.testing.model_check.sound.moved import has_cleared
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_deliveries(evidence: Evidence) -> Iterator[Violation]:
    """Yield what is wrong about single jobs' deliveries."""
    for job in evidence.jobs():
        if job.grants:
            yield from _check_origin(job)
            yield from _check_overlaps(job)
            yield from _check_ends(job)
            all_seen = job.queue[0] not in evidence.unanswered_dequeues
            for life in job.lives():
                yield from _check_attempts(life, all_seen=all_seen)
                yield from _check_requeues(life)


def _check_origin(job: JobEvidence) -> Iterator[Violation]:
    for grant in job.grants:
        starts = [start for start in job.starts if not grant.event.before(start)]
        if not starts:
            what = f"{job.job_id} is leased, and was not enqueued before"
            yield Violation(Rule.DOUBLING, what, (grant.event,))
        elif not any(is_carried(form, grant.job) for start in starts for form in job.forms(start)):
            what = f"{job.job_id} does not carry what it was enqueued with"
            yield Violation(Rule.PAYLOAD, what, (*starts, grant.event))
        elif not job.starts_of(grant):
            what = f"{job.job_id} was not enqueued at {grant.job.enqueued_at}"
            yield Violation(Rule.PAYLOAD, what, (*starts, grant.event))
    first = [grant.event for grant in job.grants if grant.job.attempt == 1]
    if len(first) > len(job.starts) + len(job.restarts):
        what = f"{job.job_id} is leased for the first time {len(first)} times"
        yield Violation(Rule.DOUBLING, what, (*job.starts, *first))


def _check_overlaps(job: JobEvidence) -> Iterator[Violation]:
    """Hold that a lease which has not expired was ended before the next is given."""
    exact = [grant for grant in job.grants if grant.is_exact]
    by_instant = sorted(exact, key=lambda grant: grant.instant)
    for earlier, later in pairwise(by_instant):
        explained = job.may_be_over(earlier, later.event, later.instant)
        if earlier.instant == later.instant:  # either may have been the first
            explained = explained or job.may_be_over(later, earlier.event, earlier.instant)
        if not explained:
            what = f"{job.job_id} is leased again before its lease expires or is ended"
            yield Violation(Rule.REDELIVERY, what, (earlier.event, later.event))


def _check_ends(job: JobEvidence) -> Iterator[Violation]:
    """Hold that a job that was finished, cleared or died comes back by a start alone."""
    ends = [
        (end, min(event.invoked for event in _same_end(job, end)))
        for end in job.ends
        if _is_sure(end)
    ]
    ends += [(event, event.invoked) for event, lease in job.expiries if lease.is_dead]
    ends += [
        (fail, fail.invoked)
        for fail in job.fails
        if fail.outcome is not None and token_of(fail) and is_deadly(fail)
    ]
    for end, over_from in ends:
        begins = (*job.starts, *job.restarts)
        if any(start.answered is None or start.answered >= over_from for start in begins):
            continue
        for grant in job.grants:
            if end.before(grant.event):
                what = f"{job.job_id} is leased after its end"
                yield Violation(Rule.DOUBLING, what, (end, grant.event))


def _is_sure(end: Event) -> bool:
    """Return whether no job that was there before lived on."""
    match end.operation.item:
        case ClearStep():
            return all(has_cleared(end, state) for state in LIVING)
        case Discard() | DiscardRange():
            return False
        case _:
            return end.outcome is not None


def _same_end(job: JobEvidence, end: Event) -> list[Event]:
    """Return the events of which the first one ended what `end` says it did."""
    token = token_of(end)
    return [end] if token is None else [other for other in job.finishes if token_of(other) == token]


def _check_attempts(job: JobEvidence, *, all_seen: bool) -> Iterator[Violation]:
    for one, other in combinations(job.grants, 2):
        equal = one.job.attempt == other.job.attempt
        falls = one.job.attempt > other.job.attempt and one.before(other)
        if equal or falls:
            what = f"{job.job_id} has attempt {one.job.attempt}, then {other.job.attempt}"
            yield Violation(Rule.ATTEMPTS, what, (one.event, other.event))
    last = max(job.grants, key=lambda grant: grant.job.attempt)
    if all_seen and last.job.attempt > len(job.grants):
        what = f"{job.job_id} has attempt {last.job.attempt} at delivery {len(job.grants)}"
        yield Violation(Rule.ATTEMPTS, what, (last.event,))


def _check_requeues(job: JobEvidence) -> Iterator[Violation]:
    if len(job.limits) > 1:
        return
    [limit] = job.limits or {-1}
    for grant in job.grants:
        lowest = max(0, limit - (grant.job.attempt - 1)) if limit >= 0 else -1
        if not lowest <= grant.job.requeues_remaining <= limit:
            what = f"{job.job_id} has {grant.job.requeues_remaining} requeues left of {limit}"
            yield Violation(Rule.ATTEMPTS, what, (*job.starts, grant.event))
    if limit == -1:
        return
    for one, other in pairwise(sorted(job.grants, key=lambda lease: lease.job.attempt)):
        fall = one.job.requeues_remaining - other.job.requeues_remaining
        least, most = _possible_fall(job, one, other)
        if not least <= fall <= most:
            what = f"{job.job_id} loses {fall} requeues between two leases"
            yield Violation(Rule.ATTEMPTS, what, (one.event, other.event))


def _possible_fall(job: JobEvidence, one: Grant, other: Grant) -> tuple[int, int]:
    """Return by how much, at least and at most, the requeues fall from one lease to another."""
    leases = other.job.attempt - one.job.attempt
    if leases > 1:
        return 0, leases
    if any(token == one.job.token for _, token in job.penalties()):
        return 1, 1
    releases = [release for release in job.releases if may_end(release, one)]
    if any(token_of(r) and r.outcome is LeaseOutcome.ENDED for r in releases):
        return 0, 0
    return (0 if releases else 1), 1
