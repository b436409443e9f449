"""Shared limits that queues of a crowd use: changed by an operator, and read from a record."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from faults.asking import INTERVALS
from faults.settings import Change, drawn, held_by, patch_of, settings_of
from sharq_plug.model import LimitRules, LimitView, Page, PatchLimit, Remaining, SharedLimits
from sharq_plug.testing.model_check.operations import Item, PageStep
from support.operator_schema import LimitLook
from support.wire_schema import Failure

PROVIDER = "provider"
"""The shared limit that all queues use of a type whose workers freeze one."""
NAMES = ("first", "second")
"""The shared limits that an operator changes."""
LOOKED_AT = 100
OF_LIMITS: Mapping[str, Sequence[Any]] = {
    "limits": (None, [{"rate": 1, "per": 4, "burst": 8}], [{"rate": 1, "per": 6}]),
    "concurrency": (None, 4, 8),
    "paused": (None, None, None, True),
    "freeze": (0, 20),
}
OPENED = {"limits": None, "concurrency": None, "paused": None, "freeze": 0, "remaining": None}

_encode = msgspec.json.Encoder().encode


def founded(queue_type: str) -> list[Change]:
    """Return the changes that create the shared limits of an operator."""
    return [Change(_path(queue_type, name), b"{}") for name in NAMES]


def limit_change(queue_type: str, chance: random.Random) -> Change:
    """Return a random change of a shared limit."""
    return Change(_path(queue_type, chance.choice(NAMES)), _encode(drawn(OF_LIMITS, chance)))


def opened(queue_type: str) -> list[Change]:
    """Return the changes after which no shared limit of an operator holds anything."""
    return [Change(_path(queue_type, name), _encode(OPENED)) for name in NAMES]


def shared(queue_type: str) -> list[Change]:
    """Return the settings of a type whose queues share a provider, and some of them a region."""
    provider = {"limits": [{"rate": 1, "per": 8, "burst": 6}], "concurrency": 8}
    region = {"limits": [{"rate": 1, "per": 16, "burst": 3}]}
    queues = [
        Change(f"/queue/{queue_type}/q{queue}/", _encode({"uses": [PROVIDER, "region"]}))
        for queue in range(0, len(INTERVALS), 3)
    ]
    return [
        Change(_path(queue_type, PROVIDER), _encode(provider)),
        Change(_path(queue_type, "region"), _encode(region)),
        Change(f"/type/{queue_type}/", _encode({"defaults": {"uses": [PROVIDER], "limits": []}})),
        *queues,
    ]


def of_limit(name: str, body: str) -> Item:
    """Return what a request for a shared limit asks for: a change, or a look."""
    if not body:
        return PageStep(SharedLimits(name), None, LOOKED_AT)
    fields = msgspec.json.decode(body)
    freeze = fields.pop("freeze", None)
    left = fields.pop("remaining", UNSET)
    if isinstance(left, int):
        left = Remaining(left, fields.pop("until"), fields.pop("unit", "job"))
    return PatchLimit(name, patch_of(fields), freeze, left)


def limit_page(name: str, look: LimitLook | Failure) -> Page:
    """Return what a look at a shared limit shows: nothing if there is none."""
    if isinstance(look, Failure):
        return Page((), None)
    rules = LimitRules(settings_of(look.settings), held_by(look.held_by), look.frozen_until)
    left = tuple(Remaining(one.remaining, one.until, one.unit) for one in look.remaining)
    view = LimitView(
        name, rules, tuple(look.owed), look.opens_at, look.leased, look.queues, left, look.now
    )
    return Page((view,), None)


def _path(queue_type: str, name: str) -> str:
    return f"/limit/{queue_type}/{name}/"
