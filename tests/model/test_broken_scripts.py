"""Broken Redis scripts against the memory store, and against the rules."""

import asyncio

import pytest
from model.broken_redis import FAULTS, SETTING_FAULTS, ScriptFault, open_broken
from model.emptying import emptying, nothing_is_left_for_good
from model.rare import RARELY_MET
from model.running import rarely_met, run_until_caught
from model.test_kit import first_failure, suite_of
from redis import Redis

from sharq_plug.errors import StoreUnavailable
from sharq_plug.testing.model_check import model_check

ALL = FAULTS | SETTING_FAULTS
FAULT_PATIENCE = 1.0
"""Seconds to wait for a wake-up of a broken store, which may never come."""


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        pytest.param(fault, faults is SETTING_FAULTS, id=name, marks=rarely_met(name))
        for faults in (FAULTS, SETTING_FAULTS)
        for name, fault in faults.items()
    ],
)
def test_a_broken_script_is_caught(
    fault: ScriptFault, redis: Redis, options: dict[str, object], *, settings: bool
) -> None:
    open_store = emptying(redis, lambda clock: open_broken(fault, options, clock))
    with pytest.raises(AssertionError):
        run_until_caught(
            model_check(
                open_store,
                when_emptied=lambda: nothing_is_left_for_good(redis),
                patience=FAULT_PATIENCE,
                settings=settings,
            )
        )


@pytest.mark.parametrize(
    "fault", [pytest.param(one, id=name) for name, one in ALL.items() if one.kit]
)
def test_the_kit_catches_a_broken_script(
    fault: ScriptFault, redis: Redis, options: dict[str, object]
) -> None:
    open_store = emptying(redis, lambda clock: open_broken(fault, options, clock))
    failure = first_failure(open_store, suite_of(fault.kit), asyncio.new_event_loop)
    assert failure is not None
    assert type(failure.error) is not StoreUnavailable, "it was not reached"


def test_the_kit_catches_what_only_the_long_run_looks_for() -> None:
    assert [name for name, fault in ALL.items() if name in RARELY_MET and not fault.kit] == []
