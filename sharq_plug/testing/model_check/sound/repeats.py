"""Takes that are repeated with their `attempt_id`: while a lease stands, it is given again."""

from collections.abc import Iterator

from sharq_plug.model import Dequeued, Take
from sharq_plug.testing.model_check.history import Event, Grant, History
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, latest
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_repeats(history: History, evidence: Evidence) -> Iterator[Violation]:
    """Yield each repeated take that left out a lease which surely stood."""
    attempts = history.attempts()
    for job in evidence.jobs():
        for lease in job.grants:
            attempt = _attempt(lease.event)
            if attempt is not None:
                for again, _ in attempts[attempt]:
                    yield from _check_again(job, lease, again)


def _attempt(event: Event) -> tuple[str | None, str] | None:
    """Return the queue type and the attempt id of a take that may be repeated."""
    item = event.operation.item
    if isinstance(item, Take) and item.attempt_id is not None:
        return event.operation.queue_type, item.attempt_id
    return None


def _check_again(job: JobEvidence, lease: Grant, again: Event) -> Iterator[Violation]:
    if not isinstance(again.outcome, Dequeued) or not lease.event.before(again):
        return
    if not lease.is_exact or latest(again) >= lease.job.expires_at:
        return
    if job.may_be_over(lease, again, again.answered_at):
        return
    if lease.job.token not in {found.token for found in again.outcome.jobs}:
        what = f"a dequeue is repeated and does not give {job.job_id} again"
        yield Violation(Rule.REPETITION, what, (lease.event, again))
