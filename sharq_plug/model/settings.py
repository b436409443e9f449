"""Settings: what is set on purpose, for a queue, for a type, and for all queues of a type."""

from enum import Enum
from hashlib import sha256
from typing import Self, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sharq_plug.model.limits import MAX_WEIGHT, Hold, Limit, Remaining, check_limits, check_uses
from sharq_plug.model.names import (
    check_duration,
    check_integer,
    check_interval,
    check_name,
    invalid,
)

__all__ = [
    "NO_CHANGE",
    "NO_SETTINGS",
    "ChangeOutcome",
    "DropLimit",
    "LimitRules",
    "PatchLimit",
    "PatchQueue",
    "PatchType",
    "QueueRules",
    "SetInterval",
    "Setting",
    "Settings",
    "SettingsPatch",
    "TypeRules",
    "may_change",
]


class Settings(Struct, frozen=True, gc=False, omit_defaults=True):
    """What is set. A field that is None is not set; nor is `paused` if it is false.

    `limits` () is set: there are no limits. `concurrency` is the most leases at a time, `weight`
    how many deliveries in a row the queue's turn allows, `max_length` the most unleased jobs,
    `uses` the names of the shared limits that the queue pays to as well, in their order.
    """

    limits: tuple[Limit, ...] | None = None
    concurrency: int | None = None
    weight: int | None = None
    max_length: int | None = None
    paused: bool = False
    uses: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.uses is not None:
            check_uses(self.uses)
        if self.limits is not None:
            check_limits(self.limits)
        if self.concurrency is not None:
            check_integer("concurrency", self.concurrency, 1)
        if self.weight is not None:
            check_integer("weight", self.weight, 1, MAX_WEIGHT)
        if self.max_length is not None:
            check_integer("max_length", self.max_length, 0)

    def or_else(self, defaults: "Settings") -> "Settings":
        """Return these settings, and where something is not set, the defaults of the type."""
        unset = {
            name: getattr(defaults, name)
            for name in self.__struct_fields__
            if getattr(self, name) is None
        }
        return msgspec.structs.replace(self, **unset)


NO_SETTINGS = Settings()


class SettingsPatch(Struct, frozen=True, gc=False, omit_defaults=True):
    """A change of settings, field by field: a new value, None to take it back, or UNSET."""

    limits: tuple[Limit, ...] | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET
    weight: int | UnsetType | None = UNSET
    max_length: int | UnsetType | None = UNSET
    paused: bool | UnsetType | None = UNSET
    uses: tuple[str, ...] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        self.applied_to(NO_SETTINGS)

    def applied_to(self, settings: Settings) -> Settings:
        """Return `settings` with this change. Raises InvalidRequest."""
        changes = {
            name: getattr(NO_SETTINGS, name) if value is None else value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not UNSET
        }
        return msgspec.structs.replace(settings, **changes) if changes else settings

    def only(self, *names: str) -> Self:
        """Return this change if it sets no field but these. Raises InvalidRequest."""
        for name in self.__struct_fields__:
            if name not in names and getattr(self, name) is not UNSET:
                raise invalid(name)
        return self


NO_CHANGE = SettingsPatch()


class SetInterval(Struct, frozen=True, gc=False, tag=True):
    """Bring an interval (ms) to a queue that exists and has no limits from settings."""

    queue_id: str
    interval: int

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_interval(self.interval)


class PatchQueue(Struct, frozen=True, gc=False, tag=True):
    """Change the settings of a queue, whether it exists or not.

    `freeze` freezes it for so many ms from now, 0 ends a freeze, None leaves it. With `if_match`
    nothing changes unless the tag of its settings (`QueueRules.tag`) is one of these.
    """

    queue_id: str
    patch: SettingsPatch = NO_CHANGE
    freeze: int | None = None
    if_match: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        if self.freeze is not None:
            check_duration("freeze", self.freeze)


