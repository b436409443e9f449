"""Settings: their fields in requests and in answers."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.fields import (
    FEW_LIMITS,
    Burst,
    Concurrency,
    FreezeNow,
    Left,
    LeftUntil,
    MaxLength,
    Paused,
    Per,
    Rate,
    SettingInterval,
    Unit,
    UsedNames,
    Weight,
)
from sharq_plug.http.api.shown import HoldShown, InEffect
from sharq_plug.model import (
    JOB_UNIT,
    NO_CHANGE,
    Hold,
    HoldKind,
    Limit,
    LimitRules,
    QueueRules,
    Remaining,
    Settings,
    SettingsPatch,
    TypeRules,
    check_interval,
    limits_of_interval,
)

Limits = tuple[Limit, ...]


class LimitBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit: `rate` units in each `per` ms, and up to `burst` at once after a rest."""

    rate: Rate
    per: Per
    burst: Burst | None = None
    unit: Unit | None = None


FewLimits: TypeAlias = Annotated[tuple[LimitBody, ...], FEW_LIMITS]


class CommonPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set for a queue, a type, a shared limit, and for all queues of a type.

    Null takes a setting back; one that is absent stays as it is.
    """

    limits: FewLimits | UnsetType | None = UNSET
    concurrency: Concurrency | UnsetType | None = UNSET


class IntervalPatch(CommonPatch, frozen=True):
    """What can be set for a queue, a shared limit, and for all queues of a type.

    `interval` (ms) is short for the limits [{"rate": 1, "per": interval}], 0 for [].
    """

    EXCLUDES: ClassVar = (("interval", "limits"),)

    interval: SettingInterval | UnsetType | None = UNSET


class DefaultsPatch(IntervalPatch, frozen=True):
    """What can be set for a queue, and for all queues of a type. `uses` names shared limits."""

    weight: Weight | UnsetType | None = UNSET
    max_length: MaxLength | UnsetType | None = UNSET
    uses: UsedNames | UnsetType | None = UNSET


class QueuePatch(DefaultsPatch, frozen=True):
    """What can be set for a queue. `freeze` (ms) freezes it from now on, 0 ends a freeze."""

    paused: Paused | UnsetType | None = UNSET
    freeze: FreezeNow | None = None


class TypePatch(CommonPatch, frozen=True):
    """What can be set for a type: its gate, and the defaults of its queues.

    `freeze` is as for a queue.
    """

    paused: Paused | UnsetType | None = UNSET
    freeze: FreezeNow | None = None
    defaults: DefaultsPatch | UnsetType | None = UNSET


class LimitPatch(IntervalPatch, frozen=True):
    """What can be set for a shared limit. `freeze` is as for a queue.

    `remaining` says how many of a `unit` are left `until` an instant (ms since the epoch); null
    takes back all that was said so.
    """

    NEEDS: ClassVar = (("remaining", "until"), ("until", "remaining"), ("unit", "remaining"))

    paused: Paused | UnsetType | None = UNSET
    freeze: FreezeNow | None = None
    remaining: Left | UnsetType | None = UNSET
    until: LeftUntil | None = None
    unit: Unit | None = None


def change_of(patch: CommonPatch) -> SettingsPatch:
    """Return the change of settings that a patch asks for. Raises InvalidRequest."""
    fields = SettingsPatch.__struct_fields__
    given = {name: getattr(patch, name, UNSET) for name in fields}
    if isinstance(given["uses"], tuple):
        given["uses"] = tuple(sorted(given["uses"]))
    return SettingsPatch(**given | {"limits": _limits(patch)})


def defaults_of(patch: TypePatch) -> SettingsPatch:
    """Return the change of defaults that a patch asks for. Raises InvalidRequest."""
    if patch.defaults is UNSET:
        return NO_CHANGE
    if patch.defaults is None:
        return SettingsPatch(**dict.fromkeys(InEffect.__struct_fields__))
    return change_of(patch.defaults)


def remaining_of(patch: LimitPatch) -> Remaining | UnsetType | None:
    """Return what a patch says is left of a shared limit. Raises InvalidRequest."""
    if not isinstance(patch.remaining, int):
        if patch.until is not None or patch.unit is not None:
            raise InvalidRequest("`until` and `unit` need `remaining`.")
        return patch.remaining
    if patch.until is None:
        raise InvalidRequest("`remaining` needs `until`.")
    unit = JOB_UNIT if patch.unit is None else patch.unit
    return Remaining(patch.remaining, patch.until, unit)


def limits_of(bodies: Sequence[LimitBody]) -> Limits:
    """Return the limits of a body. Raises InvalidRequest."""
    return tuple(map(_limit, bodies))


def rules_fields(rules: QueueRules | TypeRules | LimitRules) -> dict[str, Any]:
    """Return the fields that show what is set, and what follows from it."""
    fields: dict[str, Any] = {"settings": rules.settings, "frozen_until": rules.frozen_until}
    match rules:
        case QueueRules():
            fields |= {"in_effect": _in_effect(rules.in_effect), "pending": rules.pending}
            held_by = holds(rules.held_by)
        case TypeRules():
            fields["defaults"] = rules.defaults
            held_by = holds(rules.held_by)
        case LimitRules():
            held_by = list(map(_hold, rules.held_by))
    return fields | {"held_by": held_by}


def holds(held_by: Sequence[Hold]) -> Sequence[HoldShown]:
    """Return the holds of a queue or a type as they are shown, and whose each is."""
    return [_hold(hold, of="type" if hold.of_type else "queue") for hold in held_by]


def _in_effect(settings: Settings) -> InEffect:
    values = {name: getattr(settings, name) for name in InEffect.__struct_fields__}
    return InEffect(**{name: value for name, value in values.items() if value is not None})


def _limits(patch: CommonPatch) -> Limits | UnsetType | None:
    limits = patch.limits
    interval = patch.interval if isinstance(patch, IntervalPatch) else UNSET
    if interval is not UNSET:
        if limits is not UNSET:
            raise InvalidRequest("`interval` and `limits` exclude each other.")
        return None if interval is None else limits_of_interval(check_interval(interval))
    return limits_of(limits) if isinstance(limits, tuple) else limits


def _limit(body: LimitBody) -> Limit:
    return Limit(
        body.rate,
        body.per,
        1 if body.burst is None else body.burst,
        JOB_UNIT if body.unit is None else body.unit,
    )


def _hold(hold: Hold, of: Literal["queue", "type"] | UnsetType = UNSET) -> HoldShown:
    """Return a hold as it is shown. One of a shared limit has its name, and is nobody's else."""
    is_shared = hold.kind is HoldKind.SHARED_LIMIT
    return HoldShown(
        hold=hold.kind,
        name=hold.name if is_shared and hold.name is not None else UNSET,
        until=hold.until,
        unit=hold.unit if hold.kind is HoldKind.LIMIT and hold.unit is not None else UNSET,
        of=UNSET if is_shared else of,
    )
