"""What must be seen of queues and types: lengths, places, instants, totals."""

from collections.abc import Iterator
from copy import deepcopy
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from sharq_plug.model import (
    LimitView,
    QueueRules,
    QueueView,
    TypeFigures,
    TypeRules,
    TypeView,
    View,
)
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.times import wrong_instant
from sharq_plug.testing.model_check.operations import Look
from sharq_plug.testing.model_check.violations import Rule

Shown: TypeAlias = QueueView | TypeView
Counted = TypeVar("Counted", bound=QueueView | TypeView | TypeFigures)
LENGTHS = ("waiting", "leased", "dead", "delayed")


def judge_look(
    facts: Facts, queue_type: str | None, look: Look, answer: View, now: int
) -> Iterator[Finding]:
    """Judge the view of a queue or a type, and the minute counts."""
    counts = facts.tallies.expected(queue_type, look.queue_id, now)
    expected = View(counts)
    if look.queue_id is not None:
        expected = replace(expected, queue=queue_view(facts.of(queue_type), look.queue_id, now))
    elif queue_type is not None:
        ledger = facts.of(queue_type)
        expected = replace(
            expected, type=type_view(ledger, queue_type, now), totals=ledger.letters.totals
        )
    if facts.tallies.are_known(queue_type, look.queue_id, now):
        yield from differences(Rule.COUNTS, "minute counts", answer.counts, counts)
    yield from differences(Rule.TOTALS, "totals", answer.totals, expected.totals)
    rules = _rules(facts, queue_type, look.queue_id, now)
    yield from _judge_rules(answer.rules, rules)
    for one, other in ((answer.queue, expected.queue), (answer.type, expected.type)):
        if one is None or other is None:
            yield from differences(Rule.COUNTS, "what is shown", one, other)
        else:
            yield from judge_view(facts.of(queue_type), one, other, now)


def _rules(
    facts: Facts, queue_type: str | None, queue_id: str | None, now: int
) -> QueueRules | TypeRules | None:
    """Return the settings that a look shows, and what follows from them."""
    if queue_type is None:
        return None
    ledger = facts.of(queue_type)
    if queue_id is None:
        gate, defaults = ledger.gate, ledger.defaults.settings
        holds = tuple(ledger.gate_holds(now))
        return TypeRules(gate.settings, defaults, holds, _ahead(gate.frozen_until, now))
    queue = ledger.queue(queue_id)
    if not queue.lives:
        queue = deepcopy(queue)
        queue.take_up(ledger.defaults)
    return QueueRules(
        queue.settings,
        queue.in_effect,
        ledger.is_pending(queue),
        (*queue.holds(now), *ledger.outer_holds(queue, now)),
        _ahead(queue.frozen_until, now),
    )


def _judge_rules(
    found: QueueRules | TypeRules | None, expected: QueueRules | TypeRules | None
) -> Iterator[Finding]:
    """Judge which settings a look shows, and what holds it says they lead to."""
    is_shown = [
        replace(one, held_by=(), frozen_until=None) if one else None for one in (found, expected)
    ]
    rule = Rule.HOLDS if is_shown[0] == is_shown[1] else Rule.SETTINGS
    yield from differences(rule, "rules", found, expected)


def _ahead(until: int | None, now: int) -> int | None:
    return until if until is not None and until > now else None


def queue_view(ledger: TypeLedger, queue_id: str, now: int) -> QueueView:
    """Return what there is in a queue, but for `next_ready_at`."""
    queue = ledger.queue(queue_id)
    since = queue.place[0] if queue.place is not None and ledger.is_ready(queue, now) else None
    return QueueView(
        queue_id,
        waiting=queue.waiting(now),
        leased=len(queue.leased),
        dead=len(ledger.letters.of(queue_id)),
        delayed=queue.delayed(now),
        ready_since=None if since is None else int(since),
    )


