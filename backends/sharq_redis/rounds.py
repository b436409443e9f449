"""Readings that take several rounds of commands, each after the replies to the one before it."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from sharq_plug.errors import StoreUnavailable
from sharq_redis.routing.route import Route
from sharq_redis.wire import Command

T = TypeVar("T")
K = TypeVar("K")

Reading: TypeAlias = Generator[Sequence[Command], list[Any], T]
"""Yields the commands of a round, gets their replies, errors among them, and returns a result."""


async def read_together(
    route: Route, readings: Mapping[K, Reading[T]]
) -> dict[K, T | StoreUnavailable]:
    """Return the results of readings; what they ask for in a round goes in one round trip.

    A reading ends with StoreUnavailable where one of several servers does not answer.
    Raises StoreUnavailable where none does.
    """
    results: dict[K, T | StoreUnavailable] = {}
    replies: dict[K, list[Any] | None] = dict.fromkeys(readings)
    while replies:
        asked: dict[K, Sequence[Command]] = {}
        for key, found in replies.items():
            try:
                asked[key] = next(readings[key]) if found is None else readings[key].send(found)
            except StopIteration as end:
                results[key] = end.value
        commands = [command for part in asked.values() for command in part]
        answers = iter(await route.ask(commands) if commands else ())
        replies = {key: [next(answers) for _ in part] for key, part in asked.items()}
        for key, found in tuple(replies.items()):
            lost = next((one for one in found or () if isinstance(one, StoreUnavailable)), None)
            if lost is not None:
                readings[key].close()
                results[key] = lost
                del replies[key]
    return results
