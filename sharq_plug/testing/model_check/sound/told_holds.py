"""What is told of settings and holds must agree with itself, and with what was set before."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sharq_plug.model import (
    Hold,
    HoldKind,
    JobState,
    JobView,
    QueueRules,
    QueueView,
    Settings,
    TypeRules,
    View,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import before, latest
from sharq_plug.testing.model_check.sound.pauses import sure_freeze
from sharq_plug.testing.model_check.sound.standing import stands
from sharq_plug.testing.model_check.violations import Rule, Violation

UNLEASED = {JobState.WAITING, JobState.DELAYED}
ORDER = list(HoldKind)
"""In this order holds are told."""


def check_look(holder: Holder, gate: Holder, look: Event) -> Iterator[Violation]:
    """Yield what a look at a queue or a type tells wrongly of its settings and holds."""
    view = look.outcome
    if not isinstance(view, View) or view.rules is None:
        return
    for what in _wrong_settings(holder, view.rules, look):
        yield Violation(Rule.SETTINGS, what, (look,))
    wrong = [
        *_wrong_holds(holder, view, view.rules),
        *_wrong_freeze(holder, view.rules, look),
        *_wrong_of_gate(gate, view.rules.held_by, look),
    ]
    for what in wrong:
        yield Violation(Rule.HOLDS, what, (look,))


def check_find(holder: Holder, gate: Holder, find: Event) -> Iterator[Violation]:
    """Yield what a look at a job tells wrongly of what holds it."""
    job = find.outcome
    if not isinstance(job, JobView):
        return
    wrong = list(_wrong_of_job(holder, job, find))
    if job.state in UNLEASED:
        wrong += _wrong_of_gate(gate, job.held_by, find)
    for what in wrong:
        yield Violation(Rule.HOLDS, what, (find,))


def _wrong_settings(holder: Holder, rules: QueueRules | TypeRules, look: Event) -> Iterator[str]:
    for name, timeline in holder.own.settings.items():
        if getattr(rules.settings, name) not in timeline.values([look]):
            yield f"`{name}` of {holder.name} is not as it was set"
    if isinstance(rules, TypeRules):
        return
    for name in ("concurrency", "max_length", "paused"):
        if getattr(rules.in_effect, name) not in holder.ever_in_effect(name, look):
            yield f"`{name}` of {holder.name} cannot be in effect"
    weights = {weight or 1 for weight in holder.ever_in_effect("weight", look)}
    if (rules.in_effect.weight or 1) not in weights:
        yield f"`weight` of {holder.name} cannot be in effect"
    if (rules.in_effect.uses or ()) not in holder.ever_uses(look):
        yield f"the shared limits of {holder.name} cannot be in effect"
    if rules.in_effect.limits not in holder.ever_limited(look):
        yield f"the limits of {holder.name} cannot be in effect"


def _wrong_holds(holder: Holder, view: View, rules: QueueRules | TypeRules) -> Iterator[str]:
    """Hold that the holds follow from what else the same look tells."""
    shown = view.queue or view.type
    in_effect = rules.in_effect if isinstance(rules, QueueRules) else rules.settings
    held = [hold for hold in rules.held_by if hold.of_type == holder.is_gate]
    if shown is None:
        return
    kinds = [hold.kind for hold in held]
    most = in_effect.concurrency
    must = {
        HoldKind.PAUSED: in_effect.paused,
        HoldKind.CONCURRENCY: most is not None and shown.leased >= most,
        HoldKind.FROZEN: rules.frozen_until is not None,
    }
    if isinstance(shown, QueueView):
        must[HoldKind.DELAY] = shown.delayed > 0 and shown.waiting == 0
    for kind, is_held in must.items():
        if (kind in kinds) != is_held:
            yield f"{holder.name} is told to be held by {kind.value}: {not is_held}"
    yield from _wrong_order(holder, held, in_effect)


def _wrong_order(holder: Holder, held: Sequence[Hold], in_effect: Settings) -> Iterator[str]:
    kinds = [ORDER.index(hold.kind) for hold in held]
    if kinds != sorted(kinds):
        yield f"the holds of {holder.name} are told in another order"
    told = Counter(hold.unit for hold in held if hold.kind is HoldKind.LIMIT)
    there = Counter[str | None](limit.unit for limit in in_effect.limits or ())
    if told - there:
        yield f"{holder.name} is told to be held by a limit that it does not have"


def _wrong_of_gate(gate: Holder, told: Sequence[Hold], look: Event) -> Iterator[str]:
    """Hold that the holds of a type are told of its queues and jobs too."""
    kinds = {hold.kind for hold in told if hold.of_type}
    if (HoldKind.PAUSED in kinds) not in gate.values("paused", [look]):
        yield f"{gate.name} is told wrongly to be paused, or not to be"
    if HoldKind.FROZEN not in kinds and sure_freeze(gate, look):
        yield f"{gate.name} is frozen, and it is not told"
    if (HoldKind.CONCURRENCY in kinds) not in _may_be_full(gate, look):
        yield f"{gate.name} is told wrongly to have as many leases as it may, or not to"


def _wrong_freeze(holder: Holder, rules: QueueRules | TypeRules, look: Event) -> Iterator[str]:
    until = rules.frozen_until
    if until is None:
        if sure_freeze(holder, look):
            yield f"{holder.name} is frozen, and it is not told"
    elif not any(
        freeze.event.invoked_at <= until - freeze.duration <= latest(freeze.event)
        for freeze in holder.own.freezes
        if not before(look, freeze.event)
    ):
        yield f"{holder.name} is told to be frozen until an instant that nothing set"


def _wrong_of_job(holder: Holder, job: JobView, find: Event) -> Iterator[str]:
    held = [hold for hold in job.held_by if not hold.of_type and hold.name is None]
    kinds = {hold.kind for hold in held}
    if job.state not in UNLEASED:
        if job.held_by or job.earliest_at is not None:
            yield "a job that does not wait is told to be held"
        return
    if (HoldKind.PAUSED in kinds) not in holder.values("paused", [find]):
        yield f"{holder.name} is told wrongly to be paused, or not to be"
    if HoldKind.FROZEN not in kinds and sure_freeze(holder, find):
        yield f"{holder.name} is frozen, and it is not told of a job"
    if (HoldKind.CONCURRENCY in kinds) not in _may_be_full(holder, find):
        yield f"{holder.name} is told wrongly to have as many leases as it may, or not to"
    yield from _wrong_instant(holder, job, held, find)


def _wrong_instant(
    holder: Holder, job: JobView, held: Sequence[Hold], find: Event
) -> Iterator[str]:
    """Hold that a job goes no sooner than its holds end, and that an event must free it at most."""
    earliest = job.earliest_at
    kinds = {hold.kind for hold in held}
    if earliest is None:
        may_be_full = any(holder.ever_in_effect("concurrency", find))
        if HoldKind.PAUSED not in kinds and not may_be_full:
            yield "a job is told never to go, and nothing holds it for ever"
        return
    ends = [hold.until for hold in held if hold.until is not None]
    if kinds & {HoldKind.PAUSED, HoldKind.CONCURRENCY}:
        yield "a job is told when it can go, and only an event can free it"
    if earliest < max(find.invoked_at, *ends, job.at or 0):
        yield "a job is told to go before what holds it ends"


def _may_be_full(holder: Holder, find: Event) -> set[bool]:
    """Return whether a queue may have, and may not have, as many leases as it may."""
    allowed = holder.ever_in_effect("concurrency", find)
    given = [(job, lease) for job, lease in holder.leases if before(lease, find)]
    standing = sum(stands(job, lease, find) for job, lease in given)
    may_be = {True} if any(allowed) else set()
    return (
        may_be
        if all(most is not None and standing >= most for most in allowed)
        else {*may_be, False}
    )
