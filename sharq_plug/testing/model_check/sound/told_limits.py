"""What is told of shared limits must agree with itself, and with what was set before."""

from collections.abc import Iterator, Mapping, Sequence

from sharq_plug.model import Hold, HoldKind, JobView, LimitView, Page, QueueRules, View
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import before
from sharq_plug.testing.model_check.sound.pauses import sure_freeze
from sharq_plug.testing.model_check.sound.standing import stands
from sharq_plug.testing.model_check.sound.told_holds import ORDER, UNLEASED
from sharq_plug.testing.model_check.violations import Rule, Violation

SHARED = HoldKind.SHARED_LIMIT


def check_limit_page(shared: Mapping[str, Holder], page: Event) -> Iterator[Violation]:
    """Yield what a page of shared limits tells wrongly. Holders go by their names."""
    for view in page.outcome.items if isinstance(page.outcome, Page) else ():
        if isinstance(view, LimitView) and view.name in shared:
            holder = shared[view.name]
            for name in ("limits", "concurrency", "paused"):
                if getattr(view.rules.settings, name) not in holder.own.settings[name].values(
                    [page]
                ):
                    what = f"`{name}` of {view.name} is not as it was set"
                    yield Violation(Rule.SETTINGS, what, (page,))
            for what in (*_wrong_holds(view), *_wrong_freeze(holder, view, page)):
                yield Violation(Rule.HOLDS, what, (page,))
            standing = [lease.event for lease in _standing(holder, page)]
            if len(standing) > view.leased:
                what = f"{view.leased} leases of {view.name} are told, and more stand"
                yield Violation(Rule.COUNTS, what, (*standing, page))


def check_told(holder: Holder, shared: Mapping[str, Holder], at: Event) -> Iterator[Violation]:
    """Yield what a look at a queue or a job tells wrongly of the shared limits that hold it."""
    match at.outcome:
        case View(queue=queue, rules=QueueRules(held_by=held)) if queue is not None:
            waits = queue.waiting + queue.delayed > 0
        case JobView(state=state, held_by=held):
            waits = state in UNLEASED
        case _:
            return
    for what in _wrong_names(holder, shared, held, at) if waits else ():
        yield Violation(Rule.HOLDS, what, (at,))


def _wrong_names(
    holder: Holder, shared: Mapping[str, Holder], held: Sequence[Hold], at: Event
) -> Iterator[str]:
    told = [hold.name for hold in held if hold.kind is SHARED]
    possible = holder.ever_uses(at)
    if not {*told} <= {name for names in possible for name in names}:
        yield f"{holder.name} is told to be held by a shared limit that it does not use"
    if told != sorted({name for name in told if name}):
        yield f"the shared limits of {holder.name} are told in another order"
    used = set(possible[0]).intersection(*possible[1:])
    for name in used - {*told}:
        limit = shared[name]
        if all(limit.values("paused", [at])) or sure_freeze(limit, at):
            yield f"{name} is closed, and {holder.name} is not told to be held by it"


def _wrong_holds(view: LimitView) -> Iterator[str]:
    """Hold that the holds of a shared limit follow from what else is told of it."""
    settings, held = view.rules.settings, view.rules.held_by
    kinds = [hold.kind for hold in held]
    most = settings.concurrency
    must = {
        HoldKind.PAUSED: settings.paused,
        HoldKind.CONCURRENCY: most is not None and view.leased >= most,
        HoldKind.FROZEN: view.rules.frozen_until is not None,
        SHARED: False,
        HoldKind.DELAY: False,
    }
    for kind, is_held in must.items():
        if (kind in kinds) != is_held:
            yield f"{view.name} is told to be held by {kind.value}: {not is_held}"
    order = [ORDER.index(kind) for kind in kinds]
    if order != sorted(order):
        yield f"the holds of {view.name} are told in another order"
    if len(view.owed) != len(settings.limits or ()):
        yield f"{view.name} is told to owe to limits that it does not have"
    if (view.opens_at is None) != any(hold.until is None for hold in held):
        yield f"it is told wrongly whether only an event opens {view.name}"


def _wrong_freeze(holder: Holder, view: LimitView, page: Event) -> Iterator[str]:
    if view.rules.frozen_until is None and sure_freeze(holder, page):
        yield f"{view.name} is frozen, and it is not told"


def _standing(holder: Holder, page: Event) -> Iterator[Grant]:
    """Iterate over the leases that surely are charged to a shared limit when it is listed."""
    for job, lease in holder.leases:
        if before(lease, page) and stands(job, lease, page):
            yield lease
