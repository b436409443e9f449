"""The settings that an operator changes while a crowd works: drawn, and read from a record."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from faults.asking import INTERVALS
from sharq_plug.model import (
    Hold,
    HoldKind,
    Limit,
    PatchQueue,
    PatchType,
    QueueRules,
    Setting,
    Settings,
    SettingsPatch,
    TypeRules,
)
from support.operator_schema import QueueLook, TypeLook
from support.settings_schema import Hold as HoldBody
from support.settings_schema import Settings as SettingsBody

Values = Mapping[str, Sequence[Any]]

UNITS = {"rate": 60, "per": 100, "burst": 12, "unit": "units"}
LIMITS: Sequence[Any] = (
    None,
    [],
    [{"rate": 1, "per": 12, "burst": 4}],
    [{"rate": 1, "per": 12}, UNITS],
    [UNITS, {"rate": 3, "per": 25, "burst": 2}],
)
USES: Sequence[Any] = (None, None, [], ["first"], ["second"], ["first", "second"])
OF_QUEUES: Values = {
    "limits": LIMITS,
    "concurrency": (None, 2, 4),
    "weight": (None, 1, 3),
    "paused": (None, None, True),
    "freeze": (0, 20, 60),
    "uses": USES,
}
OF_TYPES: Values = {
    "limits": (None, None, [{"rate": 1, "per": 2, "burst": 20}], [{"rate": 3, "per": 5}, UNITS]),
    "concurrency": (None, 6, 12),
    "paused": (None, None, None, True),
    "freeze": (0, 0, 15),
}
DEFAULTS: Values = {"limits": LIMITS, "concurrency": (None, 3), "weight": (None, 2), "uses": USES}
LIFTED = {"limits": None, "concurrency": None, "paused": None, "freeze": 0}
"""With this a queue or a type is held by nothing but the intervals that were brought."""

_encode = msgspec.json.Encoder().encode


class Change(NamedTuple):
    """A PATCH of a queue or a type."""

    path: str
    body: bytes


def change(queue_type: str, chance: random.Random) -> Change:
    """Return a random change of settings."""
    if chance.random() < 0.2:
        fields = drawn(OF_TYPES, chance)
        if chance.random() < 0.5:
            fields["defaults"] = drawn(DEFAULTS, chance)
        return Change(f"/type/{queue_type}/", _encode(fields))
    queue = chance.randrange(len(INTERVALS))
    return Change(f"/queue/{queue_type}/q{queue}/", _encode(drawn(OF_QUEUES, chance)))


def lifted(queue_type: str) -> list[Change]:
    """Return the changes after which no queue of a type is held by its settings."""
    body = _encode(LIFTED)
    queues = [f"/queue/{queue_type}/q{queue}/" for queue in range(len(INTERVALS))]
    of_type = Change(f"/type/{queue_type}/", _encode({**LIFTED, "defaults": None}))
    return [of_type, *(Change(path, body) for path in queues)]


def gated(queue_type: str) -> list[Change]:
    """Return the settings of a type with a gate, whose queues share it by their weights."""
    gate = {"limits": [{"rate": 3, "per": 10, "burst": 10}], "concurrency": 12}
    weights = [(1, 2, 5)[queue % 3] for queue in range(len(INTERVALS))]
    queues = [
        Change(f"/queue/{queue_type}/q{queue}/", _encode({"limits": [], "weight": weight}))
        for queue, weight in enumerate(weights)
    ]
    return [Change(f"/type/{queue_type}/", _encode(gate)), *queues]


def drawn(values: Values, chance: random.Random) -> dict[str, Any]:
    """Return some fields, with a random value each."""
    return {name: chance.choice(those) for name, those in values.items() if chance.random() < 0.4}


def setting(queue_id: str | None, body: str) -> Setting:
    """Return what a PATCH of a queue, or of its type (None), asks for."""
    fields = msgspec.json.decode(body)
    freeze = fields.pop("freeze", None)
    if queue_id is not None:
        return PatchQueue(queue_id, patch_of(fields), freeze)
    defaults = fields.pop("defaults", {})
    taken_back = dict.fromkeys(DEFAULTS)
    return PatchType(
        patch_of(fields), patch_of(taken_back if defaults is None else defaults), freeze
    )


def patch_of(fields: dict[str, Any]) -> SettingsPatch:
    """Return the change that the fields of a PATCH ask for."""
    if fields.get("limits") is not None:
        fields["limits"] = tuple(Limit(**limit) for limit in fields["limits"])
    if fields.get("uses") is not None:
        fields["uses"] = tuple(fields["uses"])
    return SettingsPatch(**fields)


def queue_rules(look: QueueLook) -> QueueRules:
    """Return what a look shows of the settings of a queue."""
    return QueueRules(
        settings_of(look.settings),
        _in_effect(look),
        look.pending,
        held_by(look.held_by),
        look.frozen_until,
    )


def type_rules(look: TypeLook) -> TypeRules:
    """Return what a look shows of the settings of a type."""
    return TypeRules(
        settings_of(look.settings),
        settings_of(look.defaults),
        held_by(look.held_by),
        look.frozen_until,
    )


def held_by(told: Sequence[HoldBody]) -> tuple[Hold, ...]:
    """Return the holds that a look tells of."""
    return tuple(
        Hold(
            HoldKind(hold.hold),
            hold.until,
            hold.unit or None,
            of_type=hold.of == "type",
            name=hold.name or None,
        )
        for hold in told
    )


def settings_of(shown: SettingsBody) -> Settings:
    """Return the settings that a look shows."""
    return patch_of(msgspec.to_builtins(shown)).applied_to(Settings())


def _in_effect(look: QueueLook) -> Settings:
    fields = msgspec.to_builtins(look.in_effect) | {"paused": look.settings.paused is True}
    fields["uses"] = look.in_effect.uses or None
    return patch_of(fields).applied_to(Settings())
