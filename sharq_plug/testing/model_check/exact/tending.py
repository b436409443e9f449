"""The rules of a step of tending: which leases it must end, and what it does besides."""

from collections.abc import Iterator, Sequence, Set
from copy import deepcopy
from itertools import combinations, product

from sharq_plug.model import EndedLease, Tended
from sharq_plug.testing.model_check.comparing import by_fate
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.lives import Life
from sharq_plug.testing.model_check.exact.times import expired, is_kept, keep_time
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import Tend
from sharq_plug.testing.model_check.violations import Rule


def tended_accounts(facts: Facts, event: Event) -> list[Facts]:
    """Return the facts, once for each way in which a step of tending may have gone.

    A step of tending may leave out types if it says that there is `more` to do. It shows that a
    type was not left out by the leases that it ended. Where it had none to end, either may be.
    Nor does it show how many queues took up changed defaults: up to its limit, and all unless it
    says that there is more.
    """
    tend, answer = event.operation.item, event.outcome
    if not isinstance(tend, Tend) or not isinstance(answer, Tended) or not answer.more:
        return [facts]
    now, tended = event.invoked_at, {lease.queue_type for lease in answer.ended}
    out = {name for name in facts.types if name not in tended and expired(facts.types[name], now)}
    doubtful = [
        name
        for name, ledger in facts.types.items()
        if name not in tended | out and not is_kept(ledger, tend.retention, now)
    ]
    ways = [
        (out.union(chosen), taking_up)
        for count in range(len(doubtful) + 1)
        for chosen in combinations(doubtful, count)
        for taking_up in _taking_up(facts, out.union(chosen), tend.limit)
    ]
    accounts = []
    for left_out, taking_up in ways:
        account = deepcopy(facts) if len(ways) > 1 else facts
        account.left_out, account.taking_up = frozenset(left_out), taking_up
        accounts.append(account)
    return accounts


def _taking_up(facts: Facts, left_out: Set[str], limit: int) -> list[dict[str, int]]:
    """Return in how many queues of each type a step may have changed defaults taken up."""
    names = [name for name in facts.types if name not in left_out]
    most = [min(limit, len(facts.types[name].pending())) for name in names]
    counts = product(*(range(count, -1, -1) for count in most))
    return [dict(zip(names, chosen, strict=True)) for chosen in counts]


def judge_tend(
    facts: Facts, _queue_type: None, tend: Tend, answer: Tended, now: int
) -> Iterator[Finding]:
    """Judge which leases were ended."""
    left_out, facts.left_out = facts.left_out, frozenset()
    taking_up, facts.taking_up = facts.taking_up, {}
    for queue_type in {lease.queue_type for lease in answer.ended} - set(facts.types):
        yield Rule.RECLAIM, f"leases of {queue_type} are ended, and nothing is known of it"
    for queue_type, ledger in facts.types.items():
        if queue_type not in left_out:
            found = tuple(lease for lease in answer.ended if lease.queue_type == queue_type)
            due = expired(ledger, now)[: tend.limit]
            yield from judge_ended(ledger, queue_type, due, found, now)
            take_up = taking_up.get(queue_type, tend.limit)
            keep_time(ledger, tend.limit, tend.retention, take_up, now)
        is_over = not expired(ledger, now) and is_kept(ledger, tend.retention, now)
        if not answer.more and not is_over:
            yield Rule.RECLAIM, "there is more to do at once, and it was not said"


def judge_ended(
    ledger: TypeLedger, queue_type: str, due: Sequence[Life], found: Sequence[EndedLease], now: int
) -> Iterator[Finding]:
    """Judge whether exactly the leases that were due are ended, and note that.

    The jobs that wait again are in the order of their ends, and so are those that died.
    """
    expected = [ledger.lease_ended(queue_type, life, now) for life in due]
    yield from differences(Rule.RECLAIM, "ended", by_fate(found), by_fate(expected))
