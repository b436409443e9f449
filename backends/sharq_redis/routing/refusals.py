"""Replies that refuse a call before it runs, so it may be sent again."""

from dataclasses import dataclass
from typing import Any

import hiredis

from sharq_redis.routing.slots import SLOTS
from sharq_redis.target import Endpoint

LATER = ("TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY")
"""The same call may succeed later, on the same server or on another."""
ELSEWHERE = ("MOVED", "ASK")
"""The reply names a slot and the server to use: MOVED from now on, ASK only once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply saying that nothing was run. MOVED and ASK have a `slot` and a `server`."""

    word: str
    slot: int = -1
    server: Endpoint | None = None


def refusal_in(reply: Any, asked: Endpoint) -> Refusal | None:
    """Return the refusal in a reply from the server `asked`; None if the reply is no refusal."""
    if not isinstance(reply, hiredis.ReplyError):
        return None
    word, _, rest = str(reply).partition(" ")
    if word in LATER:
        return Refusal(word)
    if word not in ELSEWHERE:
        return None
    slot, _, place = rest.partition(" ")
    host, _, port = place.strip().rpartition(":")
    if not (slot.isdecimal() and int(slot) < SLOTS and port.isdecimal()):
        return None
    server = Endpoint(asked.host if host in {"", "?"} else host.strip("[]"), int(port))
    return Refusal(word, int(slot), server)
