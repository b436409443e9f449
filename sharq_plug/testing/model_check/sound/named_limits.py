"""What is known of each shared limit: its settings, when it is there, and what was said of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from msgspec import UNSET

from sharq_plug.model import (
    ChangeOutcome,
    DropLimit,
    EnqueueOutcome,
    EnqueueResult,
    Fail,
    LeaseOutcome,
    Limit,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    Release,
    Setting,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.brought import Names
from sharq_plug.testing.model_check.sound.moments import Step, before
from sharq_plug.testing.model_check.sound.set_values import Freeze, Set
from sharq_plug.testing.model_check.sound.timeline import Setter, Timeline

LimitName: TypeAlias = tuple[str, str]
"""A queue type, and the name of a shared limit."""
ACCEPTED = {EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE}
"""Answers to an enqueue that did what it was to do to shared limits."""
_MISSING: Any = object()


@dataclass(slots=True)
class _LimitsOfIt(Timeline[Any]):
    """The limits of a shared limit. They are _MISSING, shown as None, while it is not there."""

    there: Timeline[bool] = field(default_factory=lambda: Timeline(first=False))

    def ever(self) -> list[Any]:
        return _shown(Timeline.ever(self))

    def values(self, until: Any, since: Any = ()) -> list[Any]:
        found = Timeline.values(self, until, since)
        if _MISSING in found and False not in self.there.values(until, since):
            found.remove(_MISSING)
        return _shown(found)


def _shown(found: list[Any]) -> list[Any]:
    shown = [None if value is _MISSING else value for value in found]
    return [value for index, value in enumerate(shown) if value not in shown[:index]]


@dataclass(slots=True)
class LimitEvidence:
    """What is known of a shared limit.

    `there` is whether it is there, `said` what told of it what is left, or may have. `asked` are
    all changes of it, also those that were refused.
    """

    own: Set = field(default_factory=Set)
    there: Timeline[bool] = field(default_factory=lambda: Timeline(first=False))
    said: list[Event] = field(default_factory=list)
    asked: list[Event] = field(default_factory=list)
    _created: list[Setter[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.own.settings["limits"] = _LimitsOfIt(_MISSING, there=self.there)

    def patched(self, event: Event, change: PatchLimit) -> None:
        """Note a change of it, which may have been without an answer."""
        self.own.patched(event, change.patch, change.freeze)
        if change.patch.limits is UNSET:  # a new one has none
            self._created.append(Setter(None, event, is_sure=False))
        self.there.add(True, event, is_sure=event.outcome is not None)
        if change.remaining is not UNSET:
            self.said.append(event)

    def dropped(self, event: Event) -> None:
        """Note that it was removed, or may have been."""
        is_sure = event.outcome is not None
        for name, timeline in self.own.settings.items():
            first = _MISSING if name == "limits" else timeline.first
            timeline.add(first, event, is_sure=is_sure)
        self.own.freezes.append(Freeze(0, event, is_sure, sets=True))
        self.there.add(False, event, is_sure=is_sure)

    def brought(self, event: Event, limits: tuple[Limit, ...], *, is_sure: bool) -> None:
        """Note an enqueue that creates it with `limits` if it is missing, or may have."""
        self._created.append(Setter(limits, event, is_sure=False))
        self.there.add(True, event, is_sure=is_sure)

    def settle(self) -> None:
        """Leave out what surely found it there, and so did not create it."""
        if all(setter.value for setter in self.there.setters):
            self._keep_the_first()
        limits = self.own.settings["limits"]
        limits.setters += [
            setter for setter in self._created if False in self.there.values([setter.event])
        ]
        limits.setters.sort(key=lambda setter: (setter.event.invoked, setter.event.item))

    def _keep_the_first(self) -> None:
        """Leave out what came after it surely was there, which nothing took away."""
        sure = [one for one in self.there.setters if one.is_sure and one.event.answered is not None]
        if sure:
            first = min(sure, key=lambda one: (one.event.answered or 0, one.event.item))
            self.there.setters = [
                one for one in self.there.setters if not before(first.event, one.event)
            ]

    def may_be_there(self, at: Step) -> bool:
        """Return whether it may be there at a step."""
        return True in self.there.values([at])

    def is_there(self, until: Step, since: Step) -> bool:
        """Return whether it surely is there all the time between two steps."""
        return False not in self.there.values([until], [since])

    def may_be_missing(self, at: Step) -> bool:
        """Return whether it may not be there at a step."""
        return False in self.there.values([at])


@dataclass(slots=True)
class NamedLimits:
    """What is known of all shared limits, and by type what named some: in `naming`."""

    by_name: dict[LimitName, LimitEvidence] = field(default_factory=dict)
    naming: dict[str, list[Event]] = field(default_factory=dict)

    def of(self, queue_type: str, name: str) -> LimitEvidence:
        """Return what is known of one."""
        return self.by_name.setdefault((queue_type, name), LimitEvidence())

    def of_type(self, queue_type: str) -> Iterator[tuple[str, LimitEvidence]]:
        """Iterate over those of a type."""
        for (of_type, name), limit in self.by_name.items():
            if of_type == queue_type:
                yield name, limit

    def note(self, queue_type: str, event: Event) -> None:
        """Note what an event did to shared limits, or may have done."""
        match event.operation.item:
            case NewJob() as new:
                self._note_enqueue(queue_type, event, new)
            case Release(freeze_limit=freeze) | Fail(freeze_limit=freeze) if freeze is not None:
                self.naming.setdefault(queue_type, []).append(event)
                limit = self.of(queue_type, freeze.name)
                if event.outcome in {None, LeaseOutcome.ENDED}:
                    limit.own.frozen(event, freeze.duration)
            case PatchQueue() | PatchType() | PatchLimit() | DropLimit() as change:
                self._note_setting(queue_type, event, change)
            case _:
                pass

    def settle(self) -> None:
        """End the noting of events."""
        for limit in self.by_name.values():
            limit.settle()

    def _note_enqueue(self, queue_type: str, event: Event, new: NewJob) -> None:
        uses = None if new.extras is None else new.extras.uses
        if not uses:
            return
        self.naming.setdefault(queue_type, []).append(event)
        outcome = event.outcome.outcome if isinstance(event.outcome, EnqueueResult) else None
        for use in uses:
            limit = self.of(queue_type, use.name)
            if use.limits is not None and (outcome is None or outcome in ACCEPTED):
                limit.brought(event, use.limits, is_sure=outcome is not None)

    def _note_setting(self, queue_type: str, event: Event, change: Setting) -> None:
        is_made = event.outcome in {None, ChangeOutcome.CHANGED}
        if named_by(change):
            self.naming.setdefault(queue_type, []).append(event)
        elif isinstance(change, PatchLimit | DropLimit):
            limit = self.of(queue_type, change.name)
            limit.asked.append(event)
            if is_made and isinstance(change, PatchLimit):
                limit.patched(event, change)
            elif is_made:
                limit.dropped(event)


def named_by(change: Setting) -> Names:
    """Return the names of the shared limits that a change of settings sets to be used."""
    match change:
        case PatchQueue(patch=patch) | PatchType(defaults=patch):
            return patch.uses or () if patch.uses is not UNSET else ()
        case _:
            return ()
