"""Query strings: from text to typed options, or an InvalidRequest in SharQ's words."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.bodies import DequeueBody
from sharq_plug.model import invalid

_is_number = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch
_not_letters = re.compile(r"[^a-z0-9]+")


NOTHING_ASKED = DequeueBody()
_OPTIONS = DequeueBody.__struct_fields__
_OF_OTHERS = frozenset({"queue_id", "queue_type"})
"""Parameters that clients of other routes may send along; they are near to `queues`."""
_BARE = {name.replace("_", ""): name for name in _OPTIONS}


def decode_dequeue_query(query: str) -> DequeueBody:
    """Return the options in a query string; ignore other parameters.

    A parameter that is nearly an option is refused. If `?waits=30000` were ignored, a worker
    would ask again without a pause.
    """
    if not query:
        return NOTHING_ASKED
    said: dict[str, Any] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = _decoded(name)
        if name not in _OPTIONS:
            _check_not_nearly_an_option(name)
        elif name in said:
            raise InvalidRequest(f"`{name}` is given more than once.")
        else:
            said[name] = _READERS.get(name, _number)(name, _decoded(value))
    return DequeueBody(**said)


def decode_flag(query: str, name: str) -> bool:
    """Return whether a query says `name=1`; raise InvalidRequest unless that is 0, 1 or absent."""
    values = [
        value
        for part in query.split("&")
        for key, _, value in [part.partition("=")]
        if _decoded(key) == name
    ]
    if len(values) > 1:
        raise InvalidRequest(f"`{name}` is given more than once.")
    return bool(values) and _flag(name, values[0])


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


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "attempt_id": _text,
    "queues": _names,
    "together": _flag,
}
"""How the options are read that are no numbers."""


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
