"""When the steps of a history were, and what is sure of their order.

The step of an event lies between two ticks, and between the same two instants (ms). A delivery
tells its own instant. So either may settle which of two steps was first.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from sharq_plug.testing.model_check.history import Event, Grant

Step: TypeAlias = Event | Grant
"""A step of a call, or what it gave."""


def earliest(step: Step) -> int:
    """Return the earliest instant (ms) of a step."""
    if isinstance(step, Grant):
        return step.instant if step.is_exact else step.event.invoked_at
    return step.invoked_at


def latest(step: Step) -> float:
    """Return the latest instant (ms) of a step."""
    if isinstance(step, Grant):
        return step.instant if step.is_exact else latest(step.event)
    return math.inf if step.answered_at is None else step.answered_at


def before(one: Step, other: Step) -> bool:
    """Return whether one step surely was before another."""
    first, second = _event(one), _event(other)
    if first.call == second.call:
        if isinstance(one, Grant) and isinstance(other, Grant):
            return one.before(other)
        return first.before(second)
    if first.answered is not None and first.answered < second.invoked:
        return True
    if second.answered is not None and second.answered < first.invoked:
        return False
    return latest(one) < earliest(other)


def before_all(one: Step, others: Iterable[Step]) -> bool:
    """Return whether a step surely was before each of several."""
    return all(before(one, other) for other in others)


def after_all(one: Step, others: Iterable[Step]) -> bool:
    """Return whether a step surely was after each of several."""
    return all(before(other, one) for other in others)


def at_once(grants: Iterable[Grant]) -> Iterator[list[Grant]]:
    """Iterate over the deliveries of each instant; those of which it is not known are left out."""
    exact = sorted((one for one in grants if one.is_exact), key=lambda one: one.instant)
    for _, those in groupby(exact, key=lambda one: one.instant):
        yield list(those)


def may_be_last(grants: Sequence[Grant]) -> Iterator[Grant]:
    """Iterate over those of several deliveries that may have been the last of them."""
    for one in grants:
        if not any(before(one, other) for other in grants if other is not one):
            yield one


def _event(step: Step) -> Event:
    return step.event if isinstance(step, Grant) else step
