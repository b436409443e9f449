"""Leases that surely stand, also expired ones that were ended later, or found to stand."""

import math
from collections.abc import Iterator

from sharq_plug.model import Extended, LeaseOutcome
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, may_end, token_of
from sharq_plug.testing.model_check.sound.moments import Step, before, before_all, latest


def stands(job: JobEvidence, lease: Grant, at: Step) -> bool:
    """Return whether a lease, given before a step, surely stands when that is made."""
    if any(before(at, proof) for proof in _proofs(job, lease)):
        return True
    if _is_finished_later(job, lease, at):
        return True
    instant = latest(at)
    event = at.event if isinstance(at, Grant) else at
    if job.may_have_expired(lease, event, None if instant == math.inf else int(instant)):
        return False
    enders = (*job.ends, *job.returns)
    return not any(may_end(ender, lease) and not before(at, ender) for ender in enders)


def _proofs(job: JobEvidence, lease: Grant) -> Iterator[Event]:
    """Iterate over what surely found the lease standing."""
    for event, ended in job.expiries:
        if ended.token == lease.job.token:
            yield event
    for event in (*job.returns, *job.extends):
        is_granted = event.outcome is LeaseOutcome.ENDED or isinstance(event.outcome, Extended)
        if is_granted and token_of(event) == lease.job.token:
            yield event


def _is_finished_later(job: JobEvidence, lease: Grant, at: Step) -> bool:
    """Return whether a finish surely ended the lease, after a step. Any of several may have."""
    same = [finish for finish in job.finishes if token_of(finish) == lease.job.token]
    is_granted = any(finish.outcome is LeaseOutcome.ENDED for finish in same)
    return is_granted and before_all(at, same)
