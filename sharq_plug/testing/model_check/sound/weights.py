"""Weights: queues that stay ready share their type by them, whatever is unknown of its dequeues.

Two queues that stay ready, and use the same shared limits or none, are served in turns. So in any
stretch the deliveries of one, divided by its weight, are at most `BOUND` more than those of the
other, divided by its own.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.readiness import (
    BEGIN,
    Position,
    Stretch,
    changes,
    is_never_held,
    picks,
    span,
    waiting,
    without,
)
from sharq_plug.testing.model_check.sound.unseen import between_seen, emptied, lost
from sharq_plug.testing.model_check.violations import Rule, Violation

BOUND = 2


@dataclass(frozen=True, slots=True)
class _Runner:
    """A queue, when it surely was ready, and when it may have given a job, seen or not."""

    holder: Holder
    ready: Sequence[Stretch]
    given: Sequence[Stretch]

    def weight(self, at: Grant) -> int | None:
        """Return the weight of the queue at a delivery of any, unless it may be held then."""
        weights = {weight or 1 for weight in self.holder.values("weight", [at])}
        is_sure = is_never_held(self.holder, at) and len(weights) == 1
        return weights.pop() if is_sure else None

    def inside(self, stretch: Stretch) -> list[Grant]:
        """Return the deliveries that surely were in a stretch."""
        spans = [(grant, span(grant)) for grant in self.holder.grants]
        return [grant for grant, at in spans if stretch.begin < at.begin and at.end < stretch.end]


def check_weights(evidence: Evidence, queues: Sequence[Holder]) -> Iterator[Violation]:
    """Yield each two queues of a type that did not take turns as their weights say."""
    runners = [_runner(evidence, holder) for holder in queues]
    for fast, slow in permutations([runner for runner in runners if runner.ready], 2):
        for stretch in (a.meets(b) for a in fast.ready for b in slow.ready):
            unfair = None if stretch.is_empty else _unfair(fast, slow, stretch)
            if unfair is not None:
                names = f"{fast.holder.name} gives more than its weight while {slow.holder.name}"
                yield Violation(Rule.QUEUE_ORDER, f"{names} is ready", unfair)


def _runner(evidence: Evidence, holder: Holder) -> _Runner:
    takes = evidence.type(holder.queue_type).takes
    ready = without(waiting(holder), [*picks(takes), *changes(holder)])
    given = list(map(span, holder.grants))
    empty = emptied(evidence, evidence.queues[holder.queue_type, holder.name])
    if empty is None:
        return _Runner(holder, ready, [*given, *lost(takes)])
    unseen = [one for job in holder.jobs for one in between_seen(job)]
    until = Stretch(BEGIN, span(empty).begin)
    known = [part for part in (one.meets(until) for one in ready) if not part.is_empty]
    return _Runner(holder, known, [*given, *unseen])


def _unfair(fast: _Runner, slow: _Runner, stretch: Stretch) -> tuple[Event, ...] | None:
    """Return the deliveries that show that one queue got too much in a stretch, if it did."""
    given = fast.inside(stretch)
    weight, other = (one.weight(given[0]) if given else None for one in (fast, slow))
    if weight is None or other is None or not _share_a_row(fast, slow, given[0]):
        return None
    if _ahead(list(map(span, given)), slow.given, weight, other) <= BOUND:
        return None
    return tuple({(grant.event.call, grant.event.item): grant.event for grant in given}.values())


def _share_a_row(one: _Runner, other: _Runner, at: Grant) -> bool:
    """Return whether two queues surely use the same shared limits, as at a delivery of any."""
    possible = {names for runner in (one, other) for names in runner.holder.uses(at)}
    return len(possible) == 1


def _ahead(fast: Sequence[Stretch], slow: Sequence[Stretch], weight: int, other: int) -> Fraction:
    """Return by how much one queue surely was ahead of another in any part of a stretch, at most.

    The deliveries of the one surely were in it, those of the other may have been anywhere.
    """
    begins, ends = sorted(one.begin for one in fast), sorted(one.end for one in fast)
    others, over = sorted(one.begin for one in slow), sorted(one.end for one in slow)
    best = least = Fraction(0)
    at = 0

    def before(position: Position) -> Fraction:
        """Return how far ahead the one may have been before a part that begins there."""
        gave, got = bisect_left(begins, position), bisect_left(over, position)
        return Fraction(gave, weight) - Fraction(got, other)

    for index, end in enumerate(ends):
        while at < len(begins) and begins[at] <= end:
            least = before(begins[at]) if at == 0 else min(least, before(begins[at]))
            at += 1
        gave = Fraction(index + 1, weight) - Fraction(bisect_right(others, end), other)
        best = max(best, gave - least)
    return best