class PatchType(Struct, frozen=True, gc=False, tag=True):
    """Change the settings of a type: its gate (`patch`, `freeze`), and its queues' defaults.

    The gate has no `weight` and no `max_length`, and the defaults are never `paused`. `if_match`
    is as for a queue, with the tag of both (`TypeRules.tag`).
    """

    patch: SettingsPatch = NO_CHANGE
    defaults: SettingsPatch = NO_CHANGE
    freeze: int | None = None
    if_match: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.patch.only("limits", "concurrency", "paused")
        self.defaults.only("limits", "concurrency", "weight", "max_length", "uses")
        if self.freeze is not None:
            check_duration("freeze", self.freeze)


class PatchLimit(Struct, frozen=True, gc=False, tag=True):
    """Change the settings of a shared limit; create it if it is missing.

    It has `limits`, `concurrency` and `paused`. `freeze` freezes it for so many ms from now, 0 ends
    a freeze, None leaves it. `remaining` is what an upstream says is left, None takes all that
    back. `if_match` is as for a queue, with the tag of its settings (`LimitRules.tag`).
    """

    name: str
    patch: SettingsPatch = NO_CHANGE
    freeze: int | None = None
    remaining: Remaining | UnsetType | None = UNSET
    if_match: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        self.patch.only("limits", "concurrency", "paused")
        if self.freeze is not None:
            check_duration("freeze", self.freeze)


class DropLimit(Struct, frozen=True, gc=False, tag=True):
    """Remove a shared limit that nothing uses."""

    name: str

    def __post_init__(self) -> None:
        check_name("name", self.name)


Setting: TypeAlias = SetInterval | PatchQueue | PatchType | PatchLimit | DropLimit
"""A change of what is set for a queue, a type or a shared limit."""


class ChangeOutcome(Enum):
    """What became of a change of settings."""

    CHANGED = "changed"
    UNKNOWN = "unknown"
    """There is no such queue; nothing was changed."""
    LIMITS_SET = "limits_set"
    """The queue has limits from settings, its own or its type's defaults; nothing was changed."""
    UNKNOWN_LIMIT = "unknown_limit"
    """It names a shared limit that there is not; nothing was changed."""
    IN_USE = "in_use"
    """Something uses the shared limit; nothing was changed."""
    MISMATCH = "mismatch"
    """The settings are not those that the caller saw; nothing was changed."""
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


class QueueRules(Struct, frozen=True, gc=False):
    """What is set for a queue, and what follows from it.

    `in_effect` is what holds for the queue: its own settings, else the defaults that it has taken
    up, else the interval that an enqueue brought. `pending` says that the type's defaults have
    changed since, and the queue has not taken them up yet. `held_by` names the holds that stand,
    those of the queue first, then those of its type. `frozen_until` is ms since the epoch.
    """

    settings: Settings = NO_SETTINGS
    in_effect: Settings = NO_SETTINGS
    pending: bool = False
    held_by: tuple[Hold, ...] = ()
    frozen_until: int | None = None

    def tag(self) -> str:
        """Return a tag of the settings, which differs where they differ."""
        return _tag(self.settings)


class TypeRules(Struct, frozen=True, gc=False):
    """What is set for a type: its gate's settings, and the defaults for its queues."""

    settings: Settings = NO_SETTINGS
    defaults: Settings = NO_SETTINGS
    held_by: tuple[Hold, ...] = ()
    frozen_until: int | None = None

    def tag(self) -> str:
        """Return a tag of both settings, which differs where they differ."""
        return _tag(self.settings, self.defaults)


class LimitRules(Struct, frozen=True, gc=False):
    """What is set for a shared limit, and the holds of it that stand.

    These have no `name` and are not `of_type`. A count that is used up (see `Remaining`) is a hold
    of the kind `limit`, with its unit; those follow the limits, by their units.
    """

    settings: Settings = NO_SETTINGS
    held_by: tuple[Hold, ...] = ()
    frozen_until: int | None = None

    def tag(self) -> str:
        """Return a tag of the settings, which differs where they differ."""
        return _tag(self.settings)


def may_change(
    change: PatchQueue | PatchType | PatchLimit, present: QueueRules | TypeRules | LimitRules
) -> bool:
    """Return whether `if_match` allows a change of what is set: it has the tag, or is None."""
    return change.if_match is None or present.tag() in change.if_match


def _tag(*settings: Settings) -> str:
    return sha256(msgspec.json.encode(settings)).hexdigest()[:16]
