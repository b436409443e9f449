"""Pauses and freezes: nothing is given while something that holds it surely is paused or frozen."""

from collections.abc import Iterator

from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import Step, before, latest
from sharq_plug.testing.model_check.sound.set_values import Freeze
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_pauses(holder: Holder) -> Iterator[Violation]:
    """Yield each delivery while it was paused or frozen."""
    may_pause = any(holder.ever("paused"))
    if not may_pause and not holder.own.freezes:
        return
    for grant in holder.grants:
        if may_pause and all(holder.values("paused", [grant])):
            what = f"{holder.name} gives {grant.job.job_id} while it is paused"
            yield Violation(Rule.PAUSE, what, (grant.event,))
        if (freeze := sure_freeze(holder, grant)) is not None:
            what = f"{holder.name} gives {grant.job.job_id} while it is frozen"
            yield Violation(Rule.PAUSE, what, (freeze, grant.event))


def sure_freeze(holder: Holder, at: Step) -> Event | None:
    """Return what surely froze a queue or a type until after a step, if something did."""
    for freeze in holder.own.freezes:
        is_long = freeze.event.invoked_at + freeze.duration > latest(at)
        stood = freeze.is_sure and is_long and before(freeze.event, at)
        if stood and not any(_may_end(other, freeze, at) for other in holder.own.freezes):
            return freeze.event
    return None


def _may_end(other: Freeze, freeze: Freeze, at: Step) -> bool:
    """Return whether another freeze may have ended one by the time of a step."""
    if not other.sets or other is freeze or other.event.invoked_at + other.duration > latest(at):
        return False
    return not before(other.event, freeze.event) and not before(at, other.event)
