"""Settings: their fields in requests and in answers."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct, UnsetType

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    JOB_UNIT,
    NO_CHANGE,
    Hold,
    HoldKind,
    Limit,
    QueueRules,
    Settings,
    SettingsPatch,
    TypeRules,
    check_interval,
    limits_of_interval,
)

Limits = tuple[Limit, ...]


class LimitBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit: `rate` units in each `per` ms, and up to `burst` at once after a rest."""

    rate: int
    per: int
    burst: int | None = None
    unit: str | None = None


class CommonPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set for a queue, for a type, and for all queues of a type.

    Null takes a setting back; one that is absent stays as it is.
    """

    limits: tuple[LimitBody, ...] | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET


class DefaultsPatch(CommonPatch, frozen=True):
    """What can be set for a queue, and for all queues of a type.

    `interval` (ms) is short for the limits [{"rate": 1, "per": interval}], 0 for [].
    """

    interval: int | UnsetType | None = UNSET
    weight: int | UnsetType | None = UNSET
    max_length: int | UnsetType | None = UNSET


class QueuePatch(DefaultsPatch, frozen=True):
    """What can be set for a queue. `freeze` (ms) freezes it from now on, 0 ends a freeze."""

    paused: bool | UnsetType | None = UNSET
    freeze: int | None = None


class TypePatch(CommonPatch, frozen=True):
    """What can be set for a type: its gate, and the defaults of its queues.

    `freeze` is as for a queue.
    """

    paused: bool | UnsetType | None = UNSET
    freeze: int | None = None
    defaults: DefaultsPatch | UnsetType | None = UNSET


class InEffect(Struct, frozen=True):
    """What holds for a queue, whatever it follows from."""

    limits: Limits = ()
    concurrency: int | None = None
    weight: int = 1
    max_length: int | None = None


def change_of(patch: CommonPatch) -> SettingsPatch:
    """Return the change of settings that a patch asks for. Raises InvalidRequest."""
    fields = SettingsPatch.__struct_fields__
    given = {name: getattr(patch, name, UNSET) for name in fields}
    return SettingsPatch(**given | {"limits": _limits(patch)})


def defaults_of(patch: TypePatch) -> SettingsPatch:
    """Return the change of defaults that a patch asks for. Raises InvalidRequest."""
    if patch.defaults is UNSET:
        return NO_CHANGE
    if patch.defaults is None:
        return SettingsPatch(**dict.fromkeys(InEffect.__struct_fields__))
    return change_of(patch.defaults)


def rules_fields(rules: QueueRules | TypeRules) -> Mapping[str, object]:
    """Return the fields that show what is set for a queue or a type, and what follows from it."""
    own: Mapping[str, object]
    match rules:
        case QueueRules():
            own = {"in_effect": _in_effect(rules.in_effect), "pending": rules.pending}
        case TypeRules():
            own = {"defaults": rules.defaults}
    holding = {"held_by": holds(rules.held_by), "frozen_until": rules.frozen_until}
    return {"settings": rules.settings, **own, **holding}


def holds(held_by: Sequence[Hold]) -> Sequence[Mapping[str, object]]:
    """Return the fields that show holds."""
    return [_hold_fields(hold) for hold in held_by]


def _in_effect(settings: Settings) -> InEffect:
    values = {name: getattr(settings, name) for name in InEffect.__struct_fields__}
    return InEffect(**{name: value for name, value in values.items() if value is not None})


def _limits(patch: CommonPatch) -> Limits | UnsetType | None:
    limits = patch.limits
    interval = patch.interval if isinstance(patch, DefaultsPatch) else UNSET
    if interval is not UNSET:
        if limits is not UNSET:
            raise InvalidRequest("`interval` and `limits` exclude each other.")
        return None if interval is None else limits_of_interval(check_interval(interval))
    return tuple(map(_limit, limits)) if isinstance(limits, tuple) else limits


def _limit(body: LimitBody) -> Limit:
    return Limit(
        body.rate,
        body.per,
        1 if body.burst is None else body.burst,
        JOB_UNIT if body.unit is None else body.unit,
    )


def _hold_fields(hold: Hold) -> Mapping[str, object]:
    fields: dict[str, object] = {"hold": hold.kind.value, "until": hold.until}
    if hold.kind is HoldKind.LIMIT:
        fields["unit"] = hold.unit
    return fields | {"of": "type" if hold.of_type else "queue"}
