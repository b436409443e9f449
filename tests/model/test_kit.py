"""The conformance kit against broken stores, and the table of what catches each."""

import asyncio
import importlib
import inspect
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, get_args

import pytest
from model.broken_memory import AREAS, FAULTS, MODULES, Fault
from msgspec import Struct

import sharq_plug.model
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug import plugins
from sharq_plug.model import Amendment, Extras, LeaseOutcome, LeaseRef, NewJob, Setting, Settlement
from sharq_plug.testing import (
    Failure,
    ManualClock,
    OpenStore,
    StoreConformance,
    failures,
    model_check,
)
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.model_check import Operation, Recorder, Rule, check
from sharq_plug.testing.model_check.drawing import ITEMS
from sharq_plug.testing.model_check.exact.judge import RULES
from sharq_plug.testing.model_check.operations import VERBS, WATCHING, Item, kinds
from sharq_plug.testing.model_check.values import (
    AMENDMENTS,
    EXTRAS,
    NEW_JOB,
    SETTINGS,
    SETTLEMENTS,
)
from support.hurried import HurriedLoop

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
KIT_ON_MEMORY = Path(__file__).parents[1] / "conformance" / "test_memory.py"
HELPERS = {
    "AfterRescheduling",
    "BrokenListing",
    "KeepingState",
    "Limited",
    "OnBenches",
    "Reworked",
    "Silent",
    "ToldTotals",
}
"""Stores on which others stand; they have no fault of their own."""


def first_failure(
    open_store: OpenStore,
    suite: type[Conformance],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = HurriedLoop,
) -> Failure | None:
    async def find() -> Failure | None:
        return await anext(aiter(failures(open_store, suite)), None)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(find())


def suite_of(name: str) -> type[Conformance]:
    [suite] = [suite for suite in StoreConformance.__mro__ if suite.__name__ == name]
    return suite


def row(fault: Fault) -> str:
    rules = ", ".join(sorted(rule.value for rule in fault.rules)) or "no"
    little = "yes" if fault.sees_little else ""
    return f"| {fault.area} | `{fault.name}` | `{fault.kit}` | {rules} | {little} |"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_kit_catches_a_broken_store(fault: Fault) -> None:
    assert first_failure(fault.open, suite_of(fault.kit)) is not None


def test_the_kit_finds_nothing_in_a_store_that_is_not_broken() -> None:
    failure = first_failure(
        lambda clock: plugins.open_store("memory", clock=clock), StoreConformance
    )
    assert failure is None


def test_a_program_runs_the_tests_that_pytest_runs(request: pytest.FixtureRequest) -> None:
    def cannot_open(clock: ManualClock) -> MemoryStore:
        raise LookupError("there is no such store")

    async def run() -> Counter[str]:
        found = failures(cannot_open, StoreConformance)
        return Counter([failure.test async for failure in found])

    module = pytest.Module.from_parent(request.session, path=KIT_ON_MEMORY)
    collected = list(request.session.genitems(module))
    names = Counter(item.originalname for item in collected if isinstance(item, pytest.Function))
    assert asyncio.run(run()) == names


def test_no_test_of_the_kit_hides_another() -> None:
    suites = [vars(suite) for suite in StoreConformance.__mro__]
    owners = Counter(name for names in suites for name in names if name.startswith("test_"))
    assert [name for name, count in owners.items() if count > 1] == []


def test_every_broken_store_is_in_the_table() -> None:
    broken = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, TypeState | MemoryStore)
        and value.__module__ == module.__name__
    }
    assert broken - HELPERS == set(FAULTS)
    assert len(FAULTS) == sum(map(len, AREAS.values()))


def test_every_operation_is_asked_judged_and_drawn() -> None:
    assert set(VERBS) == set(RULES) == set(ITEMS) == set(get_args(Item)) - set(WATCHING)
    assert {*NEW_JOB, "extras"} == set(NewJob.__struct_fields__)
    assert {*EXTRAS, "uses"} == set(Extras.__struct_fields__)
    assert set(SETTLEMENTS) == set(kinds(Settlement))
    assert set(AMENDMENTS) == set(kinds(Amendment))
    assert set(SETTINGS) == set(kinds(Setting))


class Unheard(Struct, frozen=True):
    """A kind of settlement, or of setting, that nobody knows."""

    queue_id: str = "q"
    lease: LeaseRef = LeaseRef("q", "j")


@pytest.mark.parametrize("complete", [True, False])
def test_a_history_with_an_unknown_operation_is_not_judged(*, complete: bool) -> None:
    recorder = Recorder(lambda: 0)
    item: Any = Unheard()
    recorder.begin(Operation("t", item)).answer(LeaseOutcome.ENDED)
    with pytest.raises((AssertionError, LookupError)):
        check(recorder.history(complete=complete))


def test_no_two_classes_of_the_model_check_share_a_name_with_each_other_or_the_model() -> None:
    modules = [
        importlib.import_module(found.name)
        for package in (model_check, sharq_plug.model)
        for found in walk_packages(package.__path__, f"{package.__name__}.")
    ]
    owners = Counter(
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    )
    assert [name for name, count in owners.items() if count > 1] == []


def test_every_rule_that_can_be_broken_is_broken_by_some_store() -> None:
    assert set(Rule) == {rule for fault in FAULTS.values() for rule in fault.rules}


def test_the_page_shows_the_table() -> None:
    shown = [line for line in PAGE.read_text().splitlines() if "Conformance` |" in line]
    assert shown == [row(fault) for fault in FAULTS.values()]
