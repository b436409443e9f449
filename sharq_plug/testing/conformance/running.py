"""Running the kit without pytest's command: from a program, or from a test about many stores."""

import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sharq_plug.testing.conformance.base import Conformance, OpenStore


@dataclass(frozen=True, slots=True)
class Failure:
    """A test of the kit that a store did not pass, with the values it was run with."""

    test: str
    values: dict[str, Any]
    error: Exception


async def failures(open_store: OpenStore, suite: type[Conformance]) -> AsyncIterator[Failure]:
    """Run the tests of `suite` on stores of `open_store`; yield each failure as it is found.

    `suite` is StoreConformance, or one of the classes that it is made of. Leave off at the first
    failure if that is all you want to know. Every test has a store of its own.
    """
    for name, test in _tests(suite):
        for values in _values(test):
            try:
                await _run(test, suite(), open_store, values)
            except Exception as error:
                yield Failure(name, values, error)


def _tests(suite: type[Conformance]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Iterate over a suite's tests in the order in which they stand."""
    for owner in reversed(suite.__mro__):
        for name, test in vars(owner).items():
            if name.startswith("test_"):
                yield name, test


def _values(test: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Iterate over the sets of values that `pytest.mark.parametrize` gives a test."""
    choices: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize":
            names, rows = mark.args
            if isinstance(names, str):
                names = [name.strip() for name in names.split(",")]
            choices.append([_row(names, row) for row in rows])
    for chosen in itertools.product(*choices):
        yield {name: value for values in chosen for name, value in values.items()}


def _row(names: list[str], row: Any) -> dict[str, Any]:
    return {names[0]: row} if len(names) == 1 else dict(zip(names, row, strict=True))


async def _run(
    test: Callable[..., Any], suite: Conformance, open_store: OpenStore, values: dict[str, Any]
) -> None:
    given = {"self": suite, "open_store": open_store, **values}
    async with AsyncExitStack() as stack:
        await test(**await _arguments(test, given, stack))


async def _arguments(
    function: Callable[..., Any], given: dict[str, Any], stack: AsyncExitStack
) -> dict[str, Any]:
    """Return what a test or a fixture asks for; fixtures of the suite are made once and noted."""
    wanted = inspect.signature(function).parameters
    for name in wanted:
        if name not in given:
            fixture = inspect.unwrap(inspect.getattr_static(given["self"], name))
            arguments = await _arguments(fixture, given, stack)
            if inspect.isasyncgenfunction(fixture):
                made = asynccontextmanager(fixture)(**arguments)
                given[name] = await stack.enter_async_context(made)
            else:
                given[name] = fixture(**arguments)
    return {name: given[name] for name in wanted}
