"""What a value may have been, and when: each thing that set it, or may have."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.moments import Step, after_all, before, before_all

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Setter(Generic[Value]):
    """What set a value; unless it `is_sure`, it may have."""

    value: Value
    event: Event
    is_sure: bool


@dataclass(slots=True)
class Timeline(Generic[Value]):
    """A value that is `first` until something sets it."""

    first: Value
    setters: list[Setter[Value]] = field(default_factory=list)

    def add(self, value: Value, event: Event, *, is_sure: bool) -> None:
        """Note what set the value, or may have."""
        self.setters.append(Setter(value, event, is_sure))

    def ever(self) -> list[Value]:
        """Return all that the value may ever have been."""
        return _different([self.first, *(setter.value for setter in self.setters)])

    def values(self, until: Sequence[Step], since: Sequence[Step] = ()) -> list[Value]:
        """Return what the value may have been at one of several steps.

        With `since`, what it may have been at any moment from one of these steps on.
        """
        if len(ever := self.ever()) == 1:
            return ever
        begins = since or until
        settled = [one for one in self.setters if one.is_sure and before_all(one.event, begins)]
        last = max(settled, key=lambda one: (one.event.invoked, one.event.item), default=None)
        possible = [
            one.value
            for one in self.setters
            if not after_all(one.event, until) and not (last and before(one.event, last.event))
        ]
        return _different(possible if last else [self.first, *possible])


def _different(values: Sequence[Value]) -> list[Value]:
    """Return each value once. Limits and settings are equal if all their fields are."""
    return [value for index, value in enumerate(values) if value not in values[:index]]
