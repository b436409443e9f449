"""What is left: a shared limit gives nothing once the count that an upstream told is used up.

What is unknown is taken as it leaves the most: a lease counts if it surely was charged, and each
correction that may have given something back did.
"""

from collections.abc import Iterator
from dataclasses import replace

from sharq_plug.model import MAX_BURST_DEBT, MAX_LIMITS, DropLimit, PatchLimit, Remaining, units_of
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.corrections import Correction, corrections
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import before, latest
from sharq_plug.testing.model_check.sound.named_limits import LimitEvidence
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_left(holder: Holder, limit: LimitEvidence) -> Iterator[Violation]:
    """Yield each delivery of a shared limit of which nothing surely was left."""
    said = [(event, left) for event in limit.said if (left := _left(event)) is not None]
    if not said or len({left.unit for _, left in said}) > MAX_LIMITS:
        return
    unsure = [replace(one, is_sure=False) for one in corrections(holder.unsure)]
    made = [*corrections(holder.leases), *unsure]
    exact = [grant for grant in holder.grants if grant.is_exact]
    for event, left in said:
        if event.outcome is None:
            continue
        since = [one for one in exact if before(event, one) and one.instant < left.until]
        for grant in since:
            if _may_be_taken_back(limit, event, grant):
                continue
            given = [one for one in since if before(one, grant)]
            if _most_left(left, given, made, event, grant) <= 0:
                what = f"{holder.name} gives {grant.job.job_id}, and nothing is left of its count"
                yield Violation(Rule.RATE, what, (event, grant.event))


def _left(event: Event) -> Remaining | None:
    """Return what a change told of what is left, if it did not take that back."""
    item = event.operation.item
    if not isinstance(item, PatchLimit) or not isinstance(item.remaining, Remaining):
        return None
    return item.remaining if item.remaining.until > latest(event) else None


def _may_be_taken_back(limit: LimitEvidence, said: Event, grant: Grant) -> bool:
    """Return whether a count may be forgotten between the change that told it and a delivery."""
    forgets = [one for one in limit.asked if _forgets(one)]
    return any(not before(one, said) and not before(grant, one) for one in forgets)


def _forgets(change: Event) -> bool:
    item = change.operation.item
    return isinstance(item, DropLimit) or (isinstance(item, PatchLimit) and item.remaining is None)


def _most_left(
    left: Remaining, given: list[Grant], made: list[Correction], said: Event, grant: Grant
) -> int:
    """Return how many of a unit may be left at a delivery, at most."""
    taken = sum(units_of(one.job.cost, left.unit) for one in given)
    back = sum(
        -min(0, one.change(left.unit, MAX_BURST_DEBT))
        for one in made
        if one.may_be_before(grant) and not all(before(finish, said) for finish in one.finishes)
    )
    return left.count - taken + back
