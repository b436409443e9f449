"""The rate: two dequeues of a queue are an interval apart, also where calls overlap.

The instant of a dequeue is exact (`expires_at` less the lease time). What is not, is which
interval was in force; so the shortest counts that may have been, between the two dequeues.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

from sharq_plug.testing.model_check.history import Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_rate(evidence: Evidence) -> Iterator[Violation]:
    """Yield each pair of dequeues that came too close."""
    for (_, queue_id), queue in evidence.queues.items():
        served = sorted(
            (grant for grant in queue.grants if grant.is_exact), key=lambda grant: grant.instant
        )
        longest = max((setter.interval for setter in queue.setters), default=0)
        for earlier, later in pairwise(served):
            gap = later.instant - earlier.instant
            if gap >= longest:
                continue
            shortest = _shortest_interval(queue, earlier, later)
            if gap < shortest:
                what = f"{queue_id} is dequeued again after {gap} ms of {shortest}"
                yield Violation(Rule.RATE, what, (earlier.event, later.event))


def _shortest_interval(queue: QueueEvidence, one: Grant, other: Grant) -> int:
    """Return the shortest interval that may have been in force between two dequeues."""
    begun = min(one.event.invoked, other.event.invoked)  # in the same ms either may be the first
    over = max(math.inf if e.answered is None else e.answered for e in (one.event, other.event))
    latest_sure = max(
        (
            setter.event.invoked
            for setter in queue.setters
            if setter.is_sure
            and setter.event.answered is not None
            and setter.event.answered < begun
        ),
        default=-1,
    )
    return min(
        (
            setter.interval
            for setter in queue.setters
            if setter.event.invoked <= over
            and (setter.event.answered is None or setter.event.answered >= latest_sure)
        ),
        default=0,
    )
