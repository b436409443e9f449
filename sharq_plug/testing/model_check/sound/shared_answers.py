"""What was answered of shared limits: that one is unknown, in use, or not charged to a lease."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sharq_plug.model import (
    ChangeOutcome,
    DropLimit,
    EnqueueOutcome,
    EnqueueResult,
    Fail,
    LeaseOutcome,
    LimitRules,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    Release,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.brought import Names
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.jobs import token_of
from sharq_plug.testing.model_check.sound.moments import before
from sharq_plug.testing.model_check.sound.named_limits import ACCEPTED, named_by
from sharq_plug.testing.model_check.sound.refusals import check_match, settings_at
from sharq_plug.testing.model_check.sound.standing import stands
from sharq_plug.testing.model_check.violations import Rule, Violation

_CHANGED, _UNKNOWN_LIMIT = ChangeOutcome.CHANGED, ChangeOutcome.UNKNOWN_LIMIT


def check_shared_answers(
    evidence: Evidence, queues: Mapping[str, Holder], shared: Mapping[str, Holder], queue_type: str
) -> Iterator[Violation]:
    """Yield what was answered wrongly of the shared limits of a type. Holders go by their names."""
    for event in evidence.limits.naming.get(queue_type, ()):
        item = event.operation.item
        match item, event.outcome:
            case NewJob() as new, EnqueueResult(outcome=outcome):
                yield from _check_enqueue(evidence, new, outcome, event)
            case PatchQueue() | PatchType(), ChangeOutcome() as changed:
                yield from _check_known(evidence, named_by(item), changed, event)
            case Release() | Fail(), LeaseOutcome() as settled:
                yield from _check_charged(queues[item.lease.queue_id], item, settled, event)
            case _:
                pass
    for name, limit in evidence.limits.of_type(queue_type):
        for event in limit.asked:
            match event.operation.item, event.outcome:
                case DropLimit(), ChangeOutcome() as changed:
                    yield from _check_drop(evidence, queues, shared[name], changed, event)
                case PatchLimit(if_match=tuple() as tags), ChangeOutcome() as changed:
                    possible = {
                        LimitRules(one).tag() in tags for one in settings_at(limit.own, event)
                    }
                    yield from check_match(shared[name], possible, changed, event)


def _missing(evidence: Evidence, names: Sequence[str], event: Event) -> set[bool]:
    """Return whether some of these shared limits may be missing, and may all be there."""
    queue_type = event.operation.queue_type or ""
    limits = [evidence.limits.of(queue_type, name) for name in names]
    may_be = {True} if any(limit.may_be_missing(event) for limit in limits) else set()
    return may_be | ({False} if all(limit.may_be_there(event) for limit in limits) else set())


def _check_enqueue(
    evidence: Evidence, new: NewJob, outcome: EnqueueOutcome, event: Event
) -> Iterator[Violation]:
    """Hold that an enqueue is refused where a shared limit that it only names is missing."""
    uses = new.extras.uses or () if new.extras else ()
    bare = [use.name for use in uses if use.limits is None]
    is_refused = outcome is EnqueueOutcome.UNKNOWN_LIMIT
    is_known = is_refused or outcome is EnqueueOutcome.QUEUE_FULL or outcome in ACCEPTED
    if is_known and is_refused not in _missing(evidence, bare, event):
        what = f"{new.job_id}, which names shared limits, is {outcome.value}"
        yield Violation(Rule.SETTINGS, what, (event,))


def _check_known(
    evidence: Evidence, names: Sequence[str], changed: ChangeOutcome, event: Event
) -> Iterator[Violation]:
    """Hold that a change is refused where a shared limit that it names is missing."""
    is_refused = changed is _UNKNOWN_LIMIT
    if changed in {_CHANGED, _UNKNOWN_LIMIT} and is_refused not in _missing(evidence, names, event):
        what = f"a change that names shared limits is answered {changed.value}"
        yield Violation(Rule.SETTINGS, what, (event,))


def _check_charged(
    queue: Holder, item: Release | Fail, settled: LeaseOutcome, event: Event
) -> Iterator[Violation]:
    """Hold that a worker freezes a shared limit that its lease was charged to, and no other."""
    freeze = item.freeze_limit
    if freeze is None or settled not in {LeaseOutcome.ENDED, LeaseOutcome.NOT_CHARGED}:
        return
    for job, lease in queue.leases:
        if lease.job.token == token_of(event):
            charged = {freeze.name in names for names in queue.uses(lease, job)}
            if (settled is LeaseOutcome.ENDED) not in charged:
                what = f"a lease freezes {freeze.name}, and that is answered {settled.value}"
                yield Violation(Rule.FENCING, what, (lease.event, event))


def _check_drop(
    evidence: Evidence,
    queues: Mapping[str, Holder],
    limit: Holder,
    changed: ChangeOutcome,
    event: Event,
) -> Iterator[Violation]:
    """Hold that a shared limit is removed where it is there and nothing uses it."""
    if changed is ChangeOutcome.BROKEN:
        return
    known = evidence.limits.of(limit.queue_type, limit.name)
    is_unknown = changed is ChangeOutcome.UNKNOWN
    is_possible = known.may_be_missing(event) if is_unknown else known.may_be_there(event)
    if changed is ChangeOutcome.IN_USE:
        is_possible &= _may_be_used(evidence, queues.values(), limit, event)
    elif changed is _CHANGED:
        is_possible &= not _is_used(evidence, queues.values(), limit, event)
    if not is_possible:
        what = f"removing {limit.name} is answered {changed.value}"
        yield Violation(Rule.SETTINGS, what, (event,))


def _is_used(evidence: Evidence, queues: Iterable[Holder], limit: Holder, event: Event) -> bool:
    """Return whether something surely uses a shared limit: settings, defaults or a lease."""
    sources = [evidence.type(limit.queue_type).defaults, *(queue.own for queue in queues)]
    if any(_all_name(source.settings["uses"].values([event]), limit.name) for source in sources):
        return True
    return any(before(lease, event) and stands(job, lease, event) for job, lease in limit.leases)


def _all_name(values: Sequence[Names | None], name: str) -> bool:
    return all(name in (names or ()) for names in values)


def _may_be_used(evidence: Evidence, queues: Iterable[Holder], limit: Holder, event: Event) -> bool:
    """Return whether something may use a shared limit. Dequeues may have given leases unseen."""
    given = [*limit.leases, *limit.unsure]
    if any(not before(event, lease) for _, lease in given):
        return True
    are_unseen = limit.queue_type in evidence.unanswered_dequeues
    found = evidence.type(limit.queue_type).defaults.settings["uses"].ever()
    for queue in queues:
        own = queue.own.settings["uses"]
        found += own.ever() if are_unseen else own.values([event])
        found += queue.brought.uses.ever() if queue.brought else []
    return any(limit.name in (names or ()) for names in found)
