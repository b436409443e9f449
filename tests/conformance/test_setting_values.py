"""Values of settings and limits at their bounds and past them: what no store is ever given."""

from typing import Any

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    MAX_BURST_DEBT,
    MAX_COST,
    MAX_DURATION,
    MAX_INTEGER,
    MAX_LIMITS,
    MAX_PER,
    MAX_RATE,
    MAX_UNITS,
    MAX_WEIGHT,
    NO_SETTINGS,
    Fail,
    Finish,
    LeaseRef,
    Limit,
    NewJob,
    PatchQueue,
    PatchType,
    Release,
    SetInterval,
    Settings,
    SettingsPatch,
)

LEASE = LeaseRef("q", "j", "token")


@pytest.mark.parametrize(
    "values",
    [
        *((rate, 1) for rate in (0, -1, MAX_RATE + 1, True)),
        *((1, per) for per in (0, -1, MAX_PER + 1, True)),
        *((1, 1, burst) for burst in (0, -1, True, MAX_BURST_DEBT + 1)),
        (1, MAX_PER, 4001),
        (1, 3, MAX_BURST_DEBT // 3 + 1),
        *((1, 1, 1, unit) for unit in ("", "two words", "u" * 101)),
    ],
)
def test_a_limit_has_bounds(values: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidRequest):
        Limit(*values)


@pytest.mark.parametrize(
    "values",
    [(MAX_RATE, MAX_PER, 4000), (1, 1, MAX_BURST_DEBT), (1, 3, MAX_BURST_DEBT // 3)],
)
def test_the_largest_limits_are_accepted(values: tuple[int, int, int]) -> None:
    assert Limit(*values).unit == "job"


@pytest.mark.parametrize(
    "fields",
    [
        {"limits": (Limit(1, 1),) * (MAX_LIMITS + 1)},
        *({"concurrency": value} for value in (0, -1, True, MAX_INTEGER + 1)),
        *({"weight": value} for value in (0, -1, True, MAX_WEIGHT + 1)),
        *({"max_length": value} for value in (-1, True, MAX_INTEGER + 1)),
    ],
)
@pytest.mark.parametrize("kind", [Settings, SettingsPatch])
def test_settings_have_bounds(kind: type[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=f"`{next(iter(fields))}`"):
        kind(**fields)


@pytest.mark.parametrize("patch", [SettingsPatch(weight=1), SettingsPatch(max_length=1)])
def test_a_gate_has_no_weight_and_no_max_length(patch: SettingsPatch) -> None:
    with pytest.raises(InvalidRequest, match=r"`(weight|max_length)`"):
        PatchType(patch)


@pytest.mark.parametrize("paused", [True, False, None])
def test_defaults_are_never_paused(*, paused: bool | None) -> None:
    with pytest.raises(InvalidRequest, match="`paused`"):
        PatchType(defaults=SettingsPatch(paused=paused))


@pytest.mark.parametrize(
    "make",
    [
        lambda freeze: PatchQueue("q", freeze=freeze),
        lambda freeze: PatchType(freeze=freeze),
        lambda freeze: Release(LEASE, freeze=freeze),
        lambda freeze: Fail(LEASE, freeze=freeze),
    ],
)
@pytest.mark.parametrize("freeze", [-1, MAX_DURATION + 1, True])
def test_a_freeze_has_bounds(make: Any, freeze: int) -> None:
    with pytest.raises(InvalidRequest, match="`freeze`"):
        make(freeze)


@pytest.mark.parametrize(
    "actual",
    [
        {f"unit{n}": 1 for n in range(MAX_UNITS + 1)},
        {"job": 0},
        {"job": MAX_COST + 1},
        {"token": -1},
        {"token": True},
        {"two words": 1},
    ],
)
def test_what_a_job_took_has_the_bounds_of_a_cost(actual: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match="`actual`"):
        Finish(LEASE, 60_000, actual)


@pytest.mark.parametrize("interval", [-1, MAX_DURATION + 1, True])
def test_an_interval_has_bounds_or_is_left_out(interval: int) -> None:
    for make in (lambda: NewJob("q", "j", b"", interval), lambda: SetInterval("q", interval)):
        with pytest.raises(InvalidRequest, match="`interval`"):
            make()
    assert NewJob("q", "j", b"", None).interval is None


@pytest.mark.parametrize("queue_id", ["", "no name", ".."])
def test_settings_are_those_of_a_queue_with_a_name(queue_id: str) -> None:
    with pytest.raises(InvalidRequest, match="`queue_id`"):
        PatchQueue(queue_id)


def test_a_patch_sets_takes_back_and_leaves() -> None:
    before = Settings((Limit(1, 1),), concurrency=2, weight=3, paused=True)
    patch = SettingsPatch(limits=(), concurrency=None, paused=None)
    assert patch.applied_to(before) == Settings((), weight=3)
    assert SettingsPatch().applied_to(before) == before
    assert patch.applied_to(NO_SETTINGS) == Settings(())


def test_defaults_fill_what_is_not_set() -> None:
    defaults = Settings((Limit(1, 1),), concurrency=2, weight=3, max_length=4)
    assert NO_SETTINGS.or_else(defaults) == defaults
    assert Settings((), max_length=0).or_else(defaults) == Settings((), 2, 3, 0)
    assert Settings(paused=True).or_else(NO_SETTINGS) == Settings(paused=True)
