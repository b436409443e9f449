"""The rules of leases: what settles them, and what ends them when they have expired."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from sharq_plug.model import EndedLease, Finish, LeaseOutcome, Release, Settlement, Tended
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import Life, TypeLedger
from sharq_plug.testing.model_check.operations import Tend
from sharq_plug.testing.model_check.violations import Rule


def judge_settlement(
    facts: Facts, queue_type: str, item: Settlement, answer: LeaseOutcome, now: int
) -> Iterator[Finding]:
    """Judge the outcome of a settlement."""
    ledger = facts.of(queue_type)
    expected, rule = ledger.outcome(item.lease), Rule.FENCING
    has_receipt = isinstance(item, Finish) and ledger.has_receipt(item.lease, now)
    if expected is LeaseOutcome.ENDED:
        _note(ledger, item, now)
    elif has_receipt:
        expected, rule = LeaseOutcome.ENDED, Rule.RECEIPTS
    yield from differences(rule, "outcome", answer, expected)


def _note(ledger: TypeLedger, item: Settlement, now: int) -> None:
    """Note what a settlement of a lease that stands does."""
    match item:
        case Finish(lease, receipt_time):
            ledger.finished(lease, now + receipt_time)
        case Release(lease):
            ledger.came_back(ledger.queue(lease.queue_id).lives[lease.job_id], now)
        case _:
            assert_never(item)


def judge_tend(
    facts: Facts, _queue_type: None, tend: Tend, answer: Tended, now: int
) -> Iterator[Finding]:
    """Judge which leases were ended. A type may be left out only if there is `more` to do."""
    for queue_type in {lease.queue_type for lease in answer.ended} - set(facts.types):
        yield Rule.RECLAIM, f"leases of {queue_type} are ended, and nothing is known of it"
    for queue_type, ledger in facts.types.items():
        expired = ledger.expired(now)
        found = tuple(lease for lease in answer.ended if lease.queue_type == queue_type)
        if found or not answer.more:
            yield from judge_ended(ledger, queue_type, expired[: tend.limit], found, now)
        if ledger.expired(now) and not answer.more:
            yield Rule.RECLAIM, "there is more to do at once, and it was not said"


def judge_ended(
    ledger: TypeLedger, queue_type: str, due: Sequence[Life], found: Sequence[EndedLease], now: int
) -> Iterator[Finding]:
    """Judge whether exactly the leases that were due are ended, and note that.

    The jobs that wait again are in the order of their ends, and so are those that died.
    """
    expected = [ledger.lease_ended(queue_type, life, now) for life in due]
    yield from differences(Rule.RECLAIM, "ended", _by_fate(found), _by_fate(expected))


def _by_fate(leases: Sequence[EndedLease]) -> list[EndedLease]:
    return sorted(leases, key=lambda lease: lease.is_dead)
