"""What enqueues and changes of settings were answered, where the settings decide that."""

import math
from collections.abc import Iterator
from itertools import product

from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    PatchQueue,
    PatchType,
    QueueRules,
    SetInterval,
    Settings,
    TypeRules,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.readiness import span, stay_of
from sharq_plug.testing.model_check.sound.set_values import OfType, Set
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_answer(holder: Holder, event: Event) -> Iterator[Violation]:
    """Yield what was answered wrongly to an enqueue or a change of a queue."""
    match event.operation.item, event.outcome:
        case NewJob() as new, EnqueueResult(outcome=outcome):
            yield from _check_interval(holder, new, outcome, event)
            yield from _check_length(holder, new, outcome, event)
        case SetInterval(), ChangeOutcome() as changed:
            yield from _check_set(holder, changed, event)
        case PatchQueue(if_match=tuple() as tags), ChangeOutcome() as changed:
            possible = {QueueRules(one).tag() in tags for one in settings_at(holder.own, event)}
            yield from check_match(holder, possible, changed, event)


def check_type_answer(gate: Holder, of_type: OfType, event: Event) -> Iterator[Violation]:
    """Yield what was answered wrongly to a change of a type."""
    match event.operation.item, event.outcome:
        case PatchType(if_match=tuple() as tags), ChangeOutcome() as changed:
            both = product(settings_at(of_type.gate, event), settings_at(of_type.defaults, event))
            possible = {TypeRules(own, defaults).tag() in tags for own, defaults in both}
            yield from check_match(gate, possible, changed, event)


def _check_interval(
    holder: Holder, new: NewJob, outcome: EnqueueOutcome, event: Event
) -> Iterator[Violation]:
    """Hold that an interval is missed only where no limits are set."""
    if new.interval is not None or outcome is EnqueueOutcome.BROKEN:
        return
    is_refused = outcome is EnqueueOutcome.NO_INTERVAL
    if is_refused not in _may_lack_limits(holder, event):
        what = f"{new.job_id} without an interval is {outcome.value}"
        yield Violation(Rule.SETTINGS, what, (event,))


def _check_set(holder: Holder, changed: ChangeOutcome, event: Event) -> Iterator[Violation]:
    is_set = {ChangeOutcome.CHANGED: False, ChangeOutcome.LIMITS_SET: True}.get(changed)
    if is_set is not None and (not is_set) not in _may_lack_limits(holder, event):
        what = f"an interval of {holder.name} is answered {changed.value}"
        yield Violation(Rule.SETTINGS, what, (event,))


def _may_lack_limits(holder: Holder, event: Event) -> set[bool]:
    """Return whether no limits may be set, and whether some may be."""
    return {limits is None for limits in holder.values("limits", [event])}


def _check_length(
    holder: Holder, new: NewJob, outcome: EnqueueOutcome, event: Event
) -> Iterator[Violation]:
    """Hold that a job is refused only where a length is set, and always where so many wait."""
    lengths = holder.values("max_length", [event])
    if outcome is EnqueueOutcome.QUEUE_FULL:
        if new.max_queued_length is None and not any(length is not None for length in lengths):
            what = f"{new.job_id} is refused by {holder.name}, which has no bound on its length"
            yield Violation(Rule.DEPTH, what, (event,))
    elif outcome is EnqueueOutcome.QUEUED:
        bounds = [_lower(length, new.max_queued_length) for length in lengths]
        if _waiting(holder, event) >= max(bounds):
            what = f"{new.job_id} is queued, and {holder.name} is full"
            yield Violation(Rule.DEPTH, what, (event,))


def _lower(*bounds: int | None) -> float:
    return min((bound for bound in bounds if bound is not None), default=math.inf)


def _waiting(holder: Holder, event: Event) -> int:
    """Return how many jobs of a queue surely waited when a step was made."""
    at = span(event)
    stays = filter(None, map(stay_of, holder.jobs))
    return sum(stay.begin < at.begin and at.end < stay.end for stay in stays)


def check_match(
    holder: Holder, possible: set[bool], changed: ChangeOutcome, event: Event
) -> Iterator[Violation]:
    """Hold that a change with tags is a mismatch where the settings have none of them.

    It is one only there. `possible`: whether they may have one, and may have none.
    """
    has_one = changed is not ChangeOutcome.MISMATCH
    if has_one not in possible and changed is not ChangeOutcome.BROKEN:
        what = f"a change of {holder.name} by its tag is answered {changed.value}"
        yield Violation(Rule.SETTINGS, what, (event,))


def settings_at(source: Set, event: Event) -> Iterator[Settings]:
    """Iterate over what settings may be."""
    names = list(source.settings)
    for values in product(*(source.settings[name].values([event]) for name in names)):
        yield Settings(**dict(zip(names, values, strict=True)))
