"""The rules of settlements: what becomes of a worker's word, and what it does."""

from collections.abc import Iterator
from typing import assert_never

from sharq_plug.model import (
    DeathReason,
    Ended,
    Extend,
    Extended,
    Fail,
    Finish,
    LeaseOutcome,
    Release,
    Settled,
    Settlement,
)
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.lives import Life
from sharq_plug.testing.model_check.violations import Rule


def judge_settlement(
    facts: Facts, queue_type: str, item: Settlement, answer: Settled, now: int
) -> Iterator[Finding]:
    """Judge the outcome of a settlement."""
    ledger = facts.of(queue_type)
    expected: Settled = ledger.outcome(item.lease)
    rule = Rule.FENCING
    has_receipt = isinstance(item, Finish) and ledger.remembered.has_receipt(item.lease, now)
    if expected is LeaseOutcome.ENDED:
        expected = _settled(ledger, item, now)
        if isinstance(answer, Ended) and isinstance(expected, Ended):
            rule = Rule.LEASE_TIMES
    elif has_receipt:
        expected, rule = LeaseOutcome.ENDED, Rule.RECEIPTS
    yield from differences(rule, "outcome", answer, expected)


def _settled(ledger: TypeLedger, item: Settlement, now: int) -> Settled:
    """Note what a settlement of a lease that stands does; return its outcome."""
    queue = ledger.queue(item.lease.queue_id)
    life = queue.lives[item.lease.job_id]
    held = max(0, now - life.leased_at)
    frozen = item.freeze_limit if isinstance(item, Release | Fail) else None
    if frozen is not None:
        if frozen.name not in life.charged:
            return LeaseOutcome.NOT_CHARGED
        ledger.benches.limits[frozen.name].freeze(frozen.duration, now)
    match item:
        case Finish():
            ledger.finished(item, now)
        case Release(_, delay, freeze):
            ledger.letters.counted["released"] += 1
            queue.freeze(freeze, now)
            ledger.came_back(life, now, delay)
        case Fail():
            queue.freeze(item.freeze, now)
            _failed(ledger, life, item, now)
        case Extend(_, lease_time):
            life.expires_at = now + lease_time
            ledger.take_place(queue, now)
            return Extended(life.expires_at)
        case _:
            assert_never(item)
    return Ended(held)


def _failed(ledger: TypeLedger, life: Life, item: Fail, now: int) -> None:
    """Note an attempt that was given up: the job comes back or dies."""
    life.last_error = item.error
    ledger.letters.counted["failed"] += 1
    if item.dead or life.requeues == 0:
        ledger.died(life, DeathReason.FAILED, now)
        return
    delay = life.penalty()
    ledger.came_back(life, now, delay if item.delay is None else item.delay)
