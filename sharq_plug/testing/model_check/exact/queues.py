"""The rules of what queues take in, and of their settings."""

from collections.abc import Iterator
from typing import assert_never

from sharq_plug.model import (
    ChangeOutcome,
    DropLimit,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    QueueRules,
    SetInterval,
    Setting,
    TypeRules,
)
from sharq_plug.testing.model_check.carried import PLAIN
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.violations import Rule


def judge_new_job(
    facts: Facts, queue_type: str, job: NewJob, answer: EnqueueResult, now: int
) -> Iterator[Finding]:
    """Judge what became of a new job."""
    ledger, extras = facts.of(queue_type), job.extras or PLAIN
    queue = ledger.queue(job.queue_id)
    expected, rule, first = _expected(ledger, job, answer, now)
    is_told = job.max_queued_length is not None or expected is EnqueueOutcome.QUEUE_FULL
    length = queue.unleased if is_told else None
    yield from differences(rule, "outcome", answer.outcome, expected)
    yield from differences(Rule.DEDUPLICATION, "job_id", answer.job_id, first)
    yield from differences(Rule.DEPTH, "queue_length", answer.queue_length, length)
    if expected is EnqueueOutcome.QUEUED:
        ledger.enqueued(job, now)
        facts.tallies.enqueued(queue_type, job.queue_id, now)
    elif expected is EnqueueOutcome.DUPLICATE:
        uses = extras.uses
        ledger.benches.create(uses or ())
        if queue.lives and (job.interval, uses) != (None, None):
            ledger.brought(queue, job.interval, uses, now)


def _expected(
    ledger: TypeLedger, job: NewJob, answer: EnqueueResult, now: int
) -> tuple[EnqueueOutcome, Rule, str | None]:
    """Return what must become of a new job, which rule says so, and whose duplicate it is."""
    queue, is_duplicate = ledger.queue(job.queue_id), answer.outcome is EnqueueOutcome.DUPLICATE
    refuses = queue.settings.or_else(ledger.defaults.settings)
    if job.interval is None and refuses.limits is None:
        return EnqueueOutcome.NO_INTERVAL, Rule.SETTINGS, None
    if not _are_known(ledger, job):
        return EnqueueOutcome.UNKNOWN_LIMIT, Rule.SETTINGS, None
    if job.job_id in queue.lives:
        return EnqueueOutcome.DUPLICATE, Rule.IDEMPOTENCE, None
    deduplicate = None if job.extras is None else job.extras.deduplicate
    if deduplicate is not None:
        first = ledger.remembered.job_of(job.queue_id, deduplicate.key, now)
        if first is not None:
            return EnqueueOutcome.DUPLICATE, Rule.DEDUPLICATION, first
    lengths = [job.max_queued_length, refuses.max_length]
    if any(length is not None and queue.unleased >= length for length in lengths):
        return EnqueueOutcome.QUEUE_FULL, Rule.DEPTH, None
    refused = {EnqueueOutcome.NO_INTERVAL, EnqueueOutcome.UNKNOWN_LIMIT}
    rule = Rule.SETTINGS if answer.outcome in refused else Rule.DEPTH
    if is_duplicate:
        rule = Rule.IDEMPOTENCE if answer.job_id is None else Rule.DEDUPLICATION
    return EnqueueOutcome.QUEUED, rule, None


def _are_known(ledger: TypeLedger, job: NewJob) -> bool:
    """Return whether the shared limits that a job names are there, or are brought by it."""
    uses = (job.extras or PLAIN).uses or ()
    return all(use.limits is not None or use.name in ledger.benches.limits for use in uses)


def judge_setting(
    facts: Facts, queue_type: str, change: Setting, answer: ChangeOutcome, now: int
) -> Iterator[Finding]:
    """Judge what became of a change of settings."""
    ledger = facts.of(queue_type)
    expected = _changed(ledger, change)
    rule = Rule.LISTING if ChangeOutcome.UNKNOWN in {answer, expected} else Rule.SETTINGS
    yield from differences(rule, "outcome", answer, expected)
    if expected is ChangeOutcome.CHANGED:
        ledger.changed(change, now)


def _changed(ledger: TypeLedger, change: Setting) -> ChangeOutcome:
    """Return what must become of a change of settings."""
    match change:
        case SetInterval(queue_id):
            queue = ledger.queue(queue_id)
            if not queue.lives:
                return ChangeOutcome.UNKNOWN
            has_limits = queue.settings.or_else(ledger.defaults.settings).limits is not None
            return ChangeOutcome.LIMITS_SET if has_limits else ChangeOutcome.CHANGED
        case PatchQueue(queue_id, patch):
            tag, names = QueueRules(ledger.queue(queue_id).settings).tag(), patch.uses
        case PatchType(_, patch):
            tag = TypeRules(ledger.gate.settings, ledger.defaults.settings).tag()
            names = patch.uses
        case PatchLimit(name):
            tag, names = ledger.benches.rules(name, 0).tag(), None
        case DropLimit(name):
            if name not in ledger.benches.limits:
                return ChangeOutcome.UNKNOWN
            is_used = ledger.benches.is_used(name, ledger.defaults.settings)
            return ChangeOutcome.IN_USE if is_used else ChangeOutcome.CHANGED
        case _:
            assert_never(change)
    if change.if_match is not None and tag not in change.if_match:
        return ChangeOutcome.MISMATCH
    are_known = not names or ledger.benches.limits.keys() >= set(names)
    return ChangeOutcome.CHANGED if are_known else ChangeOutcome.UNKNOWN_LIMIT
