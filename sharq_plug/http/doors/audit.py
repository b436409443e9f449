"""The audit log: a line for each request that changes what only an administrator may change."""

import logging
from collections.abc import Mapping

import msgspec

from sharq_plug.http.api.replies import Reply
from sharq_plug.http.api.routes import Route
from sharq_plug.model import Caller

audit_logger = logging.getLogger("sharq_plug.audit")


class _Counts(msgspec.Struct):
    """The fields of replies that say how many jobs or letters a request hit."""

    removed: dict[str, int] | None = None
    redriven: int | None = None
    discarded: int | None = None


_counts = msgspec.json.Decoder(_Counts)


def note(caller: Caller, method: str, route: Route, names: Mapping[str, str], reply: Reply) -> None:
    """Log what an administrator did: key id, verb, what it named, the status, and how many."""
    what = "/".join(_shown(name) for name in names.values())
    write(caller.id, f"{method} {route.verb}", what, reply.status, _how_many(reply))


def write(key_id: str, verb: str, what: str, status: int, count: int) -> None:
    """Log a line. `what` is a path of names, or empty."""
    audit_logger.info(
        "key %s: %s %s: %d, %d changed",
        key_id,
        verb,
        what or "-",
        status,
        count,
        extra={
            "fields": {
                "key_id": key_id,
                "verb": verb,
                "what": what,
                "status": status,
                "count": count,
            }
        },
    )


def _how_many(reply: Reply) -> int:
    """Return how many things a reply says were changed."""
    if reply.status >= 300:  # noqa: PLR2004  # no success
        return 0
    counts = _counts.decode(reply.body)
    if counts.removed is not None:
        return sum(counts.removed.values())
    if counts.redriven is not None:
        return counts.redriven
    return 1 if counts.discarded is None else counts.discarded


def _shown(name: str) -> str:
    """Return a name as it may stand in a log: without anything but what names are made of."""
    return name if name.isascii() and name.isprintable() else ascii(name)
