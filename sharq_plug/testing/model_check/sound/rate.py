"""The rate: nothing gives more than its limits allow, in any span of time."""

from collections.abc import Iterator

from sharq_plug.testing.model_check.history import Grant
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import before, may_be_last
from sharq_plug.testing.model_check.sound.owed import Owed
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_rate(holder: Holder) -> Iterator[Violation]:
    """Yield each delivery that came too early, whatever is unknown of the others."""
    if not holder.may_be_limited():
        return
    owed = Owed(holder)
    last: list[Grant] = []
    for those in owed.deliveries():
        for grant in too_early(owed, those):
            what = f"{holder.name} gives {grant.job.job_id} before its limits allow it"
            events = {(one.event.call, one.event.item): one.event for one in (*last, *those)}
            yield Violation(Rule.RATE, what, tuple(events.values()))
        last = those


def too_early(owed: Owed, those: list[Grant]) -> Iterator[Grant]:
    """Iterate over deliveries of one instant that cannot have been allowed.

    Each comes after those that surely were before it. One of them comes last.
    """
    for grant in those:
        if not owed.allows(grant, [one for one in those if before(one, grant)]):
            yield grant
            return
    last = list(may_be_last(those))
    if not any(owed.allows(one, [other for other in those if other is not one]) for one in last):
        yield those[-1]
