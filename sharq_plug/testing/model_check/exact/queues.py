"""The rules of what queues take in, and of their settings."""

from collections.abc import Iterator

from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    Setting,
)
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.violations import Rule


def judge_new_job(
    facts: Facts, queue_type: str, job: NewJob, answer: EnqueueResult, now: int
) -> Iterator[Finding]:
    """Judge what became of a new job."""
    ledger = facts.of(queue_type)
    queue = ledger.queue(job.queue_id)
    length = None if job.max_queued_length is None else queue.unleased
    expected, rule, first = _expected(ledger, job, answer, now)
    yield from differences(rule, "outcome", answer.outcome, expected)
    yield from differences(Rule.DEDUPLICATION, "job_id", answer.job_id, first)
    yield from differences(Rule.DEPTH, "queue_length", answer.queue_length, length)
    if expected is EnqueueOutcome.QUEUED:
        ledger.enqueued(job, now)
        facts.tallies.enqueued(queue_type, job.queue_id, now)
    elif expected is EnqueueOutcome.DUPLICATE and queue.lives:
        ledger.interval_set(queue, job.interval, now)


def _expected(
    ledger: TypeLedger, job: NewJob, answer: EnqueueResult, now: int
) -> tuple[EnqueueOutcome, Rule, str | None]:
    """Return what must become of a new job, which rule says so, and whose duplicate it is."""
    queue, is_duplicate = ledger.queue(job.queue_id), answer.outcome is EnqueueOutcome.DUPLICATE
    if job.job_id in queue.lives:
        return EnqueueOutcome.DUPLICATE, Rule.IDEMPOTENCE, None
    deduplicate = None if job.extras is None else job.extras.deduplicate
    if deduplicate is not None:
        first = ledger.remembered(job.queue_id, deduplicate.key, now)
        if first is not None:
            return EnqueueOutcome.DUPLICATE, Rule.DEDUPLICATION, first
    if job.max_queued_length is not None and queue.unleased >= job.max_queued_length:
        return EnqueueOutcome.QUEUE_FULL, Rule.DEPTH, None
    if is_duplicate:
        rule = Rule.IDEMPOTENCE if answer.job_id is None else Rule.DEDUPLICATION
        return EnqueueOutcome.QUEUED, rule, None
    return EnqueueOutcome.QUEUED, Rule.DEPTH, None


def judge_setting(
    facts: Facts, queue_type: str, change: Setting, answer: ChangeOutcome, now: int
) -> Iterator[Finding]:
    """Judge what became of a change of settings."""
    ledger = facts.of(queue_type)
    exists = change.queue_id in ledger.existing()
    expected = ChangeOutcome.CHANGED if exists else ChangeOutcome.UNKNOWN
    yield from differences(Rule.LISTING, "outcome", answer, expected)
    if exists:
        ledger.changed(change, now)
