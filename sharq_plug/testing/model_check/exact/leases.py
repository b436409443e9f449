"""The rules of leases that end: by a finish, by a release, by expiry."""

from collections.abc import Iterator, Sequence

from sharq_plug.model import EndedLease, Finish, LeaseOutcome, Release, Tended
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import Life, TypeLedger
from sharq_plug.testing.model_check.operations import Tend
from sharq_plug.testing.model_check.violations import Rule


def judge_finish(
    facts: Facts, queue_type: str, finish: Finish, answer: LeaseOutcome, now: int
) -> Iterator[Finding]:
    """Judge the outcome of a finish."""
    ledger = facts.of(queue_type)
    expected, rule = ledger.outcome(finish.lease), Rule.FENCING
    if expected is LeaseOutcome.ENDED:
        ledger.finished(finish.lease, now + finish.receipt_time)
    elif ledger.has_receipt(finish.lease, now):
        expected, rule = LeaseOutcome.ENDED, Rule.RECEIPTS
    yield from differences(rule, "outcome", answer, expected)


def judge_release(
    facts: Facts, queue_type: str, release: Release, answer: LeaseOutcome, now: int
) -> Iterator[Finding]:
    """Judge the outcome of a release."""
    ledger, lease = facts.of(queue_type), release.lease
    expected = ledger.outcome(lease)
    if expected is LeaseOutcome.ENDED:
        ledger.came_back(ledger.queue(lease.queue_id).lives[lease.job_id], now)
    yield from differences(Rule.FENCING, "outcome", answer, expected)


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
