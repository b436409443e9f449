"""Values around shared limits at their bounds and past them: what no store is ever given."""

from typing import Any

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    MAX_DURATION,
    MAX_INSTANT,
    MAX_INTEGER,
    MAX_LIMITS,
    MAX_USES,
    NO_SETTINGS,
    DropLimit,
    Extras,
    FreezeLimit,
    Limit,
    LimitRules,
    PatchLimit,
    PatchType,
    Remaining,
    Settings,
    SettingsPatch,
    SharedLimits,
    Use,
)

NO_NAMES = ["", "two words", "..", "x" * 101, "\u00e9"]


@pytest.mark.parametrize(
    "uses", [("x", "y", "z"), ("x", "x"), ("y", "x"), *((name,) for name in NO_NAMES)], ids=str
)
def test_a_queue_uses_at_most_two_each_once_in_the_order_of_their_names(
    uses: tuple[str, ...],
) -> None:
    assert MAX_USES == 2
    for make in (Settings, SettingsPatch):
        with pytest.raises(InvalidRequest, match="`uses`"):
            make(uses=uses)
    with pytest.raises(InvalidRequest, match="`uses`"):
        Extras(uses=tuple(Use(name) for name in uses))


@pytest.mark.parametrize("uses", [(), ("x",), ("A", "a"), ("x", "y")])
def test_none_one_or_two_are_used(uses: tuple[str, ...]) -> None:
    assert Settings(uses=uses).uses == uses
    assert PatchType(defaults=SettingsPatch(uses=uses)).defaults.uses == uses
    assert Extras(uses=tuple(Use(name) for name in uses)).uses is not None


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize(
    "make",
    [
        Use,
        PatchLimit,
        DropLimit,
        SharedLimits,
        lambda name: FreezeLimit(name, 1),
        lambda name: Remaining(1, 1, name),
    ],
)
def test_a_shared_limit_and_a_unit_have_names(make: Any, name: str) -> None:
    with pytest.raises(InvalidRequest):
        make(name)


def test_what_is_brought_has_as_many_limits_as_may_be() -> None:
    assert Use("x", (Limit(1, 1),) * MAX_LIMITS).limits
    with pytest.raises(InvalidRequest, match="`limits`"):
        Use("x", (Limit(1, 1),) * (MAX_LIMITS + 1))


@pytest.mark.parametrize("fields", [{"weight": 1}, {"max_length": 1}, {"uses": ()}], ids=str)
def test_a_shared_limit_has_what_a_gate_has_and_no_more(fields: dict[str, Any]) -> None:
    for make in (PatchType, lambda patch: PatchLimit("x", patch)):
        with pytest.raises(InvalidRequest, match=f"`{next(iter(fields))}`"):
            make(SettingsPatch(**fields))


@pytest.mark.parametrize("duration", [-1, MAX_DURATION + 1, True])
def test_a_freeze_of_a_shared_limit_has_bounds(duration: int) -> None:
    for make in (
        lambda: PatchLimit("x", freeze=duration),
        lambda: FreezeLimit("x", duration),
    ):
        with pytest.raises(InvalidRequest):
            make()


@pytest.mark.parametrize(
    "values",
    [
        *((count, 1) for count in (-1, MAX_INTEGER + 1, True)),
        *((1, until) for until in (-1, MAX_INSTANT + 1, True)),
    ],
)
def test_what_is_left_has_bounds(values: tuple[int, int]) -> None:
    with pytest.raises(InvalidRequest):
        Remaining(*values)


def test_defaults_fill_what_a_queue_uses_if_it_is_not_set() -> None:
    defaults = Settings(uses=("x",))
    assert NO_SETTINGS.or_else(defaults).uses == ("x",)
    assert Settings(uses=()).or_else(defaults).uses == ()
    patch = SettingsPatch(uses=None)
    assert patch.applied_to(Settings(uses=("x",))) == NO_SETTINGS


def test_tags_differ_with_what_is_used_and_not_with_what_is_unset() -> None:
    assert LimitRules().tag() == LimitRules(Settings()).tag()
    assert LimitRules(Settings(())).tag() != LimitRules().tag()
