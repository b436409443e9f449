"""Concurrency: nothing gives a lease while as many as it allows surely stand."""

from collections.abc import Iterator

from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import at_once, before, may_be_last
from sharq_plug.testing.model_check.sound.standing import stands
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_concurrency(holder: Holder) -> Iterator[Violation]:
    """Yield each lease that was one too many."""
    if not any(holder.ever("concurrency")):
        return
    for those in at_once(holder.grants):
        for grant in _too_many(holder, those):
            standing = _standing(holder, grant, those)
            what = f"{holder.name} gives {grant.job.job_id} while {len(standing)} leases stand"
            yield Violation(Rule.CONCURRENCY, what, (*standing, grant.event))


def _too_many(holder: Holder, those: list[Grant]) -> Iterator[Grant]:
    """Iterate over the leases of one instant that cannot have been allowed; one came last."""
    for grant in those:
        if not _allows(holder, grant, []):
            yield grant
            return
    if len(those) > 1 and not any(_allows(holder, one, those) for one in may_be_last(those)):
        yield those[-1]


def _allows(holder: Holder, grant: Grant, those: list[Grant]) -> bool:
    """Return whether a lease may be given, if all of `those` were given before it."""
    allowed = holder.values("concurrency", [grant])
    return None in allowed or len(_standing(holder, grant, those)) < max(allowed)


def _standing(holder: Holder, grant: Grant, those: list[Grant]) -> list[Event]:
    """Return what gave the leases that surely stand when one is given."""
    others = [(job, lease) for job, lease in holder.leases if lease is not grant]
    return [
        lease.event
        for job, lease in others
        if (before(lease, grant) or any(lease is one for one in those))
        and stands(job, lease, grant)
    ]
