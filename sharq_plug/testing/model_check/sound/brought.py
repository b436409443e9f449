"""What enqueues brought to a queue: intervals, and the names of shared limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sharq_plug.model import NewJob
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.moments import Step
from sharq_plug.testing.model_check.sound.timeline import Timeline

Names: TypeAlias = tuple[str, ...]
"""Names of shared limits, in their order."""


def names_of(new: NewJob) -> Names | None:
    """Return the names of the shared limits that an enqueue brings, if it brings any."""
    if new.extras is None or new.extras.uses is None:
        return None
    return tuple(use.name for use in new.extras.uses)


@dataclass(slots=True)
class Brought:
    """What was brought to a queue, over time.

    `always_interval` and `always_uses`: no enqueue left it out, so that no delivery finds the queue
    without it.
    """

    intervals: Timeline[int | None] = field(default_factory=lambda: Timeline(None))
    always_interval: bool = True
    uses: Timeline[Names | None] = field(default_factory=lambda: Timeline(None))
    always_uses: bool = True

    def enqueued(self, new: NewJob, event: Event, *, is_sure: bool) -> None:
        """Note an enqueue, which may have brought something."""
        if new.interval is None:
            self.always_interval = False
        else:
            self.intervals.add(new.interval, event, is_sure=is_sure)
        names = names_of(new)
        if names is None:
            self.always_uses = False
        else:
            self.uses.add(names, event, is_sure=is_sure)

    def redriven(self, redrives: Sequence[Event]) -> None:
        """Note redrives. They may bring again what was brought when a job died.

        Of the names, those come back whose shared limits are still there.
        """
        intervals, uses = self.intervals.ever(), self.uses.ever()
        for event in redrives:
            for interval in intervals:
                self.intervals.add(interval, event, is_sure=False)
            for names in {part for one in uses if one for part in _parts(one)}:
                self.uses.add(names, event, is_sure=False)

    def uses_at(self, at: Step, *, may_be_forgotten: bool) -> list[Names]:
        """Return the names that may be brought to the queue at a step.

        They are forgotten when no job lives in the queue.
        """
        found = self.uses.values([at])
        if may_be_forgotten and not self.always_uses:
            found = [*found, None]
        elif any(names is not None for names in found):
            found = [names for names in found if names is not None]
        return list(dict.fromkeys(names or () for names in found))


def _parts(names: Names) -> list[Names]:
    """Return what may be left of names once shared limits are gone."""
    return [(), names, *((name,) for name in names)]
