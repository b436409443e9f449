"""What was set on purpose, of a queue or a type: each setting over time, and what froze it."""

from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from sharq_plug.model import NO_SETTINGS, SettingsPatch
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.timeline import Timeline


def _nothing_set() -> dict[str, Timeline[Any]]:
    names = NO_SETTINGS.__struct_fields__
    return {name: Timeline(getattr(NO_SETTINGS, name)) for name in names}


@dataclass(frozen=True, slots=True)
class Freeze:
    """What froze a queue or a type for `duration` ms; unless it `is_sure`, it may have.

    One that `sets` the freeze may shorten it or end it; the others only make it longer.
    """

    duration: int
    event: Event
    is_sure: bool
    sets: bool


@dataclass(slots=True)
class Set:
    """What was set on purpose: each setting over time, and what froze."""

    settings: dict[str, Timeline[Any]] = field(default_factory=_nothing_set)
    freezes: list[Freeze] = field(default_factory=list)

    def patched(self, event: Event, patch: SettingsPatch, freeze: int | None = None) -> None:
        """Note a change, which may have been without an answer."""
        is_sure = event.outcome is not None
        for name, timeline in self.settings.items():
            value = getattr(patch, name)
            if value is not UNSET:
                first = getattr(NO_SETTINGS, name)
                timeline.add(first if value is None else value, event, is_sure=is_sure)
        if freeze is not None:
            self.freezes.append(Freeze(freeze, event, is_sure, sets=True))

    def frozen(self, event: Event, freeze: int) -> None:
        """Note a freeze by a worker, which may have been without an answer."""
        if freeze:
            self.freezes.append(Freeze(freeze, event, event.outcome is not None, sets=False))


@dataclass(slots=True)
class OfType:
    """What was set for a type: for its gate, and as defaults for its queues; and its dequeues."""

    gate: Set = field(default_factory=Set)
    defaults: Set = field(default_factory=Set)
    takes: list[Event] = field(default_factory=list)
    changes: list[Event] = field(default_factory=list)
    """All changes that were asked for, also those that were refused."""
