"""Query strings: from text to typed options, or an InvalidRequest in SharQ's words."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import invalid

_is_number = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch
_not_letters = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class DequeueQuery:
    """What a dequeue may ask for.

    `count` is the number of jobs; None means one, not in a list. `wait` is in ms.
    """

    count: int | None = None
    wait: int = 0
    attempt_id: str | None = None


_PLAIN = DequeueQuery()
_OPTIONS = ("count", "wait", "attempt_id")
_BARE = {name.replace("_", ""): name for name in _OPTIONS}


def decode_dequeue_query(query: str) -> DequeueQuery:
    """Return the options in a query string; ignore other parameters.

    A parameter that is nearly an option is refused. If `?waits=30000` were ignored, a worker
    would ask again without a pause.
    """
    if not query:
        return _PLAIN
    said: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = _decoded(name)
        if name not in _OPTIONS:
            _check_not_nearly_an_option(name)
        elif name in said:
            raise InvalidRequest(f"`{name}` is given more than once.")
        else:
            said[name] = _decoded(value)
    return DequeueQuery(
        count=_number("count", said["count"]) if "count" in said else None,
        wait=_number("wait", said["wait"]) if "wait" in said else 0,
        attempt_id=said.get("attempt_id"),
    )


def _decoded(part: str) -> str:
    """Undo percent-encoding; a plus is a plus, as in a path: names may hold one."""
    return unquote(part) if "%" in part else part


def _number(name: str, text: str) -> int:
    if _is_number(text) is None:
        raise invalid(name)
    return int(text)


def _check_not_nearly_an_option(name: str) -> None:
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