def limit_view(ledger: TypeLedger, name: str, now: int) -> LimitView:
    """Return what there is of a shared limit."""
    benches = ledger.benches
    limit, rules = benches.limits[name], benches.rules(name, now)
    owed = zip(limit.account.limits, limit.account.at(now), strict=True)
    ends = [hold.until for hold in rules.held_by]
    timed = [until for until in ends if until is not None]
    return LimitView(
        name,
        rules,
        owed=tuple((debt + each.per - 1) // each.per for each, debt in owed),
        opens_at=max([now, *timed]) if timed == ends else None,
        leased=len(benches.leases(name)),
        queues=sum(name in queue.row for queue in benches.in_rows()),
        remaining=limit.remaining(now),
        now=now,
    )


def type_view(ledger: TypeLedger, queue_type: str, now: int) -> TypeView:
    """Return what there is in a type, but for `next_ready_at`."""
    views = [queue_view(ledger, queue_id, now) for queue_id in ledger.existing()]
    since = [view.ready_since for view in views if view.ready_since is not None]
    return TypeView(
        queue_type,
        waiting=sum(view.waiting for view in views),
        leased=sum(view.leased for view in views),
        dead=len(ledger.letters.all),
        delayed=sum(view.delayed for view in views),
        queues=len(views),
        ready_queues=len(since),
        ready_since=min(since, default=None),
    )


def type_figures(ledger: TypeLedger, queue_type: str, now: int) -> TypeFigures:
    """Return what a monitor reads of a type."""
    view = type_view(ledger, queue_type, now)
    is_closed = bool(ledger.gate_holds(now))
    since = now if is_closed or view.ready_since is None else view.ready_since
    return TypeFigures(
        queue_type,
        waiting=view.waiting,
        leased=view.leased,
        dead=view.dead,
        delayed=view.delayed,
        queues=view.queues,
        ready_queues=0 if is_closed else view.ready_queues,
        overdue=max(0, now - since),
        totals=ledger.letters.totals,
    )


def judge_figures(
    ledger: TypeLedger, found: TypeFigures, expected: TypeFigures, now: int
) -> Iterator[Finding]:
    """Judge what a monitor reads. Due jobs that have not joined may count as delayed."""
    due = found.delayed - expected.delayed
    if 0 <= due <= sum(len(queue.due(now)) for queue in ledger.queues.values()):
        expected = replace(expected, waiting=expected.waiting - due, delayed=found.delayed)
    yield from differences(Rule.TOTALS, "totals", found.totals, expected.totals)
    yield from _judge_lengths(found, expected)
    same = replace(_with_lengths_of(found, expected), totals=found.totals)
    yield from differences(Rule.READINESS, "figures", found, same)


def judge_view(ledger: TypeLedger, found: Shown, expected: Shown, now: int) -> Iterator[Finding]:
    """Judge the view of a queue or a type; `next_ready_at` may lie in a span."""
    if isinstance(found, TypeView) and isinstance(expected, TypeView):
        expected = _as_joined(ledger, found, expected, now)
    yield from _judge_lengths(found, expected)
    names = (expected.queue_id,) if isinstance(expected, QueueView) else None
    wrong = wrong_instant(ledger, found.next_ready_at, names, now)
    if wrong is not None:
        yield Rule.READINESS, wrong
    same = _with_lengths_of(found, expected)
    yield from differences(Rule.READINESS, "view", replace(found, next_ready_at=None), same)


def _judge_lengths(found: Shown | TypeFigures, expected: Shown | TypeFigures) -> Iterator[Finding]:
    rule, lengths = Rule.COUNTS, _lengths(expected)
    if sum(_lengths(found)) != sum(lengths):
        rule = Rule.LOSS if sum(_lengths(found)) < sum(lengths) else Rule.DOUBLING
    yield from differences(rule, "waiting, leased, dead and delayed", _lengths(found), lengths)


def _lengths(view: Shown | TypeFigures) -> tuple[int, ...]:
    return tuple(getattr(view, name) for name in LENGTHS)


def _with_lengths_of(found: Counted, expected: Counted) -> Counted:
    return replace(expected, **dict(zip(LENGTHS, _lengths(found), strict=True)))


def _as_joined(ledger: TypeLedger, found: TypeView, expected: TypeView, now: int) -> TypeView:
    """Return what is expected if as many due jobs have not joined as `found` says."""
    due = found.delayed - expected.delayed
    most = sum(len(queue.due(now)) for queue in ledger.queues.values())
    if not 0 <= due <= most:
        return expected
    return replace(expected, waiting=expected.waiting - due, delayed=found.delayed)
