"""Dequeues that are repeated with their `attempt_id`: while a lease stands, it is given again."""

from collections.abc import Iterator

from sharq_plug.model import Dequeued
from sharq_plug.testing.model_check.history import Delivery, Dequeue, Event, History
from sharq_plug.testing.model_check.sound.evidence import Evidence, JobEvidence, may_end
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_repeats(history: History, evidence: Evidence) -> Iterator[Violation]:
    """Yield each repeated dequeue that left out a lease which surely stood."""
    attempts: dict[tuple[str, str], list[Event]] = {}
    for event in history.events:
        asked = event.operation
        if isinstance(asked, Dequeue) and asked.attempt_id is not None:
            attempts.setdefault((asked.queue_type, asked.attempt_id), []).append(event)
    for job in evidence.jobs():
        for lease in job.deliveries:
            asked = lease.event.operation
            if isinstance(asked, Dequeue) and asked.attempt_id is not None:
                for again in attempts[asked.queue_type, asked.attempt_id]:
                    yield from _check_again(job, lease, again)


def _check_again(job: JobEvidence, lease: Delivery, again: Event) -> Iterator[Violation]:
    if not isinstance(again.outcome, Dequeued) or not lease.event.before(again):
        return
    if again.answered_at is None or again.answered_at >= lease.job.expires_at:
        return
    enders = (*job.ends, *job.releases)
    if any(may_end(ender, lease) and not again.before(ender) for ender in enders):
        return
    if lease.job.token not in {found.token for found in again.outcome.jobs}:
        what = f"a dequeue is repeated and does not give {job.job_id} again"
        yield Violation(Rule.REPETITION, what, (lease.event, again))
