"""How long leases were held, as the answers that ended them tell it."""

from collections.abc import Iterator
from dataclasses import replace

from sharq_plug.model import Ended, LeaseOutcome
from sharq_plug.testing.model_check.history import History
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import latest, token_of
from sharq_plug.testing.model_check.violations import Rule, Violation


def without_times(history: History) -> History:
    """Return a history in which a lease that ended was ENDED, however long it was held."""
    events = [
        replace(event, outcome=LeaseOutcome.ENDED) if isinstance(event.outcome, Ended) else event
        for event in history.events
    ]
    return replace(history, events=tuple(events))


def check_held(history: History, evidence: Evidence) -> Iterator[Violation]:
    """Yield each answer that tells a time for which the lease cannot have been held."""
    leases = {
        grant.job.token: grant for job in evidence.jobs() for grant in job.grants if grant.is_exact
    }
    for event in history.events:
        lease = leases.get(token_of(event) or "") if isinstance(event.outcome, Ended) else None
        if lease is None or not isinstance(event.outcome, Ended):
            continue
        least, most = event.invoked_at - lease.instant, latest(event) - lease.instant
        if not max(0, least) <= event.outcome.held <= max(0, most):
            what = f"a lease of {lease.job.job_id} was not held for {event.outcome.held} ms"
            yield Violation(Rule.LEASE_TIMES, what, (lease.event, event))
