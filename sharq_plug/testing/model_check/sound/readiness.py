"""When a queue surely was ready, but for its type's gate, and what may have broken its turn.

A history is one line of positions here: an instant (ms), and a tick within it. A step lies between
two of them. What is between the end of one step and the begin of another surely is between both.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sharq_plug.model import Take
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.jobs import JobEvidence
from sharq_plug.testing.model_check.sound.moments import Step, before, earliest, latest
from sharq_plug.testing.model_check.sound.set_values import Freeze, Set

Position: TypeAlias = tuple[float, float]
"""An instant (ms) and a tick."""
BEGIN: Position = (-1, -1)
END: Position = (math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What lies between two positions, both left out."""

    begin: Position
    end: Position

    def meets(self, other: "Stretch") -> "Stretch":
        """Return what both have in common; it is empty if that is nothing."""
        return Stretch(max(self.begin, other.begin), min(self.end, other.end))

    @property
    def is_empty(self) -> bool:
        """Return whether no step can be in between."""
        return self.begin >= self.end


def span(step: Step) -> Stretch:
    """Return the positions between which a step was, they included."""
    event = step.event if isinstance(step, Grant) else step
    answered = math.inf if event.answered is None else event.answered
    return Stretch((earliest(step), event.invoked), (latest(step), answered))


def waiting(holder: Holder) -> list[Stretch]:
    """Return the stretches in which some job of a queue surely waited, in their order."""
    stays = sorted(filter(None, map(stay_of, holder.jobs)), key=lambda stay: stay.begin)
    merged: list[Stretch] = []
    for stay in stays:
        if merged and stay.begin < merged[-1].end:
            merged[-1] = Stretch(merged[-1].begin, max(merged[-1].end, stay.end))
        else:
            merged.append(stay)
    return merged


def stay_of(job: JobEvidence) -> Stretch | None:
    """Return when a job surely waited for its first delivery, if that is known."""
    first = [grant for grant in job.grants if grant.job.attempt == 1]
    may_be_delayed = job.reschedules or any(extras.delay or extras.at for extras in job.extras)
    if not first or not job.proofs or may_be_delayed or not job.had_one_life():
        return None
    stay = Stretch(min(span(proof).end for proof in job.proofs), span(first[0]).begin)
    return None if stay.is_empty else stay


def without(stretches: Iterable[Stretch], blocks: Iterable[Stretch]) -> list[Stretch]:
    """Return what is left of stretches that are cut at these others."""
    left = list(stretches)
    for block in blocks:
        left = [
            part
            for one in left
            for part in (
                one.meets(Stretch(BEGIN, block.begin)),
                one.meets(Stretch(block.end, END)),
            )
            if not part.is_empty
        ]
    return left


def changes(holder: Holder) -> Iterator[Stretch]:
    """Iterate over when something may have changed what holds a queue, or its weight.

    Changed defaults may do so until the next delivery: by then the queue has taken them up.
    """
    yield from (span(event) for event in _setters(holder.own))
    for event in _setters(holder.defaults or Set()):
        after = [span(grant).end for grant in holder.grants if before(event, grant)]
        yield Stretch(span(event).begin, min(after, default=END))
    yield from map(_frozen, holder.own.freezes)
    if holder.brought is not None:
        for brought in (holder.brought.intervals, holder.brought.uses):
            if len({one.value for one in brought.setters}) > 1:
                yield from (span(setter.event) for setter in brought.setters)


def _setters(source: Set) -> Iterator[Event]:
    for name, timeline in source.settings.items():
        if name != "max_length":
            yield from (setter.event for setter in timeline.setters)


def _frozen(freeze: Freeze) -> Stretch:
    begin, end = span(freeze.event).begin, latest(freeze.event)
    return Stretch(begin, (end + freeze.duration, math.inf))


def picks(takes: Iterable[Event]) -> Iterator[Stretch]:
    """Iterate over when a dequeue may have picked its queues by another rule than by their turn."""
    for event in takes:
        take = event.operation.item
        if isinstance(take, Take) and (take.queues or (take.together and take.count > 1)):
            yield span(event)


def is_never_held(holder: Holder, at: Grant) -> bool:
    """Return whether nothing of a queue's own holds it, as it surely is at a delivery of any."""
    return (
        not any(holder.limits([at]))
        and not any(holder.values("concurrency", [at]))
        and not any(holder.values("paused", [at]))
    )
