"""Query strings: from text to typed options, or an InvalidRequest that says what is allowed."""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar
from urllib.parse import unquote

import msgspec

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.bodies import DequeueBody
from sharq_plug.http.api.fields import (
    CancelLeased,
    Cursor,
    Detail,
    PageLimit,
    Prefix,
    ShowPayload,
    said,
)
from sharq_plug.model import JobState, invalid

Options = TypeVar("Options", bound=msgspec.Struct)

_is_number = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch
_not_letters = re.compile(r"[^a-z0-9]+")


class Sort(Enum):
    """Orders in which queues are listed."""

    OVERDUE = "overdue"
    WAITING = "waiting"


ClearedStates: TypeAlias = Annotated[
    frozenset[JobState], said("Remove only jobs in these states", minItems=1)
]


class JobQuery(msgspec.Struct, frozen=True):
    """The options of a look at a job."""

    payload: ShowPayload = False


class ReadyQuery(msgspec.Struct, frozen=True):
    """The options of a probe of readiness."""

    detail: Detail = False


class CancelQuery(msgspec.Struct, frozen=True):
    """The options of a cancel."""

    leased: CancelLeased = False


class PageQuery(msgspec.Struct, frozen=True):
    """The options of every listing."""

    cursor: Cursor | None = None
    limit: PageLimit = 100


class QueuesQuery(PageQuery, frozen=True):
    """The options of a listing of queues."""

    EXCLUDES: ClassVar = (("prefix", "sort"),)

    prefix: Prefix = ""
    sort: Annotated[Sort, said("The overdue queues only, or the longest first")] | None = None


class JobsQuery(PageQuery, frozen=True):
    """The options of a listing of jobs."""

    state: Annotated[JobState, said("The state of the jobs")] = JobState.WAITING
    payload: ShowPayload = False


class ClearQuery(msgspec.Struct, frozen=True):
    """The options of a clearing of a queue."""

    states: ClearedStates | None = None


class ClearTypeQuery(ClearQuery, frozen=True):
    """The options of a clearing of a type."""

    cursor: Cursor | None = None


NOTHING_ASKED = DequeueBody()
_OF_DEQUEUE = DequeueBody.__struct_fields__
_OF_OTHERS = frozenset({"queue_id", "queue_type"})
"""Parameters that clients of other routes may send along; they are near to `queues`."""
_BARE = {name.replace("_", ""): name for name in _OF_DEQUEUE}


def _ignore(_name: str) -> None:
    """Accept any other parameter."""


def read_query(
    query: str, options: type[Options], check_other: Callable[[str], None] = _ignore
) -> Options:
    """Return the options in a query string: the fields of `options`.

    Other parameters are ignored, unless `check_other(name)` refuses them.
    """
    said: dict[str, Any] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = _decoded(name)
        if name not in options.__struct_fields__:
            check_other(name)
        elif name in said:
            raise InvalidRequest(f"`{name}` is given more than once.")
        else:
            said[name] = _READERS.get(name, _number)(name, _decoded(value))
    return options(**said)


def read_dequeue_query(query: str, _options: object = DequeueBody) -> DequeueBody:
    """Return what a dequeue asks for in its query.

    A parameter that is nearly an option is refused. If `?waits=30000` were ignored, a worker
    would ask again without a pause.
    """
    return read_query(query, DequeueBody, _check_not_nearly_an_option) if query else NOTHING_ASKED


def _decoded(part: str) -> str:
    """Undo percent-encoding; a plus is a plus, as in a path: names may hold one."""
    return unquote(part) if "%" in part else part


def _text(_name: str, text: str) -> str:
    return text


def _flag(name: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise InvalidRequest(f"`{name}` must be 0 or 1.")
    return text == "1"


def _names(_name: str, text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _number(name: str, text: str) -> int:
    if _is_number(text) is None:
        raise invalid(name)
    return int(text)


def _member(kind: type[Enum], name: str, text: str) -> Enum:
    try:
        return kind(text)
    except ValueError:
        raise invalid(name) from None


def _states(name: str, text: str) -> frozenset[Enum]:
    return frozenset(_member(JobState, name, state) for state in text.split(","))


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "attempt_id": _text,
    "cursor": _text,
    "detail": _flag,
    "leased": _flag,
    "payload": _flag,
    "prefix": _text,
    "queues": _names,
    "sort": partial(_member, Sort),
    "state": partial(_member, JobState),
    "states": _states,
    "together": _flag,
}
"""How to read the options that are not numbers."""


def _check_not_nearly_an_option(name: str) -> None:
    if name in _OF_OTHERS:
        return
    bare = _not_letters.sub("", name.lower())
    for option, meant in _BARE.items():
        if _is_nearly(bare, option):
            raise InvalidRequest(f"There is no `{name}`: `{meant}` is meant.")


def _is_nearly(word: str, option: str) -> bool:
    """Return whether at most a third of the option's letters differ (see `_distance`)."""
    bound = len(option) // 3
    return abs(len(word) - len(option)) <= bound and _distance(word, option) <= bound


def _distance(one: str, other: str) -> int:
    """Return how many letters to add, remove, change or swap with their neighbour.

    This is the optimal string alignment distance.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
