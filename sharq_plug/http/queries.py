"""Query strings: from text to typed options, or an InvalidRequest in SharQ's words."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from sharq_plug.model import invalid

_is_number = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class DequeueQuery:
    """What a dequeue may ask for.

    `count` is how many jobs, None: one, and not in a list; `wait` is for how long (ms).
    """

    count: int | None = None
    wait: int = 0
    attempt_id: str | None = None


_PLAIN = DequeueQuery()


def decode_dequeue_query(query: str) -> DequeueQuery:
    """Return the options in a query string; what it says beside them is ignored."""
    if not query:
        return _PLAIN
    said = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    return DequeueQuery(
        count=_number("count", said["count"]) if "count" in said else None,
        wait=_number("wait", said["wait"]) if "wait" in said else 0,
        attempt_id=said.get("attempt_id"),
    )


def _number(name: str, text: str) -> int:
    if _is_number(text) is None:
        raise invalid(name)
    return int(text)
