"""The rules of what queues take in and lose, of their settings, and of what is seen of them."""

from collections.abc import Iterator

from sharq_plug.model import (
    ChangeOutcome,
    Cleared,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    Page,
    Setting,
    View,
)
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.operations import Clear, ListNames, Look
from sharq_plug.testing.model_check.violations import Rule


def judge_new_job(
    facts: Facts, queue_type: str, job: NewJob, answer: EnqueueResult, now: int
) -> Iterator[Finding]:
    """Judge what became of a new job."""
    ledger = facts.of(queue_type)
    queue = ledger.queue(job.queue_id)
    waiting = len(queue.waiting)
    full = job.max_queued_length is not None and waiting >= job.max_queued_length
    if job.job_id in queue.lives:
        expected, rule = EnqueueOutcome.DUPLICATE, Rule.IDEMPOTENCE
    elif full:
        expected, rule = EnqueueOutcome.QUEUE_FULL, Rule.DEPTH
    else:
        expected = EnqueueOutcome.QUEUED
        is_duplicate = answer.outcome is EnqueueOutcome.DUPLICATE
        rule = Rule.IDEMPOTENCE if is_duplicate else Rule.DEPTH
    yield from differences(rule, "outcome", answer.outcome, expected)
    length = None if job.max_queued_length is None else waiting
    yield from differences(Rule.DEPTH, "queue_length", answer.queue_length, length)
    if expected is EnqueueOutcome.QUEUED:
        ledger.enqueued(job, now)
        facts.tallies.enqueued(queue_type, job.queue_id, now)
    elif expected is EnqueueOutcome.DUPLICATE:
        ledger.interval_set(queue, job.interval, now)


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


def judge_clear(
    facts: Facts, queue_type: str, clear: Clear, answer: Cleared, _now: int
) -> Iterator[Finding]:
    """Judge what a clearing says that it removed."""
    ledger = facts.of(queue_type)
    queue = ledger.queue(clear.queue_id)
    dead = ledger.dead_letters(clear.queue_id) if clear.purge else 0
    expected = Cleared(len(queue.waiting), len(queue.leased), dead)
    yield from differences(Rule.COUNTS, "what was cleared", answer, expected)
    ledger.cleared(clear.queue_id, purge=clear.purge)
    if clear.purge:
        facts.tallies.purged(queue_type, clear.queue_id)


def judge_look(
    facts: Facts, queue_type: str | None, look: Look, answer: View, now: int
) -> Iterator[Finding]:
    """Judge the lengths and the minute counts of a view."""
    expected = (0, 0, 0)
    if look.queue_id is not None:
        ledger = facts.of(queue_type)
        queue, dead = ledger.queue(look.queue_id), ledger.dead_letters(look.queue_id)
        expected = (len(queue.waiting), len(queue.leased), dead)
    found = (answer.waiting, answer.leased, answer.dead)
    rule = Rule.COUNTS
    if sum(found) != sum(expected):
        rule = Rule.LOSS if sum(found) < sum(expected) else Rule.DOUBLING
    yield from differences(rule, "waiting, leased and dead", found, expected)
    counts = facts.tallies.expected(queue_type, look.queue_id, now)
    yield from differences(Rule.COUNTS, "minute counts", answer.counts, counts)


def judge_list_names(
    facts: Facts, queue_type: str | None, step: ListNames, page: Page, _now: int
) -> Iterator[Finding]:
    """Judge a step of a listing."""
    if queue_type is None:
        existing = {name for name, ledger in facts.types.items() if ledger.existing()}
    else:
        existing = facts.of(queue_type).existing()
    for what in facts.listings.wrong(queue_type, step, page, existing):
        yield Rule.LISTING, what
